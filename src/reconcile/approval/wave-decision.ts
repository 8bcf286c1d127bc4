import { formatDuration } from '../../base/index.ts'
import type { ObjectKey } from '../job.ts'
import type { Held } from '../safety/decide.ts'
import type { ObjectSummary } from '../summary/types.ts'
import { idOfKey } from '../world.ts'

/** What is known of a cluster that goes first. */
export interface FirstCluster {
  readonly name: string
  /** Since when it does not answer, milliseconds since 1970. */
  readonly failingSince?: number | undefined
  readonly objects: readonly ObjectSummary[]
}

/** What is about to be applied on the cluster that follows. */
export interface WaveQuestion {
  readonly kind: 'Kustomization' | 'HelmRelease'
  /** Its source, with the URL that it is fetched from, and the revision that is wanted. */
  readonly source: ObjectKey & { readonly url?: string | undefined }
  readonly revision: string
  readonly healthyForMs: number
  readonly now: number
}

/**
 * Whether a revision may go on from a cluster to the next: the first one has fetched it, or a newer one, everything made from that source has applied it, and everything in the cluster has been ready for a time.
 * Sources are the same where they have the same name, or the same URL. Decided from what runs have saved; the cluster is not asked.
 */
export function decideWave(first: FirstCluster, question: WaveQuestion): Held | undefined {
  const { name, failingSince, objects } = first
  const waits = (why: string, until?: number): Held => ({
    kind: 'wave',
    message: `waits for ${name}: ${why}`,
    ...(until === undefined ? {} : { until }),
  })
  if (failingSince !== undefined) return waits(`it has not answered since ${timeText(failingSince)}`)
  if (objects.length === 0) return waits('nothing is known of it yet')
  const held = objects.find((one) => one.held !== undefined)?.held
  if (held !== undefined) return waits(held.message)
  const source = sourceIn(objects, question)
  // A chart that the first cluster does not have cannot have been tried there; what brings it comes from a source that it has.
  if (source === undefined && question.kind === 'Kustomization')
    return waits(
      `it has no ${question.source.kind} ${question.source.namespace}/${question.source.name}, nor one of its URL`,
    )
  const workloads = objects.filter(({ kind }) => kind === 'Kustomization' || kind === 'HelmRelease')
  const arrived = source === undefined ? 0 : arrivalOf(source, workloads, question.revision)
  if (typeof arrived === 'string') return waits(arrived)
  const unwell = workloads.filter(({ suspended }) => !suspended).flatMap((one) => problemOf(one) ?? [])
  if (unwell[0] !== undefined) return waits(unwell[0])
  const since = Math.max(arrived, ...workloads.filter(({ suspended }) => !suspended).map(readySince))
  const until = since + question.healthyForMs
  if (question.now >= until) return undefined
  return waits(
    `healthy since ${timeText(since)}, and to be so for ${formatDuration(question.healthyForMs)}, until ${timeText(until)}`,
    until,
  )
}

function sourceIn(objects: readonly ObjectSummary[], { source }: WaveQuestion): ObjectSummary | undefined {
  const ofKind = objects.filter(({ kind }) => kind === source.kind)
  return (
    ofKind.find((one) => one.namespace === source.namespace && one.name === source.name) ??
    ofKind.find(({ url }) => url !== undefined && url === source.url)
  )
}

/** When the revision, or a newer one, had arrived at everything that is made from the source; a text where it has not. */
function arrivalOf(source: ObjectSummary, workloads: readonly ObjectSummary[], revision: string): number | string {
  const { appliedRevision: current, outcomes } = source
  const fetched = outcomes.filter((one) => one.revision !== undefined)
  const isThere = current === revision || fetched.some((one) => one.revision === revision)
  if (current === undefined || !isThere) return `${nameOf(source)} has not fetched ${shortRevision(revision)} yet`
  const made = workloads.filter((one) => one.source !== undefined && idOfKey(one.source) === idOfKey(source))
  for (const one of made) {
    if (one.kind !== 'Kustomization') continue
    if (one.appliedRevision === current || one.unaffectedBy === current) continue
    if (one.suspended) return `${nameOf(one)} is suspended and has not applied ${shortRevision(current)}`
    return problemOf(one) ?? `${nameOf(one)} has not applied ${shortRevision(current)} yet`
  }
  const times = made.flatMap((one) => one.outcomes.find((outcome) => outcome.revision === current)?.at ?? [])
  return Math.max(0, fetched.find((one) => one.revision === current)?.at ?? 0, ...times)
}

/** Why an object is not healthy; undefined where it is. */
function problemOf(object: ObjectSummary): string | undefined {
  const ready = object.conditions.find(({ type }) => type === 'Ready')
  if (object.deleting) return `${nameOf(object)} is being deleted`
  const isObserved = object.observedGeneration === undefined || object.observedGeneration >= object.generation
  if (ready?.status === 'True' && isObserved) return undefined
  if (ready?.status === 'False' && ready.reason !== 'DependencyNotReady' && isObserved)
    return `${nameOf(object)} failed (${ready.reason})`
  return `${nameOf(object)} is not ready yet`
}

function readySince(object: ObjectSummary): number {
  const ready = object.conditions.find(({ type }) => type === 'Ready')
  const at = Date.parse(ready?.lastTransitionTime ?? '')
  return Number.isNaN(at) ? 0 : at
}

function nameOf({ kind, namespace, name }: ObjectKey): string {
  return `${kind} ${namespace}/${name}`
}

/** A revision with its digest cut: `main@sha1:0123456789ab`. */
function shortRevision(revision: string): string {
  return revision.replace(/([0-9a-f]{12})[0-9a-f]{28,}/g, '$1').slice(0, 100)
}

function timeText(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}
