import { toEngineError } from '../../base/index.ts'
import { decodeRelease, type Release } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'
import { releaseNameOf, storageNamespaceOf, type World } from '../../reconcile/index.ts'
import { scalarText, type KubeObject } from '../../resources/index.ts'
import { mapOf, metaMap } from '../maps.ts'

/** A release of Helm's storage that no HelmRelease stands for. */
export interface FoundRelease {
  readonly release: Release
  /** Namespace of its Secrets. */
  readonly storageNamespace: string
}

/** What is in Helm's storage. */
export interface FoundReleases {
  readonly releases: readonly FoundRelease[]
  /** Releases that are not taken over, and why. */
  readonly leftOut: readonly { readonly object: string; readonly reason: string }[]
}

/**
 * Reads the newest revision of every release in a namespace (or of all). Reads only: metadata of all release Secrets, and one Secret for each release.
 */
export async function findReleases(
  client: KubeClient,
  world: World,
  wish: { readonly namespace: string | undefined; readonly names: readonly string[] },
  signal: AbortSignal,
): Promise<FoundReleases> {
  const kind = { apiVersion: 'v1', kind: 'Secret' } as const
  const options = { namespace: wish.namespace, labelSelector: 'owner=helm', metadataOnly: true, signal }
  const heads = newestOf((await client.list(kind, options)).items)
  const managed = new Set(
    world.ofKind('HelmRelease').map((object) => `${storageNamespaceOf(object)}/${releaseNameOf(object)}`),
  )
  const releases: FoundRelease[] = []
  const leftOut: { object: string; reason: string }[] = []
  for (const { namespace, name, secret } of heads) {
    if (wish.names.length > 0 && !wish.names.includes(name)) continue
    const object = `release ${namespace}/${name}`
    if (managed.has(`${namespace}/${name}`)) {
      leftOut.push({ object, reason: 'a HelmRelease manages it' })
      continue
    }
    const found = await client.get<KubeObject>({ ...kind, namespace, name: secret }, { signal })
    try {
      const release = decodeRelease(atob(scalarText(mapOf(found?.['data'])['release'])))
      const { status } = release.info
      if (status === 'deployed') releases.push({ release, storageNamespace: namespace })
      else
        leftOut.push({
          object,
          reason: `its newest revision is ${status}: make it deployed first (helm upgrade, or rollback)`,
        })
    } catch (error) {
      leftOut.push({ object, reason: toEngineError(error).message })
    }
  }
  for (const name of wish.names) {
    if (heads.some((head) => head.name === name)) continue
    leftOut.push({ object: `release ${wish.namespace ?? ''}/${name}`, reason: 'it is not there' })
  }
  return { releases, leftOut }
}

interface Head {
  readonly namespace: string
  readonly name: string
  readonly version: number
  readonly secret: string
}

function newestOf(secrets: readonly KubeObject[]): readonly Head[] {
  const newest = new Map<string, Head>()
  for (const secret of secrets) {
    const labels = metaMap(secret, 'labels')
    const metadata = mapOf(secret['metadata'])
    const head: Head = {
      namespace: scalarText(metadata['namespace']),
      name: labels['name'] ?? '',
      version: Number(labels['version'] ?? 0),
      secret: scalarText(metadata['name']),
    }
    const known = newest.get(`${head.namespace}/${head.name}`)
    if (head.name !== '' && (known === undefined || known.version < head.version))
      newest.set(`${head.namespace}/${head.name}`, head)
  }
  return [...newest.values()]
}
