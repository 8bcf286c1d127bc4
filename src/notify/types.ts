import type { ProviderType } from '../api/index.ts'
import type { EgressPolicy } from '../base/index.ts'
import type { CloudLogins } from '../cloud/index.ts'
import type { Clock, HttpClient, HttpRequest, ServiceAccountIdentity } from '../ports/index.ts'
import type { NotificationEvent } from './event.ts'

/** A Provider with what its Secrets hold: where to send and as whom. Holds credentials: never log it. */
export interface Target {
  readonly type: ProviderType
  readonly name: string
  readonly namespace: string
  readonly uid: string
  /** `address` of the Secret, else `spec.address`; '' where there is none. */
  readonly address: string
  readonly channel: string
  /** `username` of the Secret, else `spec.username`. */
  readonly username: string
  readonly password: string
  readonly token: string
  readonly headers: { readonly [name: string]: string }
  /** The Secret holds the keys of a GitHub App. */
  readonly hasAppKeys: boolean
  /** Id of the commit status; '' for providers that set none. */
  readonly commitStatus: string
  /** The Alert that sends: traces carry it. */
  readonly alert: { readonly name: string; readonly namespace: string; readonly uid: string }
}

/** One request that says what happened. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body?: string
  /** Bytes of the answer that are needed; left out: none. */
  readonly readBytes?: number
  /** Statuses besides 2xx that are answers, not failures. */
  readonly accept?: readonly number[]
  /** What an answer of 2xx says went wrong all the same. Needs `readBytes`. */
  readonly refusal?: (text: string) => string | undefined
}

/** What sending needs. */
export interface SendContext {
  readonly http: HttpClient
  /** Hosts that may be sent to: addresses stand in objects, which tenants write. */
  readonly egress: EgressPolicy
  readonly clock: Clock
  /** The deadline, `spec.timeout`, and whatever else ends sending. */
  readonly signal: AbortSignal
  /** Milliseconds since 1970 of the deadline: no pause begins that would end behind it. */
  readonly deadline: number
  /** What no message may show. */
  readonly secrets: readonly string[]
  readonly tls?: HttpRequest['tls'] | undefined
  readonly proxy?: HttpRequest['proxy'] | undefined
  /** The token of the GitHub App in the Secret. */
  readonly appToken?: (() => Promise<string>) | undefined
  /** Logins at clouds for Providers without a token. */
  readonly cloud?: CloudLogins | undefined
  /** Who logs in there; undefined: the deployment itself. */
  readonly serviceAccount?: (() => Promise<ServiceAccountIdentity | undefined>) | undefined
}

/** One kind of receiving end. */
export interface NotificationProvider {
  /** The requests that tell of the event; none where this provider does not tell of such events. Pure. @throws EngineError `notify-config`, `notify-unsuitable`. */
  readonly format: (event: NotificationEvent, target: Target) => readonly OutgoingRequest[]
  /** Sends them, with the questions and logins that come first. @throws EngineError; its message shows no secret. */
  readonly send: (context: SendContext, event: NotificationEvent, target: Target) => Promise<void>
  /** People read it: several events may become one message, and the same error is not told twice. */
  readonly isChat: boolean
}
