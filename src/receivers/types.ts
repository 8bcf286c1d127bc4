/** Reads request headers; names are case-insensitive. The `Headers` of fetch is one. */
export interface HeaderReader {
  get(name: string): string | null
}

/** What a verified push webhook says. It never decides what is fetched: it only says which repository's ref to look at. */
export interface PushNotice {
  readonly provider: string
  /** The provider's id of this delivery, the same when it is sent again. Empty where the provider sent none. */
  readonly deliveryId: string
  /** Every URL under which the forge knows the repository (clone, ssh, html). */
  readonly urls: readonly string[]
  /** Full ref name, `refs/heads/main`. */
  readonly ref: string
  /** Commits before and after; absent when the ref was created or deleted. For the record only. */
  readonly before?: string
  readonly after?: string
  readonly actor?: string
}

/** What a delivery is about. */
export type Decoded =
  | { readonly kind: 'ping' }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'push'; readonly notice: PushNotice }

/** One provider of webhooks. */
export interface Receiver {
  /**
   * First look, before the body is read: false where the headers alone show that the delivery is not authentic, so that nobody
   * without the secret can make us hold a body.
   */
  verifyHeaders(headers: HeaderReader, secrets: readonly string[]): Promise<boolean>
  /** Whether the body was sent by somebody who knows one of the secrets. Called only after `verifyHeaders` said yes. */
  verifyBody(headers: HeaderReader, body: Uint8Array, secrets: readonly string[]): Promise<boolean>
  /** Reads a verified delivery. Throws a DiagnosticsError `payload-invalid` that names every field which is wrong. */
  decode(headers: HeaderReader, body: Uint8Array): Decoded
}
