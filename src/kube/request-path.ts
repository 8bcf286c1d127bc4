import { EngineError } from '../base/index.ts'
import type { ApiResource } from './discovery.ts'
import { formatKey, type ObjectKey } from './object-key.ts'

/** Query parameters; undefined and '' are left out. */
export type Query = { readonly [name: string]: string | undefined }

/** Path of the collection of a kind, in one namespace or in all. */
export function collectionPath(resource: ApiResource, namespace: string | undefined, query: Query = {}): string {
  return `${rootPath(resource)}${namespacePath(resource, namespace)}/${resource.plural}${formatQuery(query)}`
}

/**
 * Path of one object.
 *
 * @throws EngineError `namespace-not-specified`, `object-without-name`: an object that has no address.
 */
export function objectPath(resource: ApiResource, key: ObjectKey, query: Query = {}, subresource?: string): string {
  requireAddress(resource, key)
  const name = encodeURIComponent(key.name)
  const sub = subresource === undefined ? '' : `/${subresource}`
  return `${rootPath(resource)}${namespacePath(resource, key.namespace)}/${resource.plural}/${name}${sub}${formatQuery(query)}`
}

/** @throws EngineError `namespace-not-specified`, `object-without-name`. */
export function requireAddress(resource: ApiResource, key: ObjectKey): void {
  if (resource.namespaced && (key.namespace === undefined || key.namespace === '')) {
    throw new EngineError(
      `${formatKey(key)} namespace not specified: ${key.kind} lives in a namespace; set metadata.namespace`,
      {
        code: 'namespace-not-specified',
        data: { object: formatKey(key) },
      },
    )
  }
  // `.` and `..` would be taken for steps of the path.
  if (key.name === '' || key.name === '.' || key.name === '..') {
    throw new EngineError(`${key.kind} without a usable metadata.name; set one`, {
      code: 'object-without-name',
      data: { kind: key.kind },
    })
  }
}

function rootPath(resource: ApiResource): string {
  return resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`
}

function namespacePath(resource: ApiResource, namespace: string | undefined): string {
  if (!resource.namespaced || namespace === undefined || namespace === '') return ''
  return `/namespaces/${encodeURIComponent(namespace)}`
}

function formatQuery(query: Query): string {
  const parts: string[] = []
  for (const name of Object.keys(query)) {
    const value = query[name]
    if (value !== undefined && value !== '') parts.push(`${name}=${encodeURIComponent(value)}`)
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}
