import { parseDuration } from '../base/index.ts'

/** A Git repository that a kustomization refers to, with the directory in it. */
export interface RepositoryUrl {
  /** URL to fetch from, without the directory and the query: `https://host/team/repo`, `ssh://…` or `git@host:team/repo`. */
  readonly url: string
  /** Directory of the kustomization, relative to the repository's root; '' for the root. */
  readonly path: string
  /** Branch, tag or full commit id; undefined for the repository's own default. */
  readonly ref: string | undefined
  readonly submodules: boolean
  readonly timeoutMs: number
}

const defaultTimeoutMs = 27_000

/** True for what kustomize takes for a Git repository rather than a path; see {@link parseRepositoryUrl}. */
export function isRepositoryUrl(text: string): boolean {
  return splitUrl(text) !== undefined
}

/**
 * Reads what kustomize takes for a Git repository (5.8, api/internal/git, NewRepoSpecFromURL): a URL with a scheme, an SCP-like `user@host:path`, or anything at github.com,
 * with a repository path in it. Where the repository's path ends: before `//`, behind `_git/name` or `.git`, or else after two segments. The query may hold
 * `ref` (or `version`), `submodules` (default true) and `timeout` (seconds or a duration, default 27 s). Undefined for anything else.
 */
export function parseRepositoryUrl(text: string): RepositoryUrl | undefined {
  const split = splitUrl(text)
  if (split === undefined) return undefined
  const question = text.indexOf('?')
  const query = new URLSearchParams(question < 0 ? '' : text.slice(question + 1))
  const ref = query.get('ref') || query.get('version') || undefined
  return {
    ...split,
    ref,
    submodules: query.get('submodules') !== 'false',
    timeoutMs: timeoutOf(query.get('timeout') ?? ''),
  }
}

function timeoutOf(text: string): number {
  if (/^\d+$/.test(text)) return Number(text) * 1000 || defaultTimeoutMs
  try {
    return text === '' ? defaultTimeoutMs : parseDuration(text) || defaultTimeoutMs
  } catch {
    return defaultTimeoutMs
  }
}

function splitUrl(text: string): Pick<RepositoryUrl, 'url' | 'path'> | undefined {
  if (text.startsWith('/')) return undefined
  let rest = (text.split('?', 1)[0] ?? '').replace(/^git::/i, '')
  const scheme = /^(ssh|https|http|file):\/\//i.exec(rest)?.[0]?.toLowerCase() ?? ''
  rest = rest.slice(scheme.length)
  const user = /^[a-zA-Z][a-zA-Z0-9-]*@/.exec(rest)?.[0] ?? ''
  rest = rest.slice(user.length)
  const github = /^github\.com[/:]/i.test(rest)
  const scp = scheme === '' && (user !== '' || github)
  if (scheme === '' && !scp) return undefined
  if (scheme === 'file://') {
    const found = splitPath(user + rest, true)
    return found === undefined ? undefined : { url: `file://${found.repository}`, path: found.inside }
  }
  let separator = rest.indexOf('/')
  if (scp) {
    const colon = rest.indexOf(':')
    if (separator < 0 || (colon > 0 && colon < separator)) separator = colon
  }
  if (separator < 0) return undefined
  const found = splitPath(rest.slice(separator + 1), false)
  if (found === undefined) return undefined
  const host = rest.slice(0, separator)
  // Without a scheme or a user, github.com stands for its HTTPS address.
  const isPlainGithub = scheme === '' && user === ''
  const start = isPlainGithub ? `https://${host}/` : `${scheme}${user}${host}${rest.charAt(separator)}`
  return { url: `${start}${found.repository}`, path: found.inside }
}

function splitPath(path: string, whole: boolean): { repository: string; inside: string } | undefined {
  let repository: string
  let inside = ''
  const marker = path.indexOf('_git/')
  const double = path.indexOf('//')
  const suffix = path.indexOf('.git')
  if (marker >= 0) {
    const end = path.indexOf('/', marker + 5)
    repository = end < 0 ? path : path.slice(0, end)
    inside = end < 0 ? '' : path.slice(end + 1)
  } else if (double >= 0) {
    repository = path.slice(0, double)
    inside = path.slice(double + 2)
  } else if (suffix >= 0) {
    repository = path.slice(0, suffix + 4)
    inside = path.slice(suffix + 4)
  } else if (whole) {
    repository = path
  } else {
    const parts = path.split('/')
    if (parts.length < 2) return undefined
    repository = parts.slice(0, 2).join('/')
    inside = parts.slice(2).join('/')
  }
  if (repository === '' || leavesRoot(inside)) return undefined
  return { repository, inside: inside.replace(/^\/+|\/+$/g, '') }
}

function leavesRoot(path: string): boolean {
  let depth = 0
  for (const part of path.split('/')) {
    if (part === '..') depth--
    else if (part !== '' && part !== '.') depth++
    if (depth < 0) return true
  }
  return false
}

/** True for a URL of a single file, which kustomize would fetch over HTTP. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text)
}
