import { decodeBase64, encodeBase64 } from '../encoding.ts'

export interface PemBlock {
  readonly type: string
  readonly bytes: Uint8Array
}

/** A PEM block with lines of 64 characters, as Go's encoding/pem writes it. */
export function encodePem(type: string, bytes: Uint8Array): string {
  const body = encodeBase64(bytes).replace(/.{1,64}/g, '$&\n')
  return `-----BEGIN ${type}-----\n${body}-----END ${type}-----\n`
}

/** The first PEM block in a text, or undefined. Headers before the data are skipped. */
export function decodePem(text: string): PemBlock | undefined {
  for (let at = text.indexOf('-----BEGIN '); at !== -1; at = text.indexOf('-----BEGIN ', at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue
    const type = /^-----BEGIN ([^\n-]*)-----[ \t\r]*\n/.exec(text.slice(at, at + 200))
    if (type === null) continue
    const start = at + type[0].length
    const end = text.indexOf(`-----END ${type[1]!}-----`, start)
    if (end === -1) continue
    const body = text.slice(start, end).replace(/^(?:[^\n:]+:[^\n]*\n)+\s*\n/, '')
    const bytes = decodeBase64(body.replaceAll(/[ \t\r\n]/g, ''))
    if (typeof bytes !== 'string') return { type: type[1]!, bytes }
  }
  return undefined
}
