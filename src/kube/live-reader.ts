import { EngineError } from '../base/index.ts'
import { objectIdKey, objectIdOf, parseApiVersion, type KubeObject } from '../resources/index.ts'
import type { CallOptions, KubeClient } from './client-types.ts'
import { type KindRef, type ObjectKey } from './object-key.ts'

/** What is known of an object: that it is there, that it is not, or nothing yet (it may be there without our labels). */
export type LiveState =
  { readonly state: 'present'; readonly object: KubeObject } | { readonly state: 'absent' | 'unknown' }

/** Reads objects as they are in the cluster. One for a run: it may answer from what it has read before. */
export interface LiveReader {
  /** The object as `client`'s user sees it. Throws what the client throws. */
  read(client: KubeClient, key: ObjectKey, options?: CallOptions): Promise<LiveState>
  /** Tells the reader about an object that was written, or (undefined) deleted. */
  remember(client: KubeClient, key: ObjectKey, object: KubeObject | undefined): void
}

/** One GET per object, always fresh. */
export function createDirectReader(): LiveReader {
  return {
    read: async (client, key, options = {}) => {
      const object = await client.get(key, options)
      return object === undefined ? { state: 'absent' } : { state: 'present', object }
    },
    remember: () => undefined,
  }
}

/** Reads nothing ahead: a dry-run tells whether an object is there, and only one that is there is read. Saves a request per new object. */
export function createLazyReader(): LiveReader {
  return { read: async () => ({ state: 'unknown' }), remember: () => undefined }
}

/** Which objects are read ahead: those with `label`, optionally with one of `values`. */
export interface PreloadOptions {
  /** Owner label: `kustomize.toolkit.fluxcd.io/name`. */
  readonly label: string
  readonly values?: readonly string[]
}

/**
 * One LIST per kind of the objects that carry the owner label, made when the first object of the kind is read and shared by everything
 * that uses the reader: a hundred small Kustomizations cost a handful of requests. Each identity sees what it may see: the transport's own
 * lists all namespaces at once, one that is impersonated only the namespace of the object, with its own rights. An object that is not
 * in the list is `unknown` (it may exist without the label); a kind that may not be listed is read object by object.
 */
export function createPreloadedReader(options: PreloadOptions): LiveReader {
  const lists = new Map<string, Promise<List>>()
  const direct = createDirectReader()
  const selector = options.values ? `${options.label} in (${options.values.join(',')})` : options.label
  const load = async (client: KubeClient, kind: KindRef, namespace: string): Promise<List> => {
    try {
      const list = await client.list(
        { apiVersion: kind.apiVersion, kind: kind.kind },
        { labelSelector: selector, ...(namespace === '' ? {} : { namespace }) },
      )
      return new Map(list.items.map((object) => [liveKey(kind, object), object]))
    } catch (error) {
      if (error instanceof EngineError && (error.code === 'kube-forbidden' || error.code === 'kube-method-not-allowed'))
        return undefined
      throw error
    }
  }
  const listOf = (client: KubeClient, key: ObjectKey): Promise<List> => {
    const id = listId(client, key)
    let list = lists.get(id)
    if (!list) {
      // A list that failed is not remembered: the next reader tries again.
      list = load(client, key, client.user === undefined ? '' : (key.namespace ?? '')).catch((error: unknown) => {
        lists.delete(id)
        throw error
      })
      lists.set(id, list)
    }
    return list
  }
  return {
    read: async (caller, key, callOptions = {}) => {
      const list = await listOf(caller, key)
      if (!list) return direct.read(caller, key, callOptions)
      const object = list.get(refKey(key))
      return object ? { state: 'present', object } : { state: 'unknown' }
    },
    remember: (caller, key, object) => {
      const list = lists.get(listId(caller, key))
      void list?.then(
        (loaded) => (object ? loaded?.set(refKey(key), object) : loaded?.delete(refKey(key))),
        () => undefined,
      )
    },
  }
}

type List = Map<string, KubeObject> | undefined

function listId(client: KubeClient, key: ObjectKey): string {
  const scope = client.user === undefined ? '' : `${client.user}|${key.namespace ?? ''}`
  return `${client.cluster}|${scope}|${key.apiVersion}|${key.kind}`
}

function liveKey(kind: KindRef, object: KubeObject): string {
  return objectIdKey({ ...objectIdOf(object), group: parseApiVersion(kind.apiVersion).group, kind: kind.kind })
}

function refKey(key: ObjectKey): string {
  return objectIdKey({
    group: parseApiVersion(key.apiVersion).group,
    kind: key.kind,
    namespace: key.namespace ?? '',
    name: key.name,
  })
}
