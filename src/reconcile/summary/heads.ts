import type { Json } from '../../base/index.ts'
import type { StateStore } from '../../ports/index.ts'
import { commitsIn } from './revision.ts'
import { conditionOf, heldText, idOfSummary, stateOf, type Lookup, type ObjectState } from './object-state.ts'
import { shardCount, shardIndex } from './shards.ts'
import { clip } from './summarize-object.ts'
import type { ObjectSummary } from './types.ts'

/**
 * What one cell of the page of all clusters shows: a summary of a summary. Twenty thousand of them are read for one page, so it holds no lists, and messages only of what is
 * not as it should be.
 */
export interface ObjectHead {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly state: ObjectState
  /** Milliseconds since 1970 at which it came into this state; of what is ready: at which it was last changed, where that is known. */
  readonly since?: number
  /** What was applied last, or tried where nothing was applied yet. */
  readonly revision?: string
  /** What keeps it: the first thing that it waits for, by id, and how many more there are. */
  readonly on?: string
  readonly more?: number
  /** What holds it back although nothing is wrong with it. */
  readonly held?: { readonly kind: 'suspended' | 'approval' | 'window'; readonly message: string }
  /** Its source has something newer that concerns it. */
  readonly behind?: true
  /** What it is pinned to. */
  readonly pin?: string
  /** Why it failed, or what has drifted. */
  readonly message?: string
}

/** Characters of the texts that a head holds. */
const maxText = 200

/** The head of an object, from its summary and those of what it depends on. */
export function createHead(object: ObjectSummary, lookup: Lookup): ObjectHead {
  const { kind, namespace, name, blockers, pin } = object
  const state = stateOf(object, lookup)
  const since = sinceOf(object, state)
  const revision = object.appliedRevision ?? object.attemptedRevision
  const [first] = blockers
  const held = heldOfHead(object)
  const message = messageOf(object, state)
  return {
    kind,
    namespace,
    name,
    state,
    ...(since === undefined ? {} : { since }),
    ...(revision === undefined ? {} : { revision: clip(revision, maxText) }),
    ...(first === undefined ? {} : { on: clip(first.id, maxText) }),
    ...(blockers.length > 1 ? { more: blockers.length - 1 } : {}),
    ...(held === undefined ? {} : { held }),
    ...(isBehind(object, lookup) ? { behind: true } : {}),
    ...(pin === undefined ? {} : { pin: clip(pin.to, 100) }),
    ...(message === undefined ? {} : { message }),
  }
}

function sinceOf(object: ObjectSummary, state: ObjectState): number | undefined {
  const type = state === 'drifted' ? 'Drifted' : 'Ready'
  const at = Date.parse(conditionOf(object, type)?.lastTransitionTime ?? '')
  const known = Number.isNaN(at) ? undefined : at
  const changedAt = object.lastChange?.at
  return state === 'ready' && changedAt !== undefined ? Math.max(changedAt, known ?? 0) : known
}

function heldOfHead(object: ObjectSummary): ObjectHead['held'] {
  const message = heldText(object)
  return message === undefined ? undefined : { kind: object.held?.kind ?? 'window', message: clip(message, maxText) }
}

function messageOf(object: ObjectSummary, state: ObjectState): string | undefined {
  if (state !== 'failed' && state !== 'drifted' && state !== 'applying') return undefined
  const message = conditionOf(object, state === 'drifted' ? 'Drifted' : 'Ready')?.message
  return message === undefined || message === '' ? undefined : clip(message, maxText)
}

/** Whether the source of an object has something that the object has not, and that changes something for it. */
function isBehind(object: ObjectSummary, lookup: Lookup): boolean {
  const { source, appliedRevision, attemptedRevision, unaffectedBy } = object
  if (object.kind === 'HelmRelease')
    return attemptedRevision !== undefined && appliedRevision !== undefined && attemptedRevision !== appliedRevision
  const latest = source === undefined ? undefined : lookup(idOfSummary(source))?.appliedRevision
  if (object.kind !== 'Kustomization' || latest === undefined) return false
  return !isSame(latest, appliedRevision) && !isSame(latest, unaffectedBy)
}

