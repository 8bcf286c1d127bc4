import type { Json } from '../../src/base/index.ts'
import type { StoredRecord } from '../../src/coordinator/index.ts'
import type { Delivery } from '../../src/observe/index.ts'
import type { CommitNote, ObjectHead, ObjectSummary, TriggerTarget } from '../../src/reconcile/index.ts'
import type { ActionRecord } from '../action-log.ts'
import type { Reader } from '../authorize-reading.ts'
import { seesAction } from './seen-actions.ts'

/** How what is stored under a prefix is shown to somebody with a scope. */
export interface StoredPart {
  readonly prefix: string
  /** What a reader may see of a value; undefined hides it. `path` is the rest of its key. */
  readonly show: (reader: Reader, path: readonly string[], value: Json) => Json | undefined
}

interface Named {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** Everything in the store that readers with a scope may see something of. Whatever is not here is hidden from them. */
export const storedParts: readonly StoredPart[] = [
  { prefix: 'objects/', show: (reader, [cluster = ''], value) => shownShard(reader, cluster, value) },
  { prefix: 'heads/', show: (reader, [cluster = ''], value) => shownHeads(reader, cluster, value) },
  { prefix: 'clusters/', show: (reader, [cluster = ''], value) => shownCluster(reader, cluster, value) },
  {
    prefix: 'commits/',
    show: (reader, _path, value) => asJson(shownNote(reader, value as unknown as CommitNote)),
  },
  {
    prefix: 'runs/',
    show: (reader, _path, value) => asJson(viewOfRecord(reader, value as unknown as StoredRecord)),
  },
  {
    prefix: 'action-log/',
    show: (reader, _path, value) => (seesAction(reader, value as unknown as ActionRecord) ? value : undefined),
  },
  {
    prefix: 'delivery-log/',
    show: (reader, _path, value) => (seesDelivery(reader, value as unknown as Delivery) ? value : undefined),
  },
  { prefix: 'metrics/', show: (reader, [cluster = ''], value) => (reader.seesWhole(cluster) ? value : undefined) },
  {
    prefix: 'history/',
    show: (reader, [cluster = '', ...id], value) => (seesId(reader, cluster, id) ? value : undefined),
  },
  {
    prefix: 'drift/',
    show: (reader, [cluster = '', ...id], value) => (seesId(reader, cluster, id) ? value : undefined),
  },
]

/** A record with the objects that a reader may see; undefined where there are none. Fields are picked one by one: what is new is hidden. */
export function viewOfRecord(reader: Reader, record: StoredRecord): StoredRecord | undefined {
  const { cluster, error } = record
  if (reader.seesWhole(cluster)) return record
  const nodes = record.nodes.filter((node) => sees(reader, cluster, node))
  if (nodes.length === 0) return undefined
  const { id, trigger, state, receivedAt, startedAt, finishedAt, timings, mergedInto, failedAttempts, retryAt } = record
  return JSON.parse(
    JSON.stringify({
      id,
      cluster,
      trigger,
      state,
      receivedAt,
      startedAt,
      finishedAt,
      timings,
      nodes,
      mergedInto,
      failedAttempts,
      retryAt,
      givenUp: record.givenUp,
      plan: record.plan,
      error: error === undefined ? undefined : { code: error.code, message: wholeOnly },
    }),
  ) as StoredRecord
}

/** What of a trigger's target a reader may see; undefined where that is nothing. */
export function viewOfTarget(
  reader: Reader,
  clusters: readonly string[],
  target: TriggerTarget | undefined,
): TriggerTarget | undefined {
  if (target === undefined || target === 'cluster') return target
  const keys = 'objects' in target ? target.objects : ['source' in target ? target.source : target.object]
  const seen = keys.filter((key) => clusters.some((cluster) => sees(reader, cluster, key)))
  if (seen.length === 0) return undefined
  return 'objects' in target ? { objects: seen } : target
}

/** What stands in place of what only those may read who see a whole cluster. */
const wholeOnly = 'the cluster as a whole has a problem; who runs it knows more'

function sees(reader: Reader, cluster: string, { kind, namespace, name }: Named): boolean {
  return reader.maySee({ cluster, kind, namespace, name })
}

/** Deliveries at the endpoint of the whole deployment are for those who see all of it; those at a Receiver for who may see that object. */
function seesDelivery(reader: Reader, { receiver, clusters = [] }: Delivery): boolean {
  const [namespace = '', name = ''] = receiver?.split('/') ?? []
  return name !== '' && clusters.some((cluster) => sees(reader, cluster, { kind: 'Receiver', namespace, name }))
}

function seesId(reader: Reader, cluster: string, [kind = '', namespace = '', name = '']: readonly string[]): boolean {
  return sees(reader, cluster, { kind, namespace, name })
}

function shownShard(reader: Reader, cluster: string, value: Json): Json | undefined {
  if (reader.seesWhole(cluster)) return value
  const { objects } = (value ?? {}) as { readonly objects?: unknown }
  if (!Array.isArray(objects)) return undefined
  const seen = (objects as readonly ObjectSummary[]).filter((object) => sees(reader, cluster, object))
  return asJson({
    objects: seen.map((object) => ({
      ...object,
      // What an object waits for may be somebody else's: that it waits is seen, and its own condition says for what.
      blockers: object.blockers.filter(({ id }) => seesId(reader, cluster, id.split('/'))),
    })),
  })
}

function shownHeads(reader: Reader, cluster: string, value: Json): Json | undefined {
  if (reader.seesWhole(cluster)) return value
  if (!Array.isArray(value)) return undefined
  const seen = (value as unknown as readonly ObjectHead[]).filter((head) => sees(reader, cluster, head))
  return seen.map(({ on, more, ...head }) => {
    // As in the summaries: what it waits for may be somebody else's. The others that `more` counts are not known here.
    const isSeen = on !== undefined && seesId(reader, cluster, on.split('/'))
    return asJson({ ...head, ...(isSeen ? { on, more } : {}) }) ?? null
  })
}

function shownCluster(reader: Reader, cluster: string, value: Json): Json | undefined {
  if (reader.seesWhole(cluster)) return value
  if (!reader.maySee({ cluster })) return undefined
  const { lastSeenAt, failingSince, error } = (value ?? {}) as { readonly [field: string]: unknown }
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return asJson({
    lastSeenAt,
    failingSince,
    ...(error === undefined ? {} : { error: { code, message: wholeOnly } }),
  })
}

function shownNote(reader: Reader, note: CommitNote): CommitNote | undefined {
  const { cluster, error, omitted: _omitted, ...rest } = note
  if (reader.seesWhole(cluster)) return note
  const nodes = note.nodes.filter((node) => sees(reader, cluster, node))
  if (nodes.length === 0) return undefined
  return { ...rest, cluster, nodes, ...(error === undefined ? {} : { error: { ...error, message: wholeOnly } }) }
}

function asJson(value: object | undefined): Json | undefined {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as Json)
}
