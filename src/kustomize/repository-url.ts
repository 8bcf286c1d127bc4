/**
 * True for what kustomize takes for a Git repository rather than a path (api/internal/git, NewRepoSpecFromURL): a URL with a scheme, an
 * SCP-like `user@host:path`, or anything at github.com, with a repository path in it.
 */
export function isRepositoryUrl(text: string): boolean {
  if (text.startsWith('/')) return false
  let rest = (text.split('?', 1)[0] ?? '').replace(/^git::/i, '')
  const scheme = /^(ssh|https|http|file):\/\//i.exec(rest)?.[0]?.toLowerCase() ?? ''
  rest = rest.slice(scheme.length)
  const user = /^[a-zA-Z][a-zA-Z0-9-]*@/.exec(rest)?.[0] ?? ''
  rest = rest.slice(user.length)
  const github = /^github\.com[/:]/i.test(rest)
  const scp = scheme === '' && (user !== '' || github)
  if (scheme === '' && !scp) return false
  if (scheme === 'file://') return hasRepositoryPath(user + rest, true)
  let separator = rest.indexOf('/')
  if (scp) {
    const colon = rest.indexOf(':')
    if (separator < 0 || (colon > 0 && colon < separator)) separator = colon
  }
  if (separator < 0) return false
  return hasRepositoryPath(rest.slice(separator + 1), false)
}

function hasRepositoryPath(path: string, whole: boolean): boolean {
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
    if (parts.length < 2) return false
    repository = parts.slice(0, 2).join('/')
    inside = parts.slice(2).join('/')
  }
  return repository !== '' && !leavesRoot(inside)
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
