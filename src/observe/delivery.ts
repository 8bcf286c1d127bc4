/** What can become of a delivery. `plan`: the pull request is looked at. */
export const deliveryOutcomes = ['run', 'plan', 'ignored', 'refused', 'duplicate', 'failed'] as const
export type DeliveryOutcome = (typeof deliveryOutcomes)[number]

/** One delivery of a webhook, as it is recorded, shown and answered. */
export interface Delivery {
  /** Sorts by time. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Name of the endpoint, or the type of the Receiver object. */
  readonly provider: string
  /** `namespace/name` of the Receiver object. */
  readonly receiver?: string
  readonly deliveryId: string
  readonly event: string
  readonly ref?: string
  /** Whether the sender was known. */
  readonly verified: boolean
  readonly outcome: DeliveryOutcome
  readonly reason?: string
  /** The run that it gave; `GET /runs/<id>` says how that ended. */
  readonly run?: string
  readonly clusters?: readonly string[]
}
