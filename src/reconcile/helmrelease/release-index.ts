import type { KubeClient } from '../../kube/index.ts'
import type { ReleaseStatus } from './state.ts'

/** A revision in storage as its Secret's metadata has it. */
export interface ReleaseHead {
  readonly version: number
  readonly status: ReleaseStatus
  readonly resourceVersion: string
  readonly uid: string
}

/** What was found of one release name. `secrets` are bodies that came along. */
export interface FoundReleases {
  readonly heads: readonly ReleaseHead[]
  readonly secrets: readonly object[]
}

/** Finds release Secrets. One for a run. */
export interface ReleaseIndex {
  find(client: KubeClient, namespace: string, name: string, signal: AbortSignal): Promise<FoundReleases>
}

interface SecretMetadata {
  readonly metadata: {
    readonly labels?: { readonly [key: string]: string }
    readonly resourceVersion?: string
    readonly uid?: string
  }
}

/**
 * `isBulk`: one LIST of metadata per namespace and identity, shared by all releases of the run; bodies are read where one is needed. Otherwise one LIST
 * per release that brings its bodies.
 */
export function createReleaseIndex(isBulk: boolean): ReleaseIndex {
  const lists = new Map<string, Promise<ReadonlyMap<string, readonly ReleaseHead[]>>>()
  const listOf = (
    client: KubeClient,
    namespace: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, readonly ReleaseHead[]>> => {
    const id = `${client.cluster}\n${client.user ?? ''}\n${namespace}`
    let list = lists.get(id)
    if (list === undefined) {
      // A list that failed is not remembered: the next release tries again.
      list = loadHeads(client, namespace, signal).catch((error: unknown) => {
        lists.delete(id)
        throw error
      })
      lists.set(id, list)
    }
    return list
  }
  return {
    find: async (client, namespace, name, signal) => {
      if (isBulk) return { heads: (await listOf(client, namespace, signal)).get(name) ?? [], secrets: [] }
      const found = await client.list<SecretMetadata>(
        { apiVersion: 'v1', kind: 'Secret' },
        { namespace, labelSelector: `owner=helm,name=${name}`, signal },
      )
      return { heads: found.items.map(headOf), secrets: found.items }
    },
  }
}

async function loadHeads(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly ReleaseHead[]>> {
  const found = await client.list<SecretMetadata>(
    { apiVersion: 'v1', kind: 'Secret' },
    { namespace, labelSelector: 'owner=helm', metadataOnly: true, signal },
  )
  const byName = new Map<string, ReleaseHead[]>()
  for (const item of found.items) {
    const name = item.metadata.labels?.['name'] ?? ''
    byName.set(name, [...(byName.get(name) ?? []), headOf(item)])
  }
  return byName
}

function headOf(item: SecretMetadata): ReleaseHead {
  const { labels, resourceVersion, uid } = item.metadata
  return {
    version: Number(labels?.['version'] ?? 0),
    status: (labels?.['status'] ?? 'unknown') as ReleaseStatus,
    resourceVersion: resourceVersion ?? '',
    uid: uid ?? '',
  }
}
