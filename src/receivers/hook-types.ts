import type { OidcProvider, ReceiverType } from '../api/index.ts'
import type { HeaderReader, VerifyTools } from './types.ts'

/** What a Receiver object knows that senders must prove: the entries of its Secret (`token` among them), and whose tokens it takes. */
export interface HookAccess {
  readonly secret: { readonly [key: string]: Uint8Array }
  readonly oidcProviders: readonly OidcProvider[]
}

/** A delivery whose sender is known. */
export interface VerifiedDelivery {
  /** Name of the event; '' where the type has none. `spec.events` is held against it where {@link HookType.hasEvents} says so. */
  readonly event: string
  /** The sender's id of this delivery, the same when it is sent again; '' where there is none. */
  readonly deliveryId: string
  /** The ref that changed, where the payload says so. For the record only. */
  readonly ref?: string
  /** What filters see as the request, where it is not its body. */
  readonly request?: { readonly [field: string]: unknown }
  /** Claims of the token, for filters. */
  readonly claims?: { readonly [name: string]: unknown }
}

/** A type of Receiver objects: how a delivery proves where it comes from. */
export interface HookType {
  readonly type: ReceiverType
  /** `spec.events` is held against the event. */
  readonly hasEvents: boolean
  /** What the headers alone show, before the body is read. Throws EngineError `delivery-refused`. */
  readonly verifyHeaders?: (headers: HeaderReader, access: HookAccess, tools: VerifyTools) => Promise<void>
  /**
   * Throws EngineError `delivery-refused` where the delivery does not come from whom it should; `issuer-unreachable` (`retry`) where that cannot be told. Called after
   * {@link verifyHeaders}.
   */
  readonly verify: (
    delivery: { readonly headers: HeaderReader; readonly body: Uint8Array },
    access: HookAccess,
    tools: VerifyTools,
  ) => Promise<VerifiedDelivery>
}
