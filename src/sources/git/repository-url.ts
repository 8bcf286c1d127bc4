/**
 * A form of a repository's URL that is equal for all its spellings, so that the URLs in a webhook's payload match `spec.url` of a GitRepository: `host[:port]/path`, without scheme, user, `.git`,
 * default port, repeated and trailing slashes, in lower case (the large forges do not tell case apart). https, http, ssh, git and scp-like spellings (`git@host:team/app.git`) give the same.
 * Ports of ssh and http differ for the same server, so a port counts only where both spellings have one: compare with {@link isSameRepository}. Anything else than a URL gives ''.
 */
export function normalizeRepositoryUrl(url: string): string {
  const text = url.trim()
  const scp = /^(?:[^@/\s]+@)?(\[[^\]/\s]+\]|[^@:/\s]+):(?!\/\/)(.*)$/.exec(text)
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
  if (!hasScheme && scp?.[1] !== undefined) return join(scp[1], scp[2] ?? '')
  if (!hasScheme || !URL.canParse(text)) return ''
  const parsed = new URL(text)
  const defaults: { readonly [scheme: string]: string } = {
    'https:': '443',
    'http:': '80',
    'ssh:': '22',
    'git:': '9418',
  }
  if (defaults[parsed.protocol] === undefined || parsed.hostname === '') return ''
  const isDefaultPort = parsed.port === '' || parsed.port === defaults[parsed.protocol]
  return join(isDefaultPort ? parsed.hostname : `${parsed.hostname}:${parsed.port}`, parsed.pathname)
}

/** True where both URLs name the same repository, as far as can be told: a port counts only where both have one that is not the scheme's default. */
export function isSameRepository(a: string, b: string): boolean {
  const [hostA, portA, pathA] = split(normalizeRepositoryUrl(a))
  const [hostB, portB, pathB] = split(normalizeRepositoryUrl(b))
  return hostA !== '' && hostA === hostB && pathA === pathB && (portA === portB || portA === '' || portB === '')
}

function split(normalized: string): [host: string, port: string, path: string] {
  const match = /^(\[[^\]]*\]|[^:/]*)(?::(\d+))?\/(.*)$/.exec(normalized)
  return [match?.[1] ?? '', match?.[2] ?? '', match?.[3] ?? '']
}

function join(host: string, path: string): string {
  const decoded = safeDecode(path)
  const clean = decoded
    .split('/')
    .filter((segment) => segment !== '')
    .join('/')
    .replace(/\.git$/i, '')
    .replace(/\/+$/, '')
  return clean === '' ? '' : `${host.replace(/\.$/, '')}/${clean}`.toLowerCase()
}

function safeDecode(path: string): string {
  return /%(?![0-9a-f]{2})/i.test(path) ? path : tryDecode(path)
}

function tryDecode(path: string): string {
  const bytes = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  // Only plain characters are worth comparing decoded; anything else stays as it was written.
  return /^[\u0020-\u007e]*$/.test(bytes) ? bytes : path
}
