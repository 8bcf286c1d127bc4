import { toEngineError } from '../../base/index.ts'
import type { EngineDeps } from '../job.ts'
import { commitsIn } from '../summary/revision.ts'
import { idOfKey, sourceKeyOf, type Workload, type World } from '../world.ts'
import type { ReplanWish } from './types.ts'

/** The new plans that a run asks for, each source and revision once. */
export interface Replans {
  /** Whether a plan of an object's change can be made: its source is a branch of a Git repository, and something was applied before. */
  readonly canPlan: (object: Workload) => boolean
  readonly note: (object: Workload, revision: string, pullRequest: number | undefined) => void
  readonly finish: () => Promise<void>
}

/** A plan that was asked for is not asked for again within this time. */
const askedSeconds = 24 * 3600

/** See {@link Replans}. That a plan cannot be asked for is logged: what waits can be approved without one. */
export function createReplans({
  deps,
  world,
}: {
  readonly deps: Pick<EngineDeps, 'cluster' | 'state' | 'requests' | 'logger'>
  readonly world: World
}): Replans {
  const wishes = new Map<string, ReplanWish>()
  const { plan } = deps.requests ?? {}
  const partsOf = (object: Workload): Pick<ReplanWish, 'url' | 'branch' | 'base'> | undefined => {
    if (object.kind !== 'Kustomization') return undefined
    const key = sourceKeyOf(object)
    const source = key === undefined ? undefined : world.get(idOfKey(key))
    if (source?.kind !== 'GitRepository') return undefined
    const { branch, name } = source.spec.ref ?? {}
    const ref = name ?? (branch === undefined ? undefined : `refs/heads/${branch}`)
    const [base] = commitsIn(world.appliedRevision(object))
    return ref === undefined || base === undefined ? undefined : { url: source.spec.url, branch: ref, base }
  }
  return {
    canPlan: (object) => plan !== undefined && partsOf(object) !== undefined,
    note: (object, revision, pullRequest) => {
      const parts = partsOf(object)
      const [head] = commitsIn(revision)
      if (parts === undefined || head === undefined || head === parts.base) return
      const cluster = deps.cluster.name
      wishes.set(JSON.stringify([parts.url, parts.branch, parts.base, head]), {
        cluster,
        ...parts,
        head,
        ...(pullRequest === undefined ? {} : { pullRequest }),
      })
    },
    finish: async () => {
      if (plan === undefined) return
      for (const wish of wishes.values()) {
        const key = `approval-replans/${wish.cluster}/${wish.base}/${wish.head}`
        try {
          if ((await deps.state.get(key)) !== undefined) continue
          await plan(wish)
          await deps.state.put(key, true, { ttlSeconds: askedSeconds })
        } catch (caught) {
          const { code, message } = toEngineError(caught)
          deps.logger.log('warn', 'no new plan was asked for', { cluster: wish.cluster, code, error: message })
        }
      }
    },
  }
}
