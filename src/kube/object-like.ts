import type { ObjectKey } from './object-key.ts'

/** Any object that was read from a cluster, typed or not: as much of it as writing its metadata and status needs. */
export interface ObjectLike {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly annotations?: { readonly [key: string]: string }
    readonly finalizers?: readonly string[]
  }
}

/** The key of a typed object. */
export function keyOfLike(object: ObjectLike): ObjectKey {
  const { name, namespace } = object.metadata
  return { apiVersion: object.apiVersion, kind: object.kind, name, namespace: namespace ?? '' }
}
