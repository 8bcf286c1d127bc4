import { fieldManagers, type HelmRelease, type Kustomization } from '../../api/index.ts'
import { managedFieldsOf, ownsField } from '../../kube/index.ts'
import { equalValues, isMap, type KubeMap, type KubeObject, type KubeValue } from '../../resources/index.ts'
import type { Workload } from '../world.ts'
import type { NotedPlaceholders } from './side-options.ts'

/** Fields of a spec that give values to templates and variables. */
type Path = readonly string[]

/** Who writes what Git says: runs of ours and of Flux, and Helm. Whatever else has written may be known to the cluster alone. */
const managersOfGit: ReadonlySet<string> = new Set([fieldManagers.kustomization, fieldManagers.helm, 'helm'])

/** Finds the values of an object in the cluster that no run has written. */
export type FindUnwritten = (live: Workload) => readonly Path[]

/** The same for one plan: an object in the cluster stays the same through all of its rounds. */
export function rememberUnwritten(): FindUnwritten {
  const known = new WeakMap<Workload, readonly Path[]>()
  return (live) => {
    const paths = known.get(live) ?? unwrittenPaths(live)
    known.set(live, paths)
    return paths
  }
}

/**
 * The values of an application that nobody has written into Git, as far as that is known: variables in `spec.postBuild.substitute` and `spec.values`, which somebody has given it in the cluster. Fewer people may read
 * the cluster than Git, so that they count as secret.
 *
 * @param object As one side has it. @param live As the cluster has it. @param written As that side renders it; undefined where it is not rendered.
 */
export function hiddenPaths(
  object: Workload | undefined,
  live: Workload | undefined,
  written: KubeObject | undefined,
  find: FindUnwritten = unwrittenPaths,
): readonly Path[] {
  if (object === undefined || live === undefined || object.kind !== live.kind) return []
  return find(live).filter((path) => {
    if (valueAt(written, path) !== undefined) return false
    const [is, was] = [object, live].map((one) => valueAt(one as unknown as KubeObject, path))
    return is !== undefined && was !== undefined && equalValues(is, was)
  })
}

function unwrittenPaths(live: Workload): readonly Path[] {
  const given = live as unknown as KubeObject
  const tries = managedFieldsOf(given)
    .filter(({ manager }) => managersOfGit.has(manager))
    .flatMap(({ fieldsV1 }) => fieldsV1 ?? [])
  const top = live.kind === 'Kustomization' ? ['spec', 'postBuild', 'substitute'] : ['spec', 'values']
  return leavesBelow(valueAt(given, top), top).filter((path) => {
    const steps = path.map((field) => ({ field }))
    return !tries.some((trie) => isMap(trie) && ownsField(trie, steps))
  })
}

function leavesBelow(value: KubeValue | undefined, path: Path): readonly Path[] {
  if (value === undefined) return []
  if (!isMap(value)) return [path]
  return Object.entries(value).flatMap(([field, one]) => leavesBelow(one, [...path, field]))
}

function valueAt(object: KubeObject | undefined, path: Path): KubeValue | undefined {
  let value: KubeValue | undefined = object
  for (const field of path) value = isMap(value) && Object.hasOwn(value, field) ? value[field] : undefined
  return value
}

/** The variables of a Kustomization that count as secret, by name. */
export function hiddenVariables(paths: readonly Path[] | undefined): ReadonlySet<string> {
  return new Set((paths ?? []).flatMap((path) => path.slice(3, 4)))
}

/** A release with placeholders for the values that count as secret. */
export function withHiddenValues(
  object: HelmRelease,
  paths: readonly Path[] | undefined,
  placeholders: NotedPlaceholders,
): HelmRelease {
  if (paths === undefined || paths.length === 0) return object
  const { name, namespace = '' } = object.metadata
  const masked = structuredClone(object) as HelmRelease & KubeObject
  for (const path of paths) {
    const parent = valueAt(masked, path.slice(0, -1)) as KubeMap
    parent[path.at(-1) ?? ''] = placeholders.text(['HelmRelease', namespace, name, ...path])
  }
  return masked
}

/** What stands for a variable that counts as secret. */
export function referenceOfVariable(object: Kustomization, variable: string): readonly string[] {
  return ['Kustomization', object.metadata.namespace ?? '', object.metadata.name, variable]
}
