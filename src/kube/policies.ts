import { isMap, type KubeObject } from '../resources/index.ts'

/** What an object's metadata says about how it is treated. Keys are `<group of the owner>/<policy>`. */
export interface ObjectPolicies {
  readonly ssa: 'Override' | 'Merge' | 'IfNotPresent' | 'Ignore'
  readonly force: boolean
  readonly prune: boolean
  readonly reconcile: boolean
}

/**
 * Policies of one object, as label or annotation; values compare without case, any match counts (fluxcd/pkg ssa, AnyInMetadata).
 * An unknown value means the default, as in Flux.
 */
export function policiesOf(object: KubeObject | undefined, group: string): ObjectPolicies {
  const has = (name: string, value: string): boolean =>
    object !== undefined && hasInMetadata(object, `${group}/${name}`, value)
  return {
    ssa: has('ssa', 'Ignore')
      ? 'Ignore'
      : has('ssa', 'IfNotPresent')
        ? 'IfNotPresent'
        : has('ssa', 'Merge')
          ? 'Merge'
          : 'Override',
    force: has('force', 'enabled'),
    prune: !has('prune', 'disabled'),
    reconcile: !has('reconcile', 'disabled'),
  }
}

/** True when a label or an annotation `key` equals `value`, ignoring case. */
export function hasInMetadata(object: KubeObject, key: string, value: string): boolean {
  const wanted = value.toLowerCase()
  const metadata = object['metadata']
  if (!isMap(metadata)) return false
  return ['labels', 'annotations'].some((part) => {
    const map = metadata[part]
    const found = isMap(map) ? map[key] : undefined
    return typeof found === 'string' && found.toLowerCase() === wanted
  })
}

/** `metadata.labels` or `metadata.annotations`: its text values. */
export function metadataMap(object: KubeObject, part: 'labels' | 'annotations'): { readonly [key: string]: string } {
  const metadata = object['metadata']
  const map = isMap(metadata) ? metadata[part] : undefined
  if (!isMap(map)) return {}
  // What users wrote may hold numbers and booleans: the server refuses them later, with a better message than ours.
  return Object.fromEntries(
    Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** Why an apply leaves an object alone, or undefined when it is to be applied. */
export function skipReason(desired: KubeObject, live: KubeObject | undefined, group: string): string | undefined {
  for (const [object, where] of [
    [desired, 'the source'],
    [live, 'the cluster'],
  ] as const) {
    const policies = policiesOf(object, group)
    if (!policies.reconcile) return `${group}/reconcile: disabled in ${where}`
    if (policies.ssa === 'Ignore') return `${group}/ssa: Ignore in ${where}`
  }
  if (live && policiesOf(desired, group).ssa === 'IfNotPresent') return `${group}/ssa: IfNotPresent, and it is present`
  return undefined
}

/** Why a prune leaves a live object alone, or undefined when it is to be deleted. Only the object in the cluster counts. */
export function keepReason(
  live: KubeObject,
  owner: { readonly group: string; readonly name: string; readonly namespace: string },
): string | undefined {
  const labels = metadataMap(live, 'labels')
  if (labels[`${owner.group}/name`] !== owner.name || labels[`${owner.group}/namespace`] !== owner.namespace) {
    return 'it belongs to another owner by now'
  }
  const policies = policiesOf(live, owner.group)
  if (!policies.prune) return `${owner.group}/prune: disabled`
  if (!policies.reconcile) return `${owner.group}/reconcile: disabled`
  if (policies.ssa === 'Ignore') return `${owner.group}/ssa: Ignore`
  return undefined
}
