import { annotations, type HelmReleaseSpec } from '../../api/index.ts'
import { compileSelector } from '../../kustomize/index.ts'
import {
  copyValue,
  diffJson,
  getKey,
  gvkOf,
  isMap,
  matchesLabels,
  nameOf,
  namespaceOf,
  parseJsonPointer,
  parseLabelSelector,
  scalarText,
  type JsonPatchOperation,
  type KubeMap,
  type KubeObject,
  type KubeValue,
} from '../../resources/index.ts'
import { mapOf } from './objects.ts'

/** Pointers that drift detection leaves out, for an object. */
export type IgnoreRules = (object: KubeObject) => readonly string[]

/** Compiles `driftDetection.ignore`. @throws EngineError for an expression or a label selector that is none. */
export function compileIgnoreRules(
  rules: NonNullable<NonNullable<HelmReleaseSpec['driftDetection']>['ignore']> = [],
): IgnoreRules {
  const compiled = rules.map(({ paths, target }) => {
    if (target === undefined) return { paths, matches: () => true }
    const selector = compileSelector(target)
    const labels = parseLabelSelector(target.labelSelector ?? '')
    const notes = parseLabelSelector(target.annotationSelector ?? '')
    const matches = (object: KubeObject): boolean => {
      const metadata = mapOf(object['metadata'])
      return (
        selector.gvk(gvkOf(object)) &&
        selector.name(nameOf(object)) &&
        selector.namespace(namespaceOf(object)) &&
        matchesLabels(labels, texts(metadata['labels'])) &&
        matchesLabels(notes, texts(metadata['annotations']))
      )
    }
    return { paths, matches }
  })
  return (object) => compiled.flatMap((rule) => (rule.matches(object) ? rule.paths : []))
}

function texts(value: KubeValue | undefined): { readonly [key: string]: string } {
  return Object.fromEntries(Object.entries(mapOf(value)).map(([key, item]) => [key, scalarText(item)]))
}

/** True for an object that says itself, as label or annotation, that its drift does not matter. */
export function isDriftIgnored(object: KubeObject): boolean {
  const metadata = mapOf(object['metadata'])
  return [metadata['labels'], metadata['annotations']].some(
    (map) => isMap(map) && scalarText(map[annotations.driftDetection]).toLowerCase() === 'disabled',
  )
}

/**
 * What an apply would change, as a patch (fluxcd/pkg ssa/jsondiff): labels and annotations (only what is added or replaced) and everything but metadata
 * and status, without the pointers that are ignored.
 */
export function driftPatch(live: KubeObject, dryRun: KubeObject, ignored: readonly string[]): JsonPatchOperation[] {
  const [before, after] = [live, dryRun].map((object) => without(copyValue(object), ignored)) as [
    KubeObject,
    KubeObject,
  ]
  const operations: JsonPatchOperation[] = []
  for (const part of ['labels', 'annotations']) {
    const path = ['metadata', part]
    const [old, wanted] = [metadataPart(before, part), metadataPart(after, part)]
    if (old === undefined && wanted !== undefined)
      operations.push({ op: 'add', path: `/metadata/${part}`, value: wanted })
    else if (old !== undefined && wanted !== undefined)
      operations.push(...diffJson(old, wanted, path).filter((operation) => operation.op !== 'remove'))
  }
  return [...operations, ...diffJson(body(before), body(after))]
}

function metadataPart(object: KubeObject, part: string): KubeMap | undefined {
  const found = mapOf(object['metadata'])[part]
  return isMap(found) ? found : undefined
}

function body(object: KubeObject): KubeMap {
  const { metadata: _, status: __, ...rest } = object
  return rest
}

/** Removes what pointers point at; those that lead nowhere do nothing. */
function without(object: KubeObject, pointers: readonly string[]): KubeObject {
  for (const pointer of pointers) {
    const parts = parseJsonPointer(pointer) ?? []
    const last = parts.at(-1)
    let at: KubeValue | undefined = object
    for (const part of parts.slice(0, -1)) {
      if (Array.isArray(at)) at = at[Number(part)]
      else at = isMap(at) ? getKey(at, part) : undefined
    }
    if (last === undefined) continue
    if (isMap(at)) delete at[last]
    else if (Array.isArray(at) && /^\d+$/.test(last)) at.splice(Number(last), 1)
  }
  return object
}
