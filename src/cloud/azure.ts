import { sha1 } from '@noble/hashes/legacy.js'
import { fromBase64, toBase64Url } from '../base/index.ts'
import { signJwt } from './jwt.ts'
import { answerField, parseObject, postToService, type CloudDeps } from './request.ts'

/** How to get a token of Microsoft Entra ID. */
export interface AzureCredentials {
  readonly authorityHost: string
  readonly tenantId: string
  readonly clientId: string
  /** A password, a certificate with its private key in PEM, or a token of somebody whom the application trusts. */
  readonly proof:
    | { readonly kind: 'secret'; readonly secret: string }
    | { readonly kind: 'certificate'; readonly pem: string; readonly sendChain: boolean }
    | { readonly kind: 'federated'; readonly token: string }
}

/** A token and when it ends, in milliseconds since 1970. */
export interface AzureToken {
  readonly token: string
  readonly expiresAt: number
}

/** Where tokens of the public cloud are given out. */
export const azureAuthority = 'https://login.microsoftonline.com/'

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * A token by client credentials.
 *
 * @param options.unusable makes the error for a certificate that cannot be used, of the reason.
 * @throws EngineError as postToService.
 */
export async function fetchAzureToken(
  deps: CloudDeps,
  credentials: AzureCredentials,
  options: { readonly scope: string; readonly unusable: (why: string) => Error },
): Promise<AzureToken> {
  const { tenantId, clientId, proof } = credentials
  const url = `${credentials.authorityHost.replace(/\/+$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`
  const parameters: { [name: string]: string } = {
    grant_type: 'client_credentials',
    client_id: clientId,
    scope: options.scope,
  }
  if (proof.kind === 'secret') parameters['client_secret'] = proof.secret
  else {
    parameters['client_assertion_type'] = assertionType
    parameters['client_assertion'] =
      proof.kind === 'federated'
        ? proof.token
        : await certificateAssertion(deps, { clientId, audience: url, proof, unusable: options.unusable })
  }
  const body = new URLSearchParams(parameters).toString()
  const text = await postToService(deps, { service: 'Azure AD', url, headers: form, body })
  const seconds = Number(parseObject(text)?.['expires_in'] ?? 300)
  return {
    token: answerField(deps, text, 'Azure AD', 'access_token'),
    expiresAt: deps.now() + (seconds > 0 ? seconds : 300) * 1000,
  }
}

async function certificateAssertion(
  deps: CloudDeps,
  options: {
    readonly clientId: string
    readonly audience: string
    readonly proof: Extract<AzureCredentials['proof'], { kind: 'certificate' }>
    readonly unusable: (why: string) => Error
  },
): Promise<string> {
  const { clientId, audience, proof, unusable } = options
  const certificates = [...proof.pem.matchAll(/-----BEGIN CERTIFICATE-----([\s\S]*?)-----END CERTIFICATE-----/g)].map(
    ([, body = '']) => body.replaceAll(/\s/g, ''),
  )
  const own = certificates[0] === undefined ? undefined : fromBase64(certificates[0])
  if (own === undefined) throw unusable('it holds no certificate in PEM')
  const issuedAt = Math.floor(deps.now() / 1000)
  return await signJwt(
    {
      aud: audience,
      iss: clientId,
      sub: clientId,
      jti: crypto.randomUUID(),
      nbf: issuedAt,
      iat: issuedAt,
      exp: issuedAt + 600,
    },
    {
      pem: proof.pem,
      header: { x5t: toBase64Url(sha1(own)), ...(proof.sendChain ? { x5c: certificates } : {}) },
      unusable,
    },
  )
}
