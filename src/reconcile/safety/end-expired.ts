import { toEngineError } from '../../base/index.ts'
import { endsRun } from '../../kube/index.ts'
import { resumeExpired, type RequestContext } from '../suspension.ts'
import type { World } from '../world.ts'
import { resumeCluster, type ClusterState, type Suspension } from './cluster-state.ts'
import { isOver } from './decide.ts'
import { unpinExpired } from './pinning.ts'

/**
 * What a scan does first: ends what was meant to end by itself and whose time is over, of objects (suspensions, pins) and of the cluster, so that the same scan works on them.
 *
 * Effects: those of resumeExpired and unpinExpired; where the suspension of the cluster is over, the ConfigMap says so. Whatever cannot be written is logged: its time is over in any case.
 */
export async function endExpired(
  ctx: RequestContext,
  known: { readonly world: World; readonly state: ClusterState; readonly holdNamespace: string },
): Promise<void> {
  const { suspension } = known.state
  const isPast = (one: Suspension): boolean => isOver(one, ctx.clock.now())
  if (suspension !== undefined && isPast(suspension)) {
    // Somebody may have suspended it for longer since it was read.
    await resumeCluster(ctx, known.holdNamespace, 'its end: the time that it was suspended for is over', isPast).catch(
      (caught: unknown) => {
        const error = toEngineError(caught)
        if (endsRun(error)) throw error
        ctx.logger.log('warn', 'the switch of the cluster was not set back', { error: error.message })
      },
    )
  }
  await resumeExpired(ctx, known.world)
  await unpinExpired(ctx, known.world)
}
