import { isMap, type KubeValue, scalarText, setKey, getKey } from '../../resources/index.ts'
import { problem } from '../problems.ts'
import type { Resource } from '../resource.ts'
import type { ResourceList } from '../resource-list.ts'
import type { Selector } from '../types.ts'
import { setNamespace } from './namespace.ts'

/** One target of the ValueAddTransformer plugin. */
export interface ValueTarget {
  readonly selector?: Selector
  readonly fieldPath?: string
  readonly filePathPosition?: number
}

/**
 * Writes `value` into fields, creating them; with a position, inserts it as a part of the file path that the field holds
 * (api/internal/builtins ValueAddTransformer).
 */
export function addValue(list: ResourceList, value: string, targets: readonly ValueTarget[]): void {
  if (targets.length === 0)
    throw problem('kustomize-plugin-config', 'must specify at least one target', { field: 'targets' })
  for (const target of targets) {
    const { fieldPath = '', filePathPosition = 0 } = target
    if (fieldPath === '') throw problem('kustomize-plugin-config', 'fieldPath cannot be empty', { field: 'targets' })
    if (filePathPosition < 0) {
      throw problem('kustomize-plugin-config', `value of FilePathPosition (${filePathPosition}) cannot be negative`, {
        field: 'targets',
      })
    }
    for (const resource of target.selector === undefined ? list.items : list.select(target.selector)) {
      if (fieldPath === 'metadata/namespace') setNamespace(resource, { namespace: value, fieldSpecs: [] })
      else write(resource, fieldPath, filePathPosition, value)
    }
  }
}

function write(resource: Resource, fieldPath: string, position: number, value: string): void {
  const parts: string[] = []
  for (const part of fieldPath.split('/')) {
    const last = parts.at(-1)
    if (last?.endsWith('\\') === true) parts[parts.length - 1] = `${last.slice(0, -1)}/${part}`
    else parts.push(part)
  }
  const key = parts.pop() ?? ''
  let current: KubeValue = resource.object
  for (const part of parts) {
    if (!isMap(current)) break
    let next: KubeValue | undefined = getKey(current, part)
    if (next === undefined || next === null) {
      next = {}
      setKey(current, part, next)
    }
    current = next
  }
  const old = isMap(current) ? getKey(current, key) : undefined
  if (!isMap(current) || (typeof old === 'object' && old !== null)) {
    throw problem('kustomize-field-path', `'${fieldPath}' must be a text inside mappings`, {
      object: resource.describe(),
      ...resource.place,
    })
  }
  setKey(current, key, position > 0 ? insertPart(scalarText(old), position - 1, value) : value)
}

/** Inserts a part into a file path; positions behind its end append (kyaml filesys, InsertPathPart). */
export function insertPart(path: string, position: number, part: string): string {
  if (path === '') return part
  const absolute = path.startsWith('/')
  const parts = path.split('/').filter((one) => one !== '' && one !== '.')
  parts.splice(Math.min(position, parts.length), 0, part)
  return (absolute ? '/' : '') + parts.join('/')
}
