import { utf8Text } from './encoding.ts'

/** The file formats of SOPS. `binary` is any content inside a JSON envelope. */
export type SopsFormat = 'yaml' | 'json' | 'dotenv' | 'ini' | 'binary'

/** Text that an encrypted file of each format holds (kustomize-controller 1.9, sopsFormatToMarkerBytes). */
const markers: { readonly [format in SopsFormat]: string } = {
  binary: '"mac": "ENC[',
  json: '"mac": "ENC[',
  dotenv: 'sops_mac=ENC[',
  ini: '[sops]',
  yaml: 'mac: ENC[',
}

/** The format of a file by its name (sops v3.13, formats.FormatForPath; docker's configuration is JSON, as kustomize-controller has it). */
export function formatOfPath(path: string): SopsFormat {
  if (path.endsWith('.dockerconfigjson')) return 'json'
  if (path.endsWith('.yaml') || path.endsWith('.yml')) return 'yaml'
  if (path.endsWith('.json')) return 'json'
  if (path.endsWith('.env')) return 'dotenv'
  if (path.endsWith('.ini')) return 'ini'
  return 'binary'
}

/** True when the content looks encrypted in this format. A cheap look: reading decides. */
export function isEncrypted(content: Uint8Array, format: SopsFormat): boolean {
  return new TextDecoder('latin1').decode(content).includes(markers[format])
}

/**
 * The format in which the content is encrypted, or undefined where it is not. kustomize-controller tries the formats in random order, and
 * binary and JSON have the same marker; here a JSON envelope with nothing but `data` is binary, so that the outcome is always the same.
 */
export function detectFormat(content: Uint8Array): SopsFormat | undefined {
  if (isEncrypted(content, 'json')) return isBinaryEnvelope(content) ? 'binary' : 'json'
  return (['dotenv', 'yaml', 'ini'] as const).find((format) => isEncrypted(content, format))
}

function isBinaryEnvelope(content: Uint8Array): boolean {
  try {
    const value = JSON.parse(utf8Text(content) ?? '') as unknown
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const keys = Object.keys(value)
    return keys.length === 2 && keys.includes('data') && keys.includes('sops')
  } catch {
    return false
  }
}
