import type { KubeClient } from '../kube/index.ts'

/** A ConfigMap or Secret that one of our objects reads. */
export interface ConfigKey {
  readonly kind: 'ConfigMap' | 'Secret'
  readonly namespace: string
  readonly name: string
}

/** A ConfigMap or Secret with the version that it has: `Kind/namespace/name@uid/resourceVersion`. */
export function configVersion(
  { kind, namespace, name }: ConfigKey,
  object: { readonly metadata?: { readonly uid?: string; readonly resourceVersion?: string } } | undefined,
): string {
  const { uid = '', resourceVersion = '' } = object?.metadata ?? {}
  return `${kind}/${namespace}/${name}@${object === undefined ? 'absent' : `${uid}/${resourceVersion}`}`
}

/** Tells the version that ConfigMaps and Secrets have now. */
export interface VersionReader {
  /** See {@link configVersion}. Each is asked for once. @throws EngineError of the API server, also where it may not be read. */
  readonly read: (key: ConfigKey) => Promise<string>
}

/** Names of one kind and namespace that are asked for one by one; more of them are listed. */
const fewNames = 3

/** Reads versions of some of `keys`: metadata only, and those of one namespace in one list where they are many. */
export function createVersionReader(
  client: KubeClient,
  keys: readonly ConfigKey[],
  signal: AbortSignal,
): VersionReader {
  const names = new Map<string, Set<string>>()
  for (const { kind, namespace, name } of keys) {
    const group = `${kind}/${namespace}`
    names.set(group, (names.get(group) ?? new Set()).add(name))
  }
  const lists = new Map<string, Promise<ReadonlyMap<string, Listed>>>()
  const listOf = ({ kind, namespace }: ConfigKey): Promise<ReadonlyMap<string, Listed>> => {
    const group = `${kind}/${namespace}`
    const list =
      lists.get(group) ??
      client
        .list<Listed>({ apiVersion: 'v1', kind }, { namespace, metadataOnly: true, signal })
        .then(({ items }) => new Map(items.map((item) => [item.metadata.name, item])))
    lists.set(group, list)
    return list
  }
  const look = async (key: ConfigKey): Promise<string> => {
    const isMany = (names.get(`${key.kind}/${key.namespace}`)?.size ?? 0) > fewNames
    if (isMany) return configVersion(key, (await listOf(key)).get(key.name))
    const object = await client.get<Listed>({ apiVersion: 'v1', ...key }, { metadataOnly: true, signal })
    return configVersion(key, object)
  }
  const known = new Map<string, Promise<string>>()
  return {
    read: (key) => {
      const id = `${key.kind}/${key.namespace}/${key.name}`
      const version = known.get(id) ?? look(key)
      known.set(id, version)
      return version
    },
  }
}

interface Listed {
  readonly metadata: { readonly name: string; readonly uid?: string; readonly resourceVersion?: string }
}
