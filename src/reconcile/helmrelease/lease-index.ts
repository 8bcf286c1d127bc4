import { isEngineError } from '../../base/index.ts'
import { leaseKind, type KubeClient, type LeaseObject } from '../../kube/index.ts'

/** Leases as they were when a run first looked at their namespace. One for a run. */
export interface LeaseIndex {
  /** The Lease, null where there was none, undefined where nothing is known: then it is to be read. */
  find(
    client: KubeClient,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<LeaseObject | null | undefined>
}

/** `isBulk`: one LIST per namespace, shared by all releases of the run. Otherwise nothing is known. What has changed since costs a request, never a lock: its writes name the version that was read. */
export function createLeaseIndex(isBulk: boolean): LeaseIndex {
  const lists = new Map<string, Promise<ReadonlyMap<string, LeaseObject> | undefined>>()
  return {
    find: async (client, namespace, name, signal) => {
      if (!isBulk) return undefined
      const id = `${client.cluster}\n${namespace}`
      const list = lists.get(id) ?? load(client, namespace, signal)
      lists.set(id, list)
      const known = await list
      return known === undefined ? undefined : (known.get(name) ?? null)
    },
  }
}

/** An account that may not list them reads them one by one. */
async function load(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LeaseObject> | undefined> {
  try {
    const { items } = await client.list<LeaseObject>(leaseKind, { namespace, signal })
    return new Map(items.map((lease) => [lease.metadata.name ?? '', lease]))
  } catch (error) {
    if (isEngineError(error) && error.code !== 'aborted') return undefined
    throw error
  }
}
