import type { z } from 'zod'
import type { Run, StoredRecord } from '../../src/coordinator/index.ts'
import {
  changesOf,
  conditionOf,
  heldOf,
  heldText,
  countRecord,
  repositoryOf,
  type ClusterHealth,
  type ObservedCluster,
  type ObservedObject,
} from '../../src/observe/index.ts'
import type { NodeRecord } from '../../src/reconcile/index.ts'
import type * as schemas from './schemas.ts'

/** A cluster with the number of its objects in each state. */
export function encodeCluster({
  health,
  objects,
  omitted,
}: ObservedCluster): z.infer<typeof schemas.clusters>['clusters'][number] {
  const counts: { [state: string]: number } = {}
  for (const { state } of objects) counts[state] = (counts[state] ?? 0) + 1
  const held = heldOf(objects)
  return {
    ...health,
    ...(health.error === undefined ? {} : { error: { ...health.error } }),
    objects: counts,
    omitted,
    ...(held === undefined ? {} : { held: present({ ...held }) }),
  }
}

/** An object as lists show it. */
export function encodeObjectHead(
  { cluster, summary, state }: ObservedObject,
  health: ClusterHealth,
): z.infer<typeof schemas.objectHead> {
  const ready = conditionOf(summary, 'Ready')
  const { kind, namespace, name, suspended, pin, attemptedRevision, appliedRevision, unaffectedBy } = summary
  const { source, chart, inventory, lastChange } = summary
  return present({
    cluster,
    kind,
    namespace,
    name,
    state,
    stale: health.health === 'stale',
    suspended,
    held: encodeHeld(summary),
    pin: pin === undefined ? undefined : present({ ...pin }),
    ready:
      ready === undefined
        ? undefined
        : { status: ready.status, reason: ready.reason, message: ready.message, since: ready.lastTransitionTime },
    attemptedRevision,
    appliedRevision,
    unaffectedBy,
    source,
    chart,
    waitsFor: [...summary.blockers],
    inventory,
    lastChange,
  })
}

/** What holds an object back: what its cluster's runs have said, or its own condition. */
function encodeHeld(summary: ObservedObject['summary']): z.infer<typeof schemas.objectHead>['held'] {
  const { held } = summary
  if (held !== undefined) return present({ kind: held.kind, message: held.message, until: held.until })
  const message = heldText(summary)
  return message === undefined ? undefined : { kind: 'window', message }
}

/** A run as lists show it. */
export function encodeRunHead(run: Run): z.infer<typeof schemas.runHead> {
  const { push } = run
  return present({
    id: run.id,
    trigger: run.trigger,
    state: run.state,
    receivedAt: run.receivedAt,
    actor: run.actor ?? push?.actor,
    push:
      push === undefined
        ? undefined
        : present({
            provider: push.provider,
            repository: repositoryOf(run),
            ref: push.ref,
            before: push.before,
            after: push.after,
            actor: push.actor,
          }),
    plan: run.change?.plan,
    clusters: run.records.map(encodeRecord),
  })
}

/** A run with what it did to each object. */
export function encodeRun(run: Run): z.infer<typeof schemas.run> {
  return {
    ...encodeRunHead(run),
    clusters: run.records.map((record) => ({ ...encodeRecord(record), nodes: record.nodes.map(encodeNode) })),
  }
}

function encodeRecord(record: StoredRecord): z.infer<typeof schemas.runHead>['clusters'][number] {
  const { fetchedAt, renderedAt, appliedAt, healthyAt } = record.timings
  const { objects, ready, changes, drifted } = countRecord(record)
  return present({
    cluster: record.cluster,
    state: record.state,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    stages: present({ receivedAt: record.receivedAt, fetchedAt, renderedAt, appliedAt, healthyAt }),
    objects,
    ready,
    changes,
    drifted,
    requests: record.requests,
    mergedInto: record.mergedInto,
    retryAt: record.retryAt,
    failedAttempts: record.failedAttempts,
    error: record.error === undefined ? undefined : { code: record.error.code, message: record.error.message },
  })
}

function encodeNode(node: NodeRecord): z.infer<typeof schemas.run>['clusters'][number]['nodes'][number] {
  const { kind, namespace, name, state, revision, reason, message, unchanged, changes, timings } = node
  const omitted = changesOf(node) - changes.length
  return present({
    kind,
    namespace,
    name,
    state,
    revision,
    reason,
    message,
    unchanged,
    changes: changes.map(({ object, action, drift }) =>
      present({ object, action, drift: drift?.map(({ path }) => path) }),
    ),
    changesOmitted: omitted === 0 ? undefined : omitted,
    ...timings,
  })
}

/** The fields of `T` that are there always, and those that may be absent. */
type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The same without the fields that are undefined. */
export function present<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Present<T>
}
