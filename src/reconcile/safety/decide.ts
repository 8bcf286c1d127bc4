import { describeSuspension, type ClusterState, type Suspension } from './cluster-state.ts'
import { closedBy, momentText, nextOpening, type HeldWork, type Window } from './windows.ts'

/** Why something is not done now. */
export interface Held {
  /** `suspended`: everything of the cluster. `approval`: nobody has approved its first run, or the change of an object. `window`: a window is closed. `wave`: another cluster goes first. */
  readonly kind: 'suspended' | 'approval' | 'window' | 'wave'
  readonly message: string
  /** When it ends by itself, milliseconds since 1970; undefined where somebody has to end it, or it does not end within a year. */
  readonly until?: number
}

/** What is known when it is decided. */
export interface HoldQuestion {
  /** `suspended` of the deployment's settings. */
  readonly deployment: Suspension | undefined
  /** What the cluster itself says. */
  readonly cluster: ClusterState
  /** Whether the first run of the cluster must be approved. */
  readonly needsApproval: boolean
  readonly now: number
}

/** What is asked of one object. */
export interface WorkQuestion {
  readonly work: HeldWork
  /** Windows of the deployment that are about the object, and those that it has itself. */
  readonly deployment: readonly Window[]
  readonly own: readonly Window[]
  /** Milliseconds since 1970 until which somebody has overridden the windows, where somebody has. */
  readonly overriddenUntil: number | undefined
  readonly now: number
}

/**
 * What keeps a whole cluster from being worked on: the deployment's own switch, then that of the cluster, then the approval that its first run needs. The one place that
 * decides it, for every entry point.
 */
export function clusterHeld({ deployment, cluster, needsApproval, now }: HoldQuestion): Held | undefined {
  for (const [what, suspension] of [
    ['the deployment is', deployment],
    ['the cluster is', cluster.suspension],
  ] as const) {
    if (suspension === undefined || isOver(suspension, now)) continue
    const { until } = suspension
    const message = `${what} ${describeSuspension(suspension)}`
    return { kind: 'suspended', message, ...(until === undefined ? {} : { until }) }
  }
  if (!needsApproval || cluster.approvedBy !== undefined) return undefined
  return {
    kind: 'approval',
    message: 'the first run of the cluster waits for approval: see what it would do, then sluice approve cluster',
  }
}

/** Whether the time of a suspension is over. */
export function isOver({ until }: Suspension, now: number): boolean {
  return until !== undefined && until <= now
}

/** Windows can be overridden for so long at most. */
export const maxOverrideMs = 24 * 3_600_000

/**
 * Whether a window keeps a kind of work from being done on an object. The windows of the deployment and those of the object are asked one after the other, so that an object
 * can only make it stricter. Whoever overrides, overrides both, but for windows that do not allow it.
 */
export function workHeld({ work, deployment, own, overriddenUntil, now }: WorkQuestion): Held | undefined {
  const isOverridden = overriddenUntil !== undefined && overriddenUntil > now && overriddenUntil <= now + maxOverrideMs
  const levels = [deployment, own].map((windows) =>
    windows.filter(({ holds, canOverride }) => holds.has(work) && !(isOverridden && canOverride)),
  )
  const closing = levels.flatMap((windows) => closedBy(windows, now) ?? [])
  const [first] = closing
  if (first === undefined) return undefined
  const until = openingOf(levels, now)
  const when = until === undefined ? 'with no opening in sight' : `until ${momentText(until, now, first.schedule.zone)}`
  return {
    kind: 'window',
    message: `held by window '${first.name}' ${when}`,
    ...(until === undefined ? {} : { until }),
  }
}

/** The first moment at which both levels are open. Each step goes to an opening of a level, so a few are enough. */
function openingOf(levels: readonly (readonly Window[])[], now: number): number | undefined {
  let at = now
  for (let step = 0; step < maxSteps; step++) {
    const before = at
    for (const windows of levels) {
      const next = nextOpening(windows, at)
      if (next === undefined) return undefined
      at = next
    }
    if (at === before) return at
  }
  return undefined
}

/** Openings of two levels that are tried one after the other. */
const maxSteps = 60
