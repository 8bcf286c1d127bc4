import { parseDuration } from '../base/index.ts'
import type { Checks } from './checks.ts'
import type { RunContext } from './context.ts'
import { jittered } from './jitter.ts'
import { pinOf } from './safety/pin.ts'
import { pinnedRevision } from './safety/pinned-revision.ts'
import { retryDelayMs } from './helmrelease/retry.ts'
import { findUnaffected, type UnaffectedContext } from './kustomization/unaffected.ts'
import { selectNode, type Candidate, type CheckMark, type SelectionReason } from './select.ts'
import {
  artifactKeyOf,
  dependenciesOf,
  idOf,
  idOfKey,
  parentOf,
  revisionOf,
  sourceKeyOf,
  type Workload,
  type World,
} from './world.ts'
import { configsDigest } from './watched-configs.ts'

/** What selecting needs of a run. */
export type SelectionContext = Pick<RunContext, 'world' | 'job' | 'deps' | 'configs'>

/** What a run knows when it selects: the notes of earlier runs, and the ids of the sources it looks at. */
export interface Selection {
  readonly checks: Checks
  readonly concerned: ReadonlySet<string>
}

/** The Kustomizations and HelmReleases that a run works on, as far as can be said now: what they create comes on top. */
export function selectNodes(ctx: SelectionContext, selection: Selection): readonly Workload[] {
  const workloads: Workload[] = [...ctx.world.ofKind('Kustomization'), ...ctx.world.ofKind('HelmRelease')]
  return workloads.filter((object) => reasonOf(ctx, object, selection) !== undefined)
}

/** Recalls which revisions earlier runs have found to change nothing. */
export function recallUnaffected(ctx: SelectionContext, { checks }: Selection): void {
  for (const object of ctx.world.ofKind('Kustomization')) {
    const mark = checks.get(idOf(object))
    // Where the status names another revision than the mark, somebody else has applied since.
    if (mark?.unaffectedBy !== undefined && mark.revision === object.status?.lastAppliedRevision)
      ctx.world.noteUnaffected(idOf(object), mark.unaffectedBy)
  }
}

/**
 * Leaves out of the selection what a new revision does not concern (see findUnaffected), and notes it for later runs. @returns how many there are.
 */
export async function leaveOutUnaffected(
  ctx: SelectionContext & UnaffectedContext,
  selection: Selection,
): Promise<number> {
  const candidates = ctx.world
    .ofKind('Kustomization')
    .filter((object) => pinOf(object) === undefined && reasonOf(ctx, object, selection) === 'revision')
  const unaffected = await findUnaffected(ctx, candidates)
  for (const [id, revision] of unaffected) {
    ctx.world.noteUnaffected(id, revision)
    const mark = selection.checks.get(id)
    if (mark !== undefined) selection.checks.set(id, { ...mark, unaffectedBy: revision })
  }
  return unaffected.size
}

/** Why a run works on an object; undefined where it does not. */
export function reasonOf(ctx: SelectionContext, object: Workload, selection: Selection): SelectionReason | undefined {
  if (!ctx.world.serves(object)) return undefined
  const mark = selection.checks.get(idOf(object))
  return selectNode(candidateOf(ctx, object, mark, selection.concerned), ctx.job, mark, ctx.deps.clock.now())
}

/** Why a run would work on an object if its source were at the revision that the object has applied. */
export function reasonWithoutChange(
  ctx: SelectionContext,
  object: Workload,
  selection: Selection,
): SelectionReason | undefined {
  if (!ctx.world.serves(object)) return undefined
  const mark = selection.checks.get(idOf(object))
  const { sourceRevision: _, ...candidate } = candidateOf(ctx, object, mark, selection.concerned)
  const settled = { ...candidate, sourceRevision: candidate.appliedRevision }
  return selectNode(settled, ctx.job, mark, ctx.deps.clock.now())
}

function candidateOf(
  ctx: SelectionContext,
  object: Workload,
  mark: CheckMark | undefined,
  concerned: ReadonlySet<string>,
): Candidate {
  const { world, configs } = ctx
  const source = artifactKeyOf(object)
  const parent = parentOf(object)
  const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready')
  const interval = intervalMs(object.spec.interval)
  return {
    key: { kind: object.kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name },
    suspended: object.spec.suspend === true,
    deleting: object.metadata.deletionTimestamp !== undefined,
    generation: object.metadata.generation ?? 0,
    observedGeneration: object.status?.observedGeneration ?? -1,
    ready: ready?.status === 'True',
    requestedAt: object.metadata.annotations?.['reconcile.fluxcd.io/requestedAt'],
    handledAt: object.status?.lastHandledReconcileAt,
    sourceRevision: pinnedRevision(world, object) ?? (source && revisionOf(world, source)),
    // A release does not record the revision of its chart's source; the last look does.
    appliedRevision: object.kind === 'Kustomization' ? world.appliedRevision(object) : mark?.revision,
    intervalMs: jittered(interval, ctx.deps.settings.intervalJitterPercent, idOf(object), mark?.at ?? 0),
    retryIntervalMs: retryIntervalOf(object, interval),
    sourceInRun:
      [source, sourceKeyOf(object)].some((key) => key !== undefined && concerned.has(idOfKey(key))) ||
      (parent !== undefined && concerned.has(parent)),
    configs: configs === undefined ? undefined : configsDigest(object, configs),
  }
}

/** Milliseconds after which what failed on the same input is tried again. */
function retryIntervalOf(object: Workload, interval: number): number {
  if (object.kind === 'HelmRelease') return retryDelayMs(object, interval)
  return object.spec.retryInterval === undefined ? interval : intervalMs(object.spec.retryInterval)
}

/** Adds what waits for the selected nodes: objects that are not ready because a dependency was not. */
export function withDependants(world: World, selected: readonly Workload[]): readonly Workload[] {
  const nodes = new Map(selected.map((object) => [idOf(object), object]))
  const workloads: Workload[] = [...world.ofKind('Kustomization'), ...world.ofKind('HelmRelease')]
  for (let grown = true; grown;) {
    grown = false
    for (const object of workloads) {
      if (nodes.has(idOf(object)) || object.spec.suspend === true || !world.serves(object)) continue
      const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready')
      const isWaiting = ready === undefined || ready.reason === 'DependencyNotReady'
      if (!isWaiting || !dependenciesOf(object).some((reference) => nodes.has(reference.id))) continue
      nodes.set(idOf(object), object)
      grown = true
    }
  }
  return [...nodes.values()]
}

/** An interval in milliseconds; one that does not parse counts as ten minutes, its object says so when it is reconciled. */
export function intervalMs(text: string | undefined): number {
  try {
    return parseDuration(text ?? '10m')
  } catch {
    return 600_000
  }
}
