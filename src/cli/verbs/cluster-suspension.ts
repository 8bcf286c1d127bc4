import { isEngineError } from '../../base/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { describeSuspension, readClusterState } from '../../reconcile/index.ts'

/**
 * What the switch of a cluster says, `suspended by ada: …`; undefined where it is not suspended, or where whoever asks may not read it: a verb that only shows things does not
 * fail for that.
 */
export async function clusterSuspension(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { suspension } = await readClusterState(client, namespace, signal)
    const isOver = suspension?.until !== undefined && suspension.until <= Date.now()
    return suspension === undefined || isOver ? undefined : describeSuspension(suspension)
  } catch (error) {
    if (isEngineError(error) && error.code === 'hold-unreadable') return undefined
    throw error
  }
}
