import { EngineError, toEngineError } from '../../base/index.ts'
import { decodeRelease, encodeRelease, releaseSecretName, type Release } from '../../helm/index.ts'
import type { KubeClient } from '../../kube/index.ts'

/** A release as it is stored, with what is needed to write it again. */
export interface StoredRelease {
  readonly release: Release
  readonly resourceVersion: string
  /** Labels of its Secret that are not Helm's own. */
  readonly labels: { readonly [key: string]: string }
}

/** Bytes of a release's Secret beyond which the API server refuses it (1 MiB for all of a Secret's data). */
const maxReleaseBytes = 1_048_576

const helmLabels = ['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt']

interface ReleaseSecret {
  readonly apiVersion: 'v1'
  readonly kind: 'Secret'
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: { readonly [key: string]: string }
    readonly resourceVersion?: string
  }
  readonly type: 'helm.sh/release.v1'
  readonly data: { readonly release: string }
}

/**
 * Helm's storage of the releases of one name, as Secrets `sh.helm.release.v1.<name>.v<N>` (Helm v4 pkg/storage/driver, secrets). Every write of a
 * stored release names the version it was read at: whoever lost the race gets `kube-conflict` and changes nothing.
 */
export interface ReleaseStorage {
  /** All revisions, newest first. One that cannot be decoded is an error: going on without it could install over it. */
  list(): Promise<readonly StoredRelease[]>
  create(release: Release): Promise<StoredRelease>
  update(stored: StoredRelease, release: Release): Promise<StoredRelease>
  remove(stored: StoredRelease): Promise<void>
}

/** The storage of the releases called `name` in `namespace`. `now` is in milliseconds since 1970. */
export function createReleaseStorage(
  client: KubeClient,
  namespace: string,
  name: string,
  signal: AbortSignal,
): ReleaseStorage {
  const secret = async (
    release: Release,
    labels: { readonly [key: string]: string },
    resourceVersion?: string,
  ): Promise<ReleaseSecret> => {
    const encoded = encodeRelease(release)
    if (encoded.length > maxReleaseBytes) {
      throw new EngineError(
        `release ${name}.v${release.version} takes ${encoded.length} bytes, more than the ${maxReleaseBytes} that a Secret can hold; make the chart smaller (large files, CRDs in templates)`,
        { code: 'release-too-large', data: { bytes: encoded.length } },
      )
    }
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: releaseSecretName(name, release.version),
        namespace,
        labels: { ...labels, name, owner: 'helm', status: release.info.status, version: String(release.version) },
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      type: 'helm.sh/release.v1',
      data: { release: btoa(encoded) },
    }
  }
  const stored = (object: ReleaseSecret, release: Release): StoredRelease => ({
    release,
    resourceVersion: object.metadata.resourceVersion ?? '',
    labels: Object.fromEntries(Object.entries(object.metadata.labels).filter(([key]) => !helmLabels.includes(key))),
  })
  const seconds = (): string => String(Math.floor(client.clock.now() / 1000))
  return {
    list: async () => {
      const found = await client.list<ReleaseSecret>(
        { apiVersion: 'v1', kind: 'Secret' },
        { namespace, labelSelector: `owner=helm,name=${name}`, signal },
      )
      const releases = await Promise.all(
        found.items.map(async (item) => {
          try {
            return stored(item, decodeRelease(atob(item.data.release)))
          } catch (error) {
            throw new EngineError(
              `release Secret '${namespace}/${item.metadata.name}' cannot be read: ${toEngineError(error).message}; restore or delete it`,
              { code: 'release-unreadable', reason: 'StateError' },
            )
          }
        }),
      )
      return releases.toSorted((a, b) => b.release.version - a.release.version)
    },
    create: async (release) => {
      const object = await client.create<ReleaseSecret>(await secret(release, { createdAt: seconds() }), { signal })
      return stored(object, release)
    },
    update: async (previous, release) => {
      const object = await client.update<ReleaseSecret>(
        await secret(release, { ...previous.labels, modifiedAt: seconds() }, previous.resourceVersion),
        { signal },
      )
      return stored(object, release)
    },
    remove: async (previous) => {
      await client.delete(
        { apiVersion: 'v1', kind: 'Secret', namespace, name: releaseSecretName(name, previous.release.version) },
        { resourceVersion: previous.resourceVersion, signal },
      )
    },
  }
}
