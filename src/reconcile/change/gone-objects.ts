import { groups } from '../../api/index.ts'
import { mapLimit, isEngineError, toEngineError } from '../../base/index.ts'
import {
  inventoryEntryOf,
  inventoryKey,
  keepReason,
  staleEntries,
  type InventoryEntry,
  type KubeClient,
} from '../../kube/index.ts'
import { liveVersion, raw, type ErrorInput, type ObjectInput, type TouchedObject } from '../../plan/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { isKept } from '../helmrelease/objects.ts'
import { checkPrune } from '../kustomization/guards.ts'
import { sourceKeyOf, type Workload } from '../world.ts'
import type { RenderedSide, SideObject } from './types.ts'

/** What becomes of objects that head does not have any more. */
export interface Gone {
  readonly objects: readonly ObjectInput[]
  readonly touched: readonly TouchedObject[]
  readonly errors: readonly ErrorInput[]
}

/** What is looked at. */
export interface GoneRequest {
  /** The application as head has it; as base has it where it disappears. */
  readonly object: Workload
  readonly isDeleted: boolean
  readonly base: RenderedSide | undefined
  readonly head: RenderedSide | undefined
  /** Whether what is gone is deleted. */
  readonly prune: boolean
  /** Inventory ids of objects that other applications of the change have in head. */
  readonly claimed: ReadonlySet<string>
}

/** Objects of base that head does not have, where the cluster is not asked. */
export function goneFromGit({ base, head }: Pick<GoneRequest, 'base' | 'head'>): readonly ObjectInput[] {
  const kept = new Set(head?.items.map(({ id }) => id))
  return (base?.items ?? []).flatMap((item, index) =>
    kept.has(item.id) ? [] : [{ base: base?.objects[index], ...(isKept(item.shown) ? keptByPolicy : {}) }],
  )
}

const keptByPolicy = { skip: raw('helm.sh/resource-policy: keep') }

interface Candidate {
  readonly entry: InventoryEntry
  readonly item: SideObject | undefined
  readonly input: ObjectInput
}

/**
 * What a run would do with objects that head does not have: those of the inventory of a Kustomization, and those of a release that its next revision has no more. Reads only; the rules of a run's prune count.
 *
 * @throws EngineError where the cluster cannot be reached.
 */
export async function goneFromCluster(ctx: RunContext, client: KubeClient, request: GoneRequest): Promise<Gone> {
  const { object, base, head, prune } = request
  const keptIds = new Set(head?.items.map(({ id }) => id))
  const kept = new Set([
    ...(head?.items.map(inventoryIdOf) ?? []),
    // A name with a secret in it is the one that base has in the cluster, where head has the same object.
    ...(base?.items ?? []).filter(({ id }) => keptIds.has(id)).map((item) => entryOf(item).id),
  ])
  const candidates = new Map<string, Candidate>()
  base?.items.forEach((item, index) => {
    const entry = entryOf(item)
    if (keptIds.has(item.id)) return
    // That head, or another application, has an object of the very name would tell what the name is.
    if (item.isNameHidden === true) kept.delete(entry.id)
    if (!kept.has(entry.id)) candidates.set(entry.id, { entry, item, input: { base: base.objects[index] } })
  })
  const inventory = object.kind === 'Kustomization' ? (object.status?.inventory?.entries ?? []) : undefined
  const stale =
    inventory === undefined
      ? undefined
      : staleEntries(
          inventory,
          [...kept].map((id) => ({ id, v: '' })),
        )
  const isOurs = new Set(stale?.map(({ id }) => id))
  for (const entry of prune ? (stale ?? []) : [])
    if (!candidates.has(entry.id)) candidates.set(entry.id, { entry, item: undefined, input: {} })
  const touched: TouchedObject[] = []
  const deleted: InventoryEntry[] = []
  const objects = await mapLimit(
    [...candidates.values()],
    ctx.deps.limits.applyConcurrency,
    async ({ entry, item, input }) => {
      // What the application has not applied, it does not delete.
      const live = stale === undefined || isOurs.has(entry.id) ? await findLive(client, entry, ctx.signal) : undefined
      if (live === undefined) return input
      const skip = object.kind === 'Kustomization' ? keepReason(live, ownerOf(object)) : releaseKeeps(live, item)
      if (skip === undefined && prune && !(request.claimed.has(entry.id) && item?.isNameHidden !== true)) {
        deleted.push(entry)
        touched.push({ object: raw(live), version: liveVersion(raw(live)) })
      }
      return { ...input, live: raw(live), prune, ...(skip === undefined ? {} : { skip: raw(skip) }) }
    },
  )
  return {
    objects,
    touched,
    errors: guard(ctx, request, { deleted, before: inventory?.length ?? 0, wanted: head?.items.length ?? 0 }),
  }
}

/** A run asks before it deletes much; so does the plan. */
function guard(
  ctx: RunContext,
  { object, isDeleted }: GoneRequest,
  count: { readonly deleted: readonly InventoryEntry[]; readonly before: number; readonly wanted: number },
): readonly ErrorInput[] {
  if (object.kind !== 'Kustomization' || isDeleted) return []
  const { deleted, before, wanted } = count
  const kinds = deleted.map((entry) => inventoryKey(entry)?.kind ?? '')
  const source = sourceKeyOf(object)
  const revision = ctx.job.change?.head ?? source?.name ?? ''
  try {
    checkPrune(object, { stale: deleted.length, before, wanted, kinds, revision }, ctx.deps.settings.pruneGuard)
    return []
  } catch (caught) {
    return [{ message: raw(toEngineError(caught).message), phase: 'prune' }]
  }
}

function releaseKeeps(live: KubeObject, item: SideObject | undefined): string | undefined {
  return isKept(live) || (item !== undefined && isKept(item.shown)) ? 'helm.sh/resource-policy: keep' : undefined
}

/** The entry of an object of base as the cluster knows it. */
function entryOf({ desired, shown }: SideObject): InventoryEntry {
  return inventoryEntryOf(desired ?? shown)
}

function ownerOf({ metadata }: Workload): {
  readonly group: string
  readonly name: string
  readonly namespace: string
} {
  return { group: groups.kustomize, name: metadata.name, namespace: metadata.namespace ?? '' }
}

/** Undefined also for an object of a kind that is not served any more: it went with it. */
async function findLive(
  client: KubeClient,
  entry: InventoryEntry,
  signal: AbortSignal,
): Promise<KubeObject | undefined> {
  const key = inventoryKey(entry)
  if (key === undefined) return undefined
  try {
    const { namespaced } = await client.resource(key, { signal })
    const { apiVersion, kind, name } = key
    return await client.get({ apiVersion, kind, name, namespace: namespaced ? (key.namespace ?? '') : '' }, { signal })
  } catch (error) {
    if (isEngineError(error) && error.code === 'kube-kind-unknown') return undefined
    throw error
  }
}

/** The inventory id of an object of head, as everybody may read it: whether its real name is one that the cluster has would tell whether a guess is right. */
export function inventoryIdOf({ shown }: SideObject): string {
  return inventoryEntryOf(shown).id
}
