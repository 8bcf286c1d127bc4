import type { Finding } from './findings.ts'

/** A credential as `GET /api/clusters` shows it. */
export interface ShownCredential {
  readonly kind: string
  /** Milliseconds since 1970. */
  readonly issuedAt?: number
  readonly expiresAt?: number
  readonly note?: string
  readonly issuer?: string
  readonly audience?: string
}

const area = 'deployment'
const day = 86_400_000
/** A credential that ends in less than this is to be replaced now. */
const soonMs = 14 * day
/** One that has been around for longer may be in more places than one knows. */
const oldMs = 180 * day
const shortLived: readonly string[] = ['oidc', 'aws', 'gcp', 'azure']
const stored: { readonly [kind: string]: string } = {
  token: 'a token that is stored',
  certificate: 'a client certificate that is stored',
  kubeconfig: 'a kubeconfig',
}

/** What the deployment logs in to a cluster with, how old it is, and when it ends. */
export function credentialFinding(cluster: string, credential: ShownCredential, now: number): Finding {
  const { kind, issuedAt, expiresAt, note } = credential
  const notes = note === undefined ? '' : `: ${note}`
  if (shortLived.includes(kind)) {
    const where = kind === 'oidc' ? 'tokens of the deployment itself' : `the identity at ${kind}`
    return { area, state: 'ok', message: `the cluster ${cluster} is reached with ${where}${notes}` }
  }
  const what = stored[kind]
  if (what === undefined)
    return { area, state: 'ok', message: `the cluster ${cluster} is reached without a credential of its own${notes}` }
  const age = issuedAt === undefined ? 'of unknown age' : `${days(now - issuedAt)} old`
  const rest =
    expiresAt === undefined ? '' : expiresAt <= now ? ', which has expired' : `, good for ${days(expiresAt - now)} more`
  const message = `the cluster ${cluster} is reached with ${what}, ${age}${rest}${notes}`
  const better = `or let the deployment issue its own: "identity": {"kind": "oidc"} (infra/docs/identity.md)`
  if (expiresAt !== undefined && expiresAt <= now)
    return { area, state: 'problem', message, fix: `replace it now, ${better}` }
  if (expiresAt !== undefined && expiresAt - now < soonMs)
    return { area, state: 'warning', message, fix: `replace it before it ends, ${better}` }
  if (issuedAt !== undefined && now - issuedAt > oldMs)
    return { area, state: 'warning', message, fix: `replace it, ${better}` }
  return { area, state: 'ok', message }
}

function days(milliseconds: number): string {
  const count = Math.floor(milliseconds / day)
  return count === 1 ? '1 day' : count === 0 ? 'less than a day' : `${count} days`
}
