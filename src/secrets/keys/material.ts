import { isEngineError } from '../../base/index.ts'
import {
  readGcpCredentials,
  type AwsCredentials,
  type AzureCredentials,
  type GcpCredentials,
} from '../../cloud/index.ts'
import { parseYaml } from '../../yaml/index.ts'
import { utf8Text } from '../encoding.ts'
import { secretsError } from '../errors.ts'

/** The keys and credentials that a Kustomization decrypts with. They live in memory, for one run. */
export interface KeyMaterial {
  /** Age identities, one a line, and SSH private keys in PEM; each with the name of where it is from. */
  readonly age: readonly { readonly name: string; readonly text: string }[]
  /** Armored OpenPGP private keys. */
  readonly openpgp: readonly { readonly name: string; readonly text: string }[]
  readonly vaultToken?: string
  readonly aws?: AwsCredentials
  readonly azure?: AzureCredentials
  readonly gcp?: GcpCredentials
}

const defaultAuthority = 'https://login.microsoftonline.com/'

/**
 * The key material in a decryption Secret, by the names of its data (kustomize-controller 1.9, ImportKeys): `*.agekey`, `*.asc`,
 * `sops.vault-token`, `sops.aws-kms`, `sops.azure-kv`, `sops.gcp-kms`. Other names are left alone.
 *
 * @param data decoded values by name.
 * @param origin what messages call the Secret.
 * @throws EngineError `sops-bad-key-material` naming the entry, never its content.
 */
export function readKeyMaterial(data: ReadonlyMap<string, Uint8Array>, origin: string): KeyMaterial {
  const age: { name: string; text: string }[] = []
  const openpgp: { name: string; text: string }[] = []
  const single: { -readonly [K in keyof Omit<KeyMaterial, 'age' | 'openpgp'>]: KeyMaterial[K] } = {}
  for (const [name, bytes] of [...data].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const place = `'${name}' of ${origin}`
    const text = (): string => decodeText(bytes, place)
    if (name.endsWith('.agekey')) age.push({ name: place, text: text() })
    else if (name.endsWith('.asc')) openpgp.push({ name: place, text: text() })
    else if (name === 'sops.vault-token') single.vaultToken = text().trim()
    else if (name === 'sops.aws-kms') single.aws = readAws(text(), place)
    else if (name === 'sops.azure-kv') single.azure = readAzure(text(), place)
    else if (name === 'sops.gcp-kms') single.gcp = readGcp(text(), place)
  }
  return { age, openpgp, ...single }
}

type Fields = (name: string) => string

function readAws(text: string, place: string): AwsCredentials {
  const field = fields(text, place)
  const accessKeyId = field('aws_access_key_id')
  const secretAccessKey = field('aws_secret_access_key')
  if (accessKeyId === '' || secretAccessKey === '')
    throw unusable(place, 'it needs aws_access_key_id and aws_secret_access_key')
  const sessionToken = field('aws_session_token')
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
}

/** Azure's file in each of its shapes, in the order in which kustomize-controller looks for them (internal/sops/azkv). */
function readAzure(text: string, place: string): AzureCredentials {
  const field = fields(text, place)
  const authorityHost = field('authorityHost') || defaultAuthority
  const tenantId = field('tenantId')
  const clientId = field('clientId')
  if (tenantId !== '' && clientId !== '') {
    const secret = field('clientSecret')
    if (secret !== '') return { authorityHost, tenantId, clientId, proof: { kind: 'secret', secret } }
    const pem = field('clientCertificate')
    if (pem !== '') {
      if (!pem.includes('-----BEGIN'))
        throw unusable(place, 'clientCertificate must be PEM; PKCS#12 is not supported: convert it with openssl')
      const sendChain = field('clientCertificateSendChain') === 'true'
      return { authorityHost, tenantId, clientId, proof: { kind: 'certificate', pem, sendChain } }
    }
  }
  const [tenant, appId, password] = [field('tenant'), field('appId'), field('password')]
  if (tenant !== '' && appId !== '' && password !== '')
    return { authorityHost, tenantId: tenant, clientId: appId, proof: { kind: 'secret', secret: password } }
  if (clientId !== '')
    throw unusable(
      place,
      'a managed identity (clientId alone) is only there on a machine of Azure; use tenantId, clientId and clientSecret or clientCertificate',
    )
  throw unusable(
    place,
    'it needs tenantId, clientId and clientSecret or clientCertificate, or tenant, appId and password',
  )
}

function readGcp(text: string, place: string): GcpCredentials {
  return readGcpCredentials(fields(text, place), (why) => unusable(place, why))
}

/** The text fields of a YAML or JSON mapping. */
function fields(text: string, place: string): Fields {
  let value: unknown
  try {
    value = parseYaml(text, { dialect: 'sigs' })
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw unusable(place, 'it is no YAML')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unusable(place, 'it is no mapping')
  const map = value as { readonly [name: string]: unknown }
  return (name) => {
    const found = Object.hasOwn(map, name) ? map[name] : undefined
    return typeof found === 'string'
      ? found
      : typeof found === 'boolean' || typeof found === 'number'
        ? String(found)
        : ''
  }
}

/** Text in UTF-8, or in UTF-16 with its byte order mark, as tools on Windows write it. */
function decodeText(bytes: Uint8Array, place: string): string {
  const [a, b] = bytes
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  const text = utf8Text(bytes)
  if (text === undefined) throw unusable(place, 'it is not text in UTF-8')
  return text.replace(/^\ufeff/, '')
}

function unusable(place: string, why: string) {
  return secretsError('sops-bad-key-material', `the key material in ${place} cannot be used: ${why}`)
}
