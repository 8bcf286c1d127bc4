import {
  formatObject,
  metaText,
  nameOf,
  namespaceOf,
  parseApiVersion,
  scalarText,
  type KubeObject,
} from '../resources/index.ts'

/** A kind as the API server names it. */
export interface KindRef {
  readonly apiVersion: string
  readonly kind: string
}

/** What addresses one object. `namespace` is left out, or '', for cluster-scoped kinds. */
export interface ObjectKey extends KindRef {
  readonly namespace?: string | undefined
  readonly name: string
}

/** Where an object came from, for messages. Positions are 1-based. */
export interface ObjectOrigin {
  readonly file?: string
  readonly line?: number
}

/** The key of an object as it states itself; parts that are missing are ''. */
export function keyOf(object: KubeObject): ObjectKey {
  return {
    apiVersion: scalarText(object['apiVersion']),
    kind: scalarText(object['kind']),
    namespace: namespaceOf(object),
    name: nameOf(object),
  }
}

/** `Kind/namespace/name`, or `Kind/name`: how messages name an object. */
export function formatKey(key: {
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
}): string {
  return formatObject({ kind: key.kind, namespace: key.namespace ?? '', name: key.name })
}

/** True for a core Secret: what the API server says about one may quote its values. */
export function isSecretKind(ref: KindRef): boolean {
  return ref.kind === 'Secret' && parseApiVersion(ref.apiVersion).group === ''
}

/** `metadata.uid`, '' for an object that no server has seen. */
export function uidOf(object: KubeObject): string {
  return metaText(object, 'uid')
}

/** `metadata.resourceVersion`, '' for an object that no server has stored. */
export function resourceVersionOf(object: KubeObject): string {
  return metaText(object, 'resourceVersion')
}
