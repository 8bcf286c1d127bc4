import type { EgressPolicy } from '../base/index.ts'
import type { HttpClient } from '../ports/index.ts'
import type { ChangeNotice } from './change-notice.ts'
import type { FetchCache } from './fetch-cache.ts'

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

/** What verifying may use of the outside: keys and certificates of those who sign are fetched, from hosts that the deployment may talk to. */
export interface VerifyTools {
  readonly http: HttpClient
  readonly egress: EgressPolicy
  /** Keys and certificates fetched before. */
  readonly fetched: FetchCache
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal: AbortSignal
}

/** What a delivery is about. */
export type Decoded = {
  /** Name of the event as the provider spells it; '' where it has none. */
  readonly event: string
  /** The provider's id of this delivery; '' where it sent none. */
  readonly deliveryId: string
  /** The pull request that it is about, whatever becomes of its refs. */
  readonly change?: ChangeNotice
} & (
  | { readonly kind: 'ping' }
  /** The provider asks whether it may send here; `confirm` answers it. Throws EngineError (`retry`). */
  | { readonly kind: 'confirmation'; readonly confirm: (tools: VerifyTools) => Promise<void> }
  | { readonly kind: 'ignored'; readonly reason: string; readonly ref?: string }
  /** One notice per ref. `left` says why further refs have none. */
  | { readonly kind: 'push'; readonly notices: readonly PushNotice[]; readonly left?: string }
)

/** One provider of webhooks that has an endpoint of the deployment, `/hook/<name>`. */
export interface Receiver {
  /** Variable with what proves a delivery, where it is not `<NAME>_WEBHOOK_SECRET`. */
  readonly setting?: string
  /** Largest body, where it is less than that of the deployment. */
  readonly maxBytes?: number
  /**
   * First look, before the body is read: false where the headers alone show that the delivery is not authentic, so that nobody
   * without the secret can make us hold a body.
   */
  verifyHeaders(headers: HeaderReader, secrets: readonly string[]): Promise<boolean>
  /** Whether the body was sent by somebody who knows one of the secrets. Called only after `verifyHeaders` said yes. */
  verifyBody(headers: HeaderReader, body: Uint8Array, secrets: readonly string[], tools: VerifyTools): Promise<boolean>
  /** Reads a verified delivery. Throws a DiagnosticsError `payload-invalid` that names every field which is wrong. */
  decode(headers: HeaderReader, body: Uint8Array): Decoded
}