/** Whether two revisions name the same commit or digest, in whatever spelling. */
function isSame(a: string, b: string | undefined): boolean {
  if (a === b) return true
  const [first] = commitsIn(a)
  return first !== undefined && commitsIn(b)[0] === first
}

/** The heads of all objects of a cluster. */
export function headsOf(objects: ReadonlyMap<string, ObjectSummary>): readonly ObjectHead[] {
  const lookup: Lookup = (id) => objects.get(id)
  return [...objects.values()].map((object) => createHead(object, lookup))
}

function headKey(cluster: string, index: number): string {
  return `heads/${cluster}/${String(index).padStart(2, '0')}`
}

/** The heads that are stored of a cluster, one list for each shard; undefined where none are, because only an older program has saved anything there. */
export async function readHeadShards(
  state: StateStore,
  cluster: string,
): Promise<readonly (readonly ObjectHead[])[] | undefined> {
  const entries = await state.list(`heads/${cluster}/`, { limit: shardCount })
  return entries.length === 0 ? undefined : entries.map(({ value }) => parseHeads(value))
}

/** The stored head of one object. One get. */
export async function readHead(
  state: StateStore,
  cluster: string,
  key: Pick<ObjectHead, 'kind' | 'namespace' | 'name'>,
): Promise<ObjectHead | undefined> {
  const id = idOfSummary(key)
  const value = await state.get(headKey(cluster, shardIndex(id)))
  return value === undefined ? undefined : parseHeads(value).find((head) => idOfSummary(head) === id)
}

/**
 * Writes the heads of a cluster, where they differ from those that are stored. They are compared with what is stored and not with what was known at the start of the run: a
 * program that knows no heads may have saved summaries meanwhile, and the state of an object may change with that of another shard.
 */
export async function writeHeads(
  state: StateStore,
  cluster: string,
  objects: ReadonlyMap<string, ObjectSummary>,
): Promise<void> {
  const stored = await state.list(`heads/${cluster}/`, { limit: shardCount })
  const known = new Map(stored.map(({ key, value }) => [key, JSON.stringify(value)]))
  const byShard = Map.groupBy(headsOf(objects), (head) => shardIndex(idOfSummary(head)))
  await Promise.all(
    Array.from({ length: shardCount }, async (_, index) => {
      const key = headKey(cluster, index)
      const heads = (byShard.get(index) ?? []).toSorted((a, b) => (idOfSummary(a) < idOfSummary(b) ? -1 : 1))
      if (heads.length === 0) return known.has(key) ? state.delete(key) : undefined
      const text = JSON.stringify(bounded(heads))
      return text === known.get(key) ? undefined : state.put(key, JSON.parse(text) as Json)
    }),
  )
}

/** A value of the store holds at most 1 MiB; a head is at most about 1.5 KiB long, and most are shorter than 300 bytes. */
const maxHeads = 2_000

/** Heads of one shard; what needs a human first, where there is not room for all. */
function bounded(heads: readonly ObjectHead[]): readonly ObjectHead[] {
  if (heads.length <= maxHeads / 4) return heads
  const short = heads.map(({ message: _message, held, ...head }): ObjectHead =>
    held === undefined ? head : { ...head, held: { ...held, message: clip(held.message, 60) } },
  )
  return short.toSorted((a, b) => Number(a.state === 'ready') - Number(b.state === 'ready')).slice(0, maxHeads)
}

function parseHeads(value: Json): readonly ObjectHead[] {
  if (!Array.isArray(value)) return []
  return (value as readonly unknown[]).filter(isHead)
}

/** Whether a stored value has what readers rely on. Another version of the deployment may have written it. */
function isHead(value: unknown): value is ObjectHead {
  if (typeof value !== 'object' || value === null) return false
  const head = value as { readonly [key in keyof ObjectHead]?: unknown }
  return [head.kind, head.namespace, head.name, head.state].every((text) => typeof text === 'string')
}
