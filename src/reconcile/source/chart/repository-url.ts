/**
 * The URL of a chart repository as source-controller compares it (1.9, internal/helm/repository NormalizeURL): with one slash at the end of the path, of a registry without any.
 */
export function normalizeRepositoryUrl(url: string): string {
  if (url === '') return ''
  const at = url.search(/[?#]/)
  const path = (at < 0 ? url : url.slice(0, at)).replace(/\/+$/, '')
  const rest = at < 0 ? '' : url.slice(at)
  return url.startsWith('oci://') ? path + rest : `${path}/${rest}`
}

/** What `repository` of a dependency refers to. */
export type DependencyRepository =
  /** A directory or packaged chart in the same source; undefined: `charts/<name>`. */
  | { readonly kind: 'local'; readonly path: string | undefined }
  | { readonly kind: 'url'; readonly url: string }
  /** `@name` or `alias:name`. */
  | { readonly kind: 'alias'; readonly name: string }
  | { readonly kind: 'invalid' }

/** Reads `repository` of a dependency (source-controller 1.9, isLocalDep, secureLocalChartPath and ValidateDepURL). */
export function readDependencyRepository(repository: string): DependencyRepository {
  if (repository === '') return { kind: 'local', path: undefined }
  if (repository.startsWith('file://')) return { kind: 'local', path: decodePath(repository.slice('file://'.length)) }
  if (/^(?:https?|oci):\/\//.test(repository)) return { kind: 'url', url: normalizeRepositoryUrl(repository) }
  const alias = /^(?:@|alias:)(.+)$/.exec(repository)?.[1]
  return alias === undefined ? { kind: 'invalid' } : { kind: 'alias', name: alias }
}

/** As Go reads the host and path of a URL. */
function decodePath(text: string): string {
  const plain = text.replace(/[?#].*$/s, '')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

/** `path` below `base`; `..` at the root leads nowhere (filepath-securejoin). */
export function joinInside(base: string, path: string): string {
  const parts: string[] = []
  for (const part of `${base}/${path}`.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts.join('/')
}
