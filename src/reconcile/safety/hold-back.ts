import { fieldManagers, getCondition, removeCondition, setCondition, annotations } from '../../api/index.ts'
import { toEngineError } from '../../base/index.ts'
import { endsRun, patchStatus } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import type { NodeRecord } from '../job.ts'
import type { SelectionReason } from '../select.ts'
import { timestamp } from '../timestamp.ts'
import { artifactKeyOf, idOf, keyOf, revisionOf, type Workload } from '../world.ts'
import type { Held } from './decide.ts'
import { pinnedRevision } from './pinned-revision.ts'
import type { HeldWork } from './windows.ts'

/** Type of the condition that tells what waits for a window. */
export const heldCondition = 'Held'

/** What a run does with a node that windows may hold. */
export type NodeDecision =
  | { readonly go: true; readonly object: Workload; readonly frozenAt?: string; readonly frozenBy?: Held }
  | { readonly go: false; readonly record: NodeRecord }

type Context = Pick<RunContext, 'client' | 'world' | 'deps' | 'events' | 'safety' | 'signal' | 'approvals'>

/** Why a run looks at a node, and why it would if its source were where the node is (undefined: it would not). */
export interface NodeReasons {
  readonly reason: SelectionReason | undefined
  readonly withoutChange: () => SelectionReason | undefined
}

/**
 * Asks the windows, the clusters that go first, and what is known to wait for approval, before a node is worked on. What is held is told by the condition `Held` of its status and in the record; it is selected again by every scan, and so
 * applied by the first one after the opening. Where only changes are held, a Kustomization that is well is still compared with what it has applied (`frozenAt`), so that drift is repaired.
 *
 * Effects: a PATCH of the status and an event where something new is held, or nothing is held any more.
 */
export async function decideNode(ctx: Context, object: Workload, reasons: NodeReasons): Promise<NodeDecision> {
  const { safety } = ctx
  const work = workOf(ctx, object, reasons.reason)
  const later = work === 'deletes' ? undefined : await laterOf(ctx, object, reasons.reason)
  const held = safety.held(object, work) ?? (work === 'changes' ? later : undefined)
  const changesHeld = safety.held(object, 'changes') ?? later
  if (held !== undefined && work !== 'drift') await noteHeld(ctx, object, held)
  if (work === 'deletes' || changesHeld === undefined)
    return held === undefined ? { go: true, object: await noteFree(ctx, object) } : skip(ctx, object, held)
  const driftHeld = safety.held(object, 'drift')
  if (driftHeld !== undefined) return skip(ctx, object, driftHeld)
  const reason = work === 'drift' ? reasons.reason : reasons.withoutChange()
  // What a release would do cannot be told from its revision alone, so it waits as a whole.
  const frozenAt = object.kind === 'Kustomization' && isWell(object) ? ctx.world.appliedRevision(object) : undefined
  const isLook = reason === 'due' || reason === 'requested'
  return isLook && frozenAt !== undefined
    ? { go: true, object, frozenAt, frozenBy: changesHeld }
    : skip(ctx, object, changesHeld)
}

/** Why something new is to wait for another cluster, or for somebody. */
function laterOf(ctx: Context, object: Workload, reason: SelectionReason | undefined): Promise<Held | undefined> {
  const isAsked = reason === 'requested' || reason === 'configs'
  return ctx.approvals?.held(object, wantedRevision(ctx, object), isAsked) ?? Promise.resolve(undefined)
}

/**
 * Ends a step that has found out, before its first write, that what it would apply waits for somebody.
 *
 * Effects: those of a node that windows hold. @returns its record.
 */
export async function holdChange(ctx: Context, object: Workload, message: string): Promise<NodeRecord> {
  const held: Held = { kind: 'approval', message }
  await noteHeld(ctx, object, held)
  return heldRecord(object, held, ctx.deps.clock.now())
}

/** The revision that an object would be brought to. */
function wantedRevision(ctx: Context, object: Workload): string | undefined {
  const key = artifactKeyOf(object)
  return pinnedRevision(ctx.world, object) ?? (key === undefined ? undefined : revisionOf(ctx.world, key))
}

