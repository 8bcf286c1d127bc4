/** What everybody sees of an object: these fields, and no other ever. */
export interface PublicObject {
  readonly cluster: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly state: string
  /** Eight digits of a commit or digest, or the version of a chart. */
  readonly revision?: string
  /** Milliseconds since 1970: since when it is so. */
  readonly since?: number
}
