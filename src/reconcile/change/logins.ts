import { idOf, sourceKinds, type Source, type World } from '../world.ts'

/** Fields of a source that make it log in somewhere, or say what to trust and to go through while it does. */
const loginFields = [
  'secretRef',
  'certSecretRef',
  'proxySecretRef',
  'provider',
  'serviceAccountName',
  'sts',
  'passCredentials',
] as const

/** Whether a source logs in anywhere: what it gives out may be private. */
export function hasLogin(source: Source): boolean {
  return loginsOf(source).length > 0 || hasPassword(source)
}

/** A password may be part of the URL. */
function hasPassword(source: Source): boolean {
  const { url } = specOf(source)
  return typeof url === 'string' && URL.canParse(url) && new URL(url).password !== ''
}

/**
 * The source as a change makes it, without logins that the cluster does not use at that host yet. Whoever can open a pull request could otherwise have the credentials of a source sent to a host of their own, before
 * anybody has looked at it.
 */
export function withSafeLogins(live: World, source: Source): { readonly source: Source; readonly isStripped: boolean } {
  const logins = loginsOf(source)
  if (logins.length === 0) return { source, isStripped: false }
  const namespace = source.metadata.namespace ?? ''
  const host = hostOf(source)
  const known = sourceKinds
    .flatMap((kind): readonly Source[] => live.ofKind(kind))
    .filter((one) => (one.metadata.namespace ?? '') === namespace && hostOf(one) === host)
  const isSafe = host !== '' && known.some((one) => logins.every((login) => loginsOf(one).includes(login)))
  return isSafe ? { source, isStripped: false } : { source: withoutLogins(source), isStripped: true }
}

/** The source without anything that it logs in with. One that logs in nowhere stays as it is. */
export function withoutLogins<T extends Source>(source: T): T {
  const spec = Object.fromEntries(Object.entries(specOf(source)).filter(([field, value]) => !isLogin(field, value)))
  return { ...source, spec } as T
}

/** Whether a source of one side asks for the same as that of the cluster. */
export function isSameSource(live: World, source: Source): boolean {
  const known = live.get(idOf(source))
  return known !== undefined && JSON.stringify(known.spec) === JSON.stringify(source.spec)
}

function loginsOf(source: Source): readonly string[] {
  const spec = specOf(source)
  return loginFields.flatMap((field) =>
    isLogin(field, spec[field]) ? [`${field} ${JSON.stringify(spec[field])}`] : [],
  )
}

function isLogin(field: string, value: unknown): boolean {
  if (value === undefined || value === false || (field === 'provider' && value === 'generic')) return false
  return (loginFields as readonly string[]).includes(field)
}

/** Scheme, host and port that a source is fetched from; '' for one that names none. */
function hostOf(source: Source): string {
  const { url, endpoint, insecure } = specOf(source)
  const text = typeof url === 'string' ? url : typeof endpoint === 'string' ? `https://${endpoint}` : ''
  const scp = /^(?:[^@/\s]+@)?([^@:/\s]+):(?!\/\/)/.exec(text)
  if (scp !== null) return `ssh://${scp[1] ?? ''}`
  if (!URL.canParse(text)) return ''
  const { protocol, hostname, port } = new URL(text)
  return `${protocol}//${hostname}:${port} ${insecure === true ? 'insecure' : ''}`
}

function specOf(source: Source): { readonly [field: string]: unknown } {
  return source.spec as unknown as { readonly [field: string]: unknown }
}