/** The kind of work that a look at a node is. */
function workOf(ctx: Context, object: Workload, reason: SelectionReason | undefined): HeldWork {
  if (reason === 'deleted') return 'deletes'
  if (reason === 'due') return 'drift'
  if (reason === 'requested' && object.kind === 'Kustomization' && !isPending(ctx, object)) return 'drift'
  return 'changes'
}

function isPending(ctx: Context, object: Workload): boolean {
  const wanted = wantedRevision(ctx, object)
  if (object.kind !== 'Kustomization') return true
  return !isWell(object) || wanted !== ctx.world.appliedRevision(object)
}

function isWell({ status, metadata }: Workload): boolean {
  return (
    getCondition(status?.conditions, 'Ready')?.status === 'True' && status?.observedGeneration === metadata.generation
  )
}

function skip(ctx: Context, object: Workload, held: Held): NodeDecision {
  return { go: false, record: heldRecord(object, held, ctx.deps.clock.now()) }
}

/** The record of a node that was not worked on. */
export function heldRecord(object: Workload, held: Held, at: number): NodeRecord {
  return {
    ...keyOf(object),
    state: 'skipped',
    reason: reasonOfHeld[held.kind],
    message: held.message,
    changes: [],
    unchanged: 0,
    timings: { startedAt: at, finishedAt: at },
  }
}

/** What a record says of why nothing was done. */
export const reasonOfHeld: { readonly [kind in Held['kind']]: string } = {
  suspended: 'Suspended',
  approval: 'WaitingForApproval',
  window: 'HeldByWindow',
  wave: 'WaitingForCluster',
}

/** Whether a node of a run was held back: what was asked for will be done later. */
export function isHeldBack({ state, reason }: Pick<NodeRecord, 'state' | 'reason'>): boolean {
  return state === 'skipped' && Object.values(reasonOfHeld).includes(reason ?? '')
}

/** Says in the status what waits, once, and answers whoever asked for a look. */
async function noteHeld(ctx: Context, object: Workload, held: Held): Promise<void> {
  const { status, metadata } = object
  const revision = wantedRevision(ctx, object)
  const what = metadata.deletionTimestamp !== undefined ? 'its deletion' : `revision ${revision ?? 'of its source'}`
  const message = `${held.message}: ${what} waits`
  const known = getCondition(status?.conditions, heldCondition)
  const requestedAt = metadata.annotations?.[annotations.requestedAt]
  const isAnswered = requestedAt === undefined || requestedAt === status?.lastHandledReconcileAt
  if (known?.status === 'True' && known.message === message && isAnswered) return
  const conditions = setCondition(
    status?.conditions ?? [],
    {
      type: heldCondition,
      status: 'True',
      reason: reasonOfHeld[held.kind],
      message: message.slice(0, 20_000),
      observedGeneration: metadata.generation ?? 0,
    },
    timestamp(ctx.deps.clock.now()),
  )
  await store(ctx, object, {
    ...status,
    conditions: [...conditions],
    ...(requestedAt === undefined ? {} : { lastHandledReconcileAt: requestedAt }),
  })
  if (known?.message === message) return
  const controller = object.kind === 'HelmRelease' ? 'helm-controller' : 'kustomize-controller'
  ctx.events.emit({ object, severity: 'info', reason: reasonOfHeld[held.kind], message, controller })
}

/** Takes the condition away where nothing is held any more. */
async function noteFree(ctx: Context, object: Workload): Promise<Workload> {
  const { status } = object
  if (getCondition(status?.conditions, heldCondition) === undefined) return object
  return store(ctx, object, { ...status, conditions: [...removeCondition(status?.conditions ?? [], heldCondition)] })
}

async function store(ctx: Context, object: Workload, status: object): Promise<Workload> {
  const manager = object.kind === 'HelmRelease' ? fieldManagers.helmStatus : fieldManagers.kustomizeStatus
  try {
    const stored = await patchStatus<Workload>(ctx.client, object, status, manager, { signal: ctx.signal })
    ctx.world.update(stored)
    return stored
  } catch (caught) {
    const error = toEngineError(caught)
    if (endsRun(error)) throw error
    // The next run says it.
    ctx.deps.logger.log('warn', 'what is held was not told', { object: idOf(object), error: error.message })
    return object
  }
}
