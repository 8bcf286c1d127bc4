import type { Checks } from './checks.ts'
import type { AppliedChange } from './context.ts'
import { referencesOf } from './watched-configs.ts'
import { idOf, type Workload, type World } from './world.ts'

/**
 * Runs in a row for changed values alone. Two objects whose values come from one another may never come to rest; after this many the interval goes on, as it does with Flux.
 */
const maxFollowers = 3

/** Objects that take values from ConfigMaps and Secrets which the run itself changes. */
export interface ConfigChanges {
  /**
   * Notes what a node has applied to the run's own cluster. @returns who takes values from it, the node itself left out: they have to run (again).
   */
  applied(by: Workload, changes: readonly AppliedChange[]): readonly Workload[]
  /** Says that a node begins: it sees everything that was applied so far. */
  started(id: string): void
  /**
   * Notes those that began too early to see what was applied, so that the next run works on them. @returns whether there are any.
   */
  noteMissed(checks: Checks): boolean
}

/** Follows the changes of one run. Flux finds them when an interval is over, or where the ConfigMap carries a label. */
export function createConfigChanges(world: World): ConfigChanges {
  const waiting = new Set<string>()
  return {
    applied: (by, changes) => {
      const changed = new Set(changes.filter(isConfigChange).map(keyOf))
      if (changed.size === 0 || by.spec.kubeConfig !== undefined) return []
      const workloads: readonly Workload[] = [...world.ofKind('Kustomization'), ...world.ofKind('HelmRelease')]
      const followers = workloads.filter(
        (object) => idOf(object) !== idOf(by) && world.serves(object) && canRun(object) && takesFrom(object, changed),
      )
      for (const follower of followers) waiting.add(idOf(follower))
      return followers
    },
    started: (id) => void waiting.delete(id),
    noteMissed: (checks) => {
      let isMissed = false
      for (const id of waiting) {
        const mark = checks.get(id)
        const followed = (mark?.followed ?? 0) + 1
        if (mark === undefined || followed > maxFollowers) continue
        checks.set(id, { ...mark, followed, hasMissed: true })
        isMissed = true
      }
      return isMissed
    },
  }
}

function isConfigChange({ action, kind }: AppliedChange): boolean {
  return ['created', 'configured', 'deleted'].includes(action) && (kind === 'ConfigMap' || kind === 'Secret')
}

function keyOf({ kind, namespace, name }: Pick<AppliedChange, 'kind' | 'namespace' | 'name'>): string {
  return `${kind}/${namespace ?? ''}/${name}`
}

function canRun({ spec, metadata }: Workload): boolean {
  return spec.suspend !== true && metadata.deletionTimestamp === undefined
}

function takesFrom(object: Workload, changed: ReadonlySet<string>): boolean {
  const namespace = object.metadata.namespace ?? ''
  return referencesOf(object).some(({ kind, name }) => changed.has(keyOf({ kind, namespace, name })))
}
