import { fieldManagers } from '../../api/index.ts'
import { EngineError, mapLimit } from '../../base/index.ts'
import {
  foldClientSideFields,
  formatKey,
  isNotFound,
  type KubeClient,
  type LiveReader,
  type WriteOptions,
} from '../../kube/index.ts'
import { compareForHelmInstall, nameOf, objectIdKey, objectIdOf, type KubeObject } from '../../resources/index.ts'
import { groupByKind, isProvenUnchanged, keyOfObject, mapOf, messageOf } from './objects.ts'
import { concernsRun, failureOfObjects, type ObjectFailure } from './passing-errors.ts'
import { threeWayPatch } from './three-way.ts'

/** How objects of a release are written. */
export interface ApplyOptions {
  /** `ssa`: server-side apply, conflicts are forced. `csa`: created or patched from the difference to the previous release. */
  readonly method: 'ssa' | 'csa'
  /** Objects of the previous release: what `csa` computes its patches from. */
  readonly previous: readonly KubeObject[]
  /** The previous release was applied client-side: what it owns is taken over before server-side apply. */
  readonly fromClientSide: boolean
  /** Replaces objects instead of patching them (`csa` only). */
  readonly replace: boolean
  /** Refuses fields that the server does not know. */
  readonly validate: boolean
  readonly concurrency: number
  readonly signal: AbortSignal
  /** Live objects that are known: what they prove unchanged is not sent. */
  readonly live?: LiveReader
}

/** An object that was applied, and what the server made of it. */
export interface AppliedObject {
  readonly object: KubeObject
  readonly live: KubeObject
  readonly isUnchanged: boolean
}

/**
 * Writes objects in Helm's install order, those of one kind at the same time, with Flux's field manager for Helm (Helm v4 pkg/kube, Create and
 * Update). Can be repeated.
 *
 * @throws EngineError `release-apply-failed` with every failure of the first kind that has some; later kinds are not touched then. Another code where they
 * all pass, see {@link failureOfObjects}.
 */
export async function applyReleaseObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: ApplyOptions,
): Promise<readonly AppliedObject[]> {
  const previous = new Map(options.previous.map((object) => [objectIdKey(objectIdOf(object)), object]))
  const done: AppliedObject[] = []
  for (const group of groupByKind(objects, compareForHelmInstall)) {
    const failures: ObjectFailure[] = []
    await mapLimit(group, options.concurrency, async (object) => {
      try {
        done.push(await applyObject(client, object, previous.get(objectIdKey(objectIdOf(object))), options))
      } catch (error) {
        if (concernsRun(error)) throw error
        failures.push({ text: `${formatKey(keyOfObject(object))}: ${messageOf(error)}`, error })
      }
    })
    if (failures.length > 0) {
      const inOrder = failures.toSorted((a, b) => (a.text < b.text ? -1 : 1))
      throw failureOfObjects('release-apply-failed', inOrder, '\n')
    }
  }
  return done
}

async function applyObject(
  client: KubeClient,
  object: KubeObject,
  previous: KubeObject | undefined,
  options: ApplyOptions,
): Promise<AppliedObject> {
  const known = await options.live?.read(client, keyOfObject(object), { signal: options.signal })
  if (options.method === 'ssa' && !options.fromClientSide && known?.state === 'present') {
    if (isProvenUnchanged(object, known.object)) return { object, live: known.object, isUnchanged: true }
  }
  const live = await writeObject(client, object, previous, options)
  options.live?.remember(client, keyOfObject(object), live)
  return { object, live, isUnchanged: false }
}

async function writeObject(
  client: KubeClient,
  object: KubeObject,
  previous: KubeObject | undefined,
  options: ApplyOptions,
): Promise<KubeObject> {
  const write: WriteOptions = {
    fieldManager: fieldManagers.helm,
    fieldValidation: options.validate ? 'Strict' : 'Ignore',
    signal: options.signal,
  }
  if (isUnnamed(object)) return await client.create(object, write)
  if (options.method === 'ssa') {
    if (options.fromClientSide) await takeOverClientSide(client, object, options.signal)
    return await client.patch(keyOfObject(object), { type: 'apply', body: object, force: true }, write)
  }
  return await writeClientSide(client, object, previous, options, write)
}

/** Named by the server: such an object can only be created. */
function isUnnamed(object: KubeObject): boolean {
  return nameOf(object) === '' && mapOf(object['metadata'])['generateName'] !== undefined
}

async function writeClientSide(
  client: KubeClient,
  object: KubeObject,
  previous: KubeObject | undefined,
  options: ApplyOptions,
  write: WriteOptions,
): Promise<KubeObject> {
  const key = keyOfObject(object)
  const live = await client.get<KubeObject>(key, { signal: options.signal })
  if (live === undefined) return await client.create(object, write)
  if (options.replace) {
    const metadata = {
      ...mapOf(object['metadata']),
      resourceVersion: mapOf(live['metadata'])['resourceVersion'] ?? null,
    }
    return await client.update({ ...object, metadata }, write)
  }
  return await client.patch(key, threeWayPatch(previous ?? {}, object), write)
}

/** What our client-side updates own becomes owned by server-side apply, so that fields can be removed by it. */
async function takeOverClientSide(client: KubeClient, object: KubeObject, signal: AbortSignal): Promise<void> {
  const key = keyOfObject(object)
  for (let round = 0; round < 5; round++) {
    const live = await client.get<KubeObject>(key, { signal })
    const patch = live === undefined ? undefined : foldClientSideFields(live, fieldManagers.helm)
    if (patch === undefined) return
    try {
      await client.patch(key, { type: 'json', body: patch }, { fieldManager: fieldManagers.helm, signal })
      return
    } catch (error) {
      // Somebody wrote in between: look again.
      const isRaced = error instanceof EngineError && ['kube-conflict', 'kube-invalid'].includes(error.code)
      if (isNotFound(error)) return
      if (!isRaced) throw error
    }
  }
}
