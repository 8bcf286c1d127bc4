import { fieldManagers, groups, labels } from '../../api/index.ts'
import { EngineError, isEngineError, mapLimit, toEngineError } from '../../base/index.ts'
import { endsRun, formatKey, isConflict, keyOf, planStaged, type KubeClient } from '../../kube/index.ts'
import {
  formatSteps,
  isMap,
  scalarText,
  walkDifferences,
  type KubeMap,
  type KubeObject,
} from '../../resources/index.ts'
import { mapOf } from '../maps.ts'
import { afterFold } from './after-fold.ts'
import { wishOf, widerWishes, type Wish } from './manifest.ts'

/** An object with its manifest, and what applying that would change besides who owns the fields. */
export interface Adoption {
  readonly live: KubeObject
  readonly manifest: KubeObject
  readonly from: Wish['from']
  readonly notes: readonly string[]
  /** Paths that would change; empty: nothing but ownership. */
  readonly changes: readonly string[]
}

/** The Kustomization that is to own the objects. */
export interface AdoptiveParent {
  readonly name: string
  readonly namespace: string
}

const concurrency = 4
/** So often an object is looked at again that somebody, its controller for instance, has written to since. */
const maxRounds = 5
const pauseMs = 100

/**
 * Makes a manifest of each object, and proves with the server that applying it as a Kustomization does changes nothing but ownership (labels of the owner, managed fields, the
 * annotation of kubectl). Two dry-runs each: the apply itself, and an update without the fields that kubectl owned and the manifest leaves out, which is what the apply does with them once they
 * are taken over. Where leaving them out would change something, they are put into the manifest.
 *
 * Effects: none. @throws EngineError when the cluster cannot be reached; what is wrong with one object is among its changes.
 */
export async function adopt(
  client: KubeClient,
  objects: readonly KubeObject[],
  parent: AdoptiveParent,
  signal: AbortSignal,
): Promise<readonly Adoption[]> {
  return mapLimit(objects, concurrency, async (found) => {
    let live = found
    for (let round = 1; ; round++) {
      try {
        return await adoptOne(client, live, { parent, signal, mayBeOld: round < maxRounds })
      } catch (error) {
        if (!isConflict(error)) throw error
      }
      await client.clock.sleep(pauseMs, signal)
      // Where it is gone, the next dry-run says so.
      live = (await client.get<KubeObject>(keyOf(live), { signal })) ?? live
    }
  })
}

interface Asking {
  readonly parent: AdoptiveParent
  readonly signal: AbortSignal
  /** That the live object is not the newest is thrown, not a change. */
  readonly mayBeOld: boolean
}

async function adoptOne(client: KubeClient, live: KubeObject, asking: Asking): Promise<Adoption> {
  const { manifest, from, notes } = wishOf(live)
  const changes = await changesOf(client, live, manifest, asking)
  if (changes.length === 0) return { live, manifest, from, notes, changes }
  let best: Adoption = { live, manifest, from, notes, changes }
  for (const wider of widerWishes(live)) {
    const rest = await changesOf(client, live, wider, asking)
    const note = 'fields that the server filled in are part of it, for without them something would change'
    if (rest.length < best.changes.length)
      best = { live, manifest: wider, from, notes: [...notes, note], changes: rest }
    if (rest.length === 0) return best
  }
  return best
}

async function changesOf(
  client: KubeClient,
  live: KubeObject,
  manifest: KubeObject,
  asking: Asking,
): Promise<readonly string[]> {
  try {
    const applied = await planApply(client, live, manifest, asking)
    const folded = await planFold(client, live, manifest, asking.signal)
    return [...new Set([...applied, ...folded])]
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error) || error.disposition === 'bug') throw caught
    if (asking.mayBeOld && isConflict(error)) throw error
    return [error.message]
  }
}

/** The apply of a Kustomization, as a dry-run. */
async function planApply(
  client: KubeClient,
  live: KubeObject,
  manifest: KubeObject,
  { parent, signal }: Asking,
): Promise<readonly string[]> {
  const { changes, errors } = await planStaged(client, {
    objects: [withOwner(manifest, parent)],
    owner: { kind: 'Kustomization', group: groups.kustomize, ...parent },
    fieldManager: fieldManagers.kustomization,
    signal,
  })
  const [failure] = errors
  if (failure !== undefined) throw failure.error
  const [planned] = changes
  if (planned === undefined || planned.live === undefined)
    throw new EngineError(`${formatKey(keyOf(live))} is gone`, { code: 'not-found', disposition: 'wait' })
  return planned.change.action === 'skipped'
    ? [planned.change.note ?? 'it would be skipped']
    : pathsOf(planned.live, planned.result)
}

/** What the server makes of the gaps that are left. */
async function planFold(
  client: KubeClient,
  live: KubeObject,
  manifest: KubeObject,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const body = afterFold(live, manifest, fieldManagers.kustomization)
  try {
    const result = await client.update<KubeObject>(body, {
      dryRun: true,
      fieldManager: fieldManagers.kustomization,
      signal,
    })
    return pathsOf(live, result)
  } catch (error) {
    // A field that cannot be changed cannot be left out either.
    if (isEngineError(error) && error.code === 'kube-invalid') return [error.message]
    throw error
  }
}

/** Paths that differ, without what owning an object is about. Never values: they may be secret. */
function pathsOf(live: KubeObject, result: KubeObject): readonly string[] {
  const paths: string[] = []
  walkDifferences(live, result, (steps) => {
    const path = formatSteps(steps)
    if (!ownership.test(path)) paths.push(path)
  })
  return paths
}

const ownership =
  /^\.metadata\.(?:labels\["kustomize\.toolkit\.fluxcd\.io\/(?:name|namespace)"\]|annotations\["kubectl\.kubernetes\.io\/last-applied-configuration"\])$/

/** The manifest as a Kustomization sends it. */
export function withOwner(manifest: KubeObject, { name, namespace }: AdoptiveParent): KubeObject {
  const metadata = mapOf(manifest['metadata'])
  const own: KubeMap = { [labels.kustomizeName]: name, [labels.kustomizeNamespace]: namespace }
  return { ...manifest, metadata: { ...metadata, labels: { ...mapOf(metadata['labels']), ...own } } }
}

/** Whether a manifest holds values that must not be in Git in the clear. */
export function isSecret(object: KubeObject): boolean {
  return scalarText(object['kind']) === 'Secret' && scalarText(object['apiVersion']) === 'v1' && !isMap(object['sops'])
}
