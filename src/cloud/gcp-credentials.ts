import { parseObject } from './request.ts'

/** How to get a token of Google. */
export type GcpCredentials =
  | {
      readonly kind: 'service_account'
      readonly clientEmail: string
      readonly privateKey: string
      readonly privateKeyId: string
      readonly tokenUri: string
    }
  | {
      readonly kind: 'authorized_user'
      readonly clientId: string
      readonly clientSecret: string
      readonly refreshToken: string
      readonly tokenUri: string
    }

const defaultTokenUri = 'https://oauth2.googleapis.com/token'

/**
 * The credentials in a mapping that has the form of Google's credentials file.
 *
 * @param field gives a text field, '' where it is missing.
 * @param unusable makes the error, of the reason; it never holds a value.
 */
export function readGcpCredentials(field: (name: string) => string, unusable: (why: string) => Error): GcpCredentials {
  const type = field('type')
  const tokenUri = field('token_uri') || defaultTokenUri
  if (type === 'service_account') {
    const [clientEmail, privateKey] = [field('client_email'), field('private_key')]
    if (clientEmail === '' || privateKey === '') throw unusable('it needs client_email and private_key')
    return { kind: type, clientEmail, privateKey, privateKeyId: field('private_key_id'), tokenUri }
  }
  if (type === 'authorized_user') {
    const [clientId, clientSecret, refreshToken] = [field('client_id'), field('client_secret'), field('refresh_token')]
    if (clientId === '' || refreshToken === '') throw unusable('it needs client_id and refresh_token')
    return { kind: type, clientId, clientSecret, refreshToken, tokenUri }
  }
  throw unusable('only credentials of type service_account and authorized_user are supported')
}

/** {@link readGcpCredentials} of the JSON text of a credentials file. */
export function parseGcpCredentials(text: string, unusable: (why: string) => Error): GcpCredentials {
  const fields = parseObject(text)
  if (fields === undefined) throw unusable('it is no JSON object')
  return readGcpCredentials((name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined
    return typeof value === 'string' ? value : ''
  }, unusable)
}
