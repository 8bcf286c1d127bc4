/** Characters that names of namespaces, clusters and patterns for them are made of. */
export function isPattern(pattern: string): boolean {
  return /^[a-z0-9.*-]+$/.test(pattern)
}

/** Whether a name matches a pattern in which `*` stands for any characters. Linear in both: no regular expression is made from it. */
export function matchesName(pattern: string, name: string): boolean {
  const parts = pattern.split('*')
  const [first = ''] = parts
  if (parts.length === 1) return pattern === name
  const last = parts.at(-1) ?? ''
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false
  let from = first.length
  const end = name.length - last.length
  for (const part of parts.slice(1, -1)) {
    const at = name.indexOf(part, from)
    if (at < 0 || at + part.length > end) return false
    from = at + part.length
  }
  return true
}

/**
 * Whether some name could match both patterns. Exact for patterns with one `*`; of others only what stands before the first and behind the last is compared, so that a policy is refused rather than
 * a namespace owned twice.
 */
export function namespacePatternOverlaps(a: string, b: string): boolean {
  if (!a.includes('*')) return matchesName(b, a)
  if (!b.includes('*')) return matchesName(a, b)
  const ends = (pattern: string): readonly [string, string] => [
    pattern.slice(0, pattern.indexOf('*')),
    pattern.slice(pattern.lastIndexOf('*') + 1),
  ]
  const [startA, endA] = ends(a)
  const [startB, endB] = ends(b)
  return (startA.startsWith(startB) || startB.startsWith(startA)) && (endA.endsWith(endB) || endB.endsWith(endA))
}

/** Whether a kind matches `Kind`, `group/Kind`, `group/*` or `*`. A kind without a group in the pattern matches in every group. */
export function matchesKind(pattern: string, group: string, kind: string): boolean {
  const slash = pattern.lastIndexOf('/')
  const wanted = pattern.slice(slash + 1)
  if (wanted !== '*' && wanted !== kind) return false
  return slash < 0 || matchesName(pattern.slice(0, slash), group)
}

/** Whether an object matches `Kind/namespace/name`. */
export function matchesReference(
  pattern: string,
  reference: { readonly kind: string; readonly namespace: string; readonly name: string },
): boolean {
  const [kind = '', namespace = '', name = ''] = pattern.split('/')
  return kind === reference.kind && matchesName(namespace, reference.namespace) && matchesName(name, reference.name)
}

interface Address {
  readonly scheme: string
  readonly host: string
  readonly path: readonly string[]
}

const defaultPorts: { readonly [scheme: string]: string } = { https: '443', http: '80', ssh: '22' }

/**
 * Whether a source may come from a URL: scheme, host and port are the pattern's, and the path is, element by element. `git@host:path` is read as SSH. What could be understood in two ways is
 * no match: escapes, queries, fragments, dot elements, empty elements, characters that URL parsers drop.
 */
export function matchesUrl(pattern: string, url: string): boolean {
  if (pattern === '*') return true
  const isDeep = pattern.endsWith('/**')
  const wanted = addressOf(isDeep ? pattern.slice(0, -3) : pattern)
  const given = addressOf(url)
  if (wanted === undefined || given === undefined) return false
  if (wanted.scheme !== given.scheme || !matchesName(wanted.host, given.host)) return false
  const isLong = isDeep ? given.path.length > wanted.path.length : given.path.length === wanted.path.length
  return isLong && wanted.path.every((part, index) => matchesName(part, given.path[index] ?? ''))
}

function addressOf(text: string): Address | undefined {
  // No escapes, no query, no fragment, no backslash, nothing that is not printed.
  if (!/^[\w.~:/@+*-]+$/.test(text)) return undefined
  const short = /^[\w.-]+@([\w.-]+):(?!\/\/)(.*)$/.exec(text)
  const parsed = short
    ? { scheme: 'ssh', authority: short[1] ?? '', path: short[2] ?? '' }
    : splitUrl(/^([a-z][a-z0-9+.-]*):\/\/([^/]+)(.*)$/i.exec(text))
  if (parsed === undefined) return undefined
  const scheme = parsed.scheme.toLowerCase()
  const host = parsed.authority.slice(parsed.authority.lastIndexOf('@') + 1).toLowerCase()
  const port = defaultPorts[scheme]
  const path = parsed.path
    .replace(/^\//, '')
    .replace(/\/$/, '')
    .replace(/\.git$/, '')
    .split('/')
  const isOdd = path.some((part) => part === '' || part === '.' || part === '..')
  if (isOdd && path.join('/') !== '') return undefined
  const bare = port !== undefined && host.endsWith(`:${port}`) ? host.slice(0, -port.length - 1) : host
  return { scheme, host: bare, path: path.join('/') === '' ? [] : path }
}

function splitUrl(
  match: RegExpExecArray | null,
): { readonly scheme: string; readonly authority: string; readonly path: string } | undefined {
  return match === null ? undefined : { scheme: match[1] ?? '', authority: match[2] ?? '', path: match[3] ?? '' }
}
