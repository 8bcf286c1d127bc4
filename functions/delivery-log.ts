import { sha256Hex, type Json } from '../src/base/index.ts'
import { newRunId } from '../src/coordinator/index.ts'
import type { Delivery, DeliveryOutcome } from '../src/observe/index.ts'
import type { FunctionDeps } from './deps.ts'

const prefix = 'delivery-log/'
const ttlSeconds = 3 * 24 * 3600
/** Refused deliveries say little, and anybody can cause them. */
const refusedTtlSeconds = 24 * 3600
/** Of deliveries of one sender that lead to nothing, so many in a minute are recorded one by one. */
const maxPerMinute = 60

/**
 * Records a delivery, after the answer. A refused one is only counted: the record of its provider and minute is written again when there are 1, 10, 100, … of them, so
 * that a flood cannot fill the store. Never fails: the record decides nothing.
 */
export function recordDelivery(deps: FunctionDeps, delivery: Omit<Delivery, 'id' | 'at'>): void {
  const now = deps.clock.now()
  const text = (value: string): string => value.slice(0, 512)
  const { reason } = delivery
  const bounded = { ...delivery, ...(reason === undefined ? {} : { reason: text(reason) }) }
  const record = delivery.outcome === 'refused' ? refusedRecord(deps, bounded, now) : acceptedRecord(deps, bounded, now)
  if (record === undefined) return
  const options = { ttlSeconds: record.outcome === 'refused' ? refusedTtlSeconds : ttlSeconds }
  deps.background(deps.state.put(prefix + record.id, JSON.parse(JSON.stringify(record)) as Json, options))
}

function acceptedRecord(deps: FunctionDeps, delivery: Omit<Delivery, 'id' | 'at'>, now: number): Delivery | undefined {
  const { provider, receiver = '', outcome } = delivery
  if (
    outcome !== 'run' &&
    outcome !== 'plan' &&
    !deps.memory.refusals.mayTell(`${provider} ${receiver}`, maxPerMinute, now)
  )
    return undefined
  return { id: newRunId(deps.clock, deps.random), at: now, ...delivery }
}

/** One record for all refused deliveries of a provider and minute, under an id that follows from them. */
function refusedRecord(deps: FunctionDeps, delivery: Omit<Delivery, 'id' | 'at'>, now: number): Delivery | undefined {
  const { provider, receiver } = delivery
  const name = `refused ${provider} ${receiver ?? ''}`
  const count = deps.memory.refusals.note(name, now)
  if (count === undefined) return undefined
  const minute = Math.floor(now / 60_000) * 60_000
  const seed = new TextEncoder().encode(sha256Hex(name))
  const id = newRunId({ ...deps.clock, now: () => minute }, { bytes: (length) => seed.subarray(0, length) })
  const times = count === 1 ? '' : ` (at least ${count} in this minute)`
  return {
    id,
    at: now,
    provider,
    ...(receiver === undefined ? {} : { receiver }),
    deliveryId: '',
    event: '',
    verified: false,
    outcome: 'refused',
    reason: `${delivery.reason ?? 'refused'}${times}`,
  }
}

/** Deliveries, newest first, older than `before` where it is given; `next` leads to those behind them. */
export async function listDeliveries(
  deps: Pick<FunctionDeps, 'state'>,
  options: { readonly limit: number; readonly before?: string },
): Promise<{ readonly deliveries: readonly Delivery[]; readonly next?: string }> {
  const { limit, before } = options
  // Descending lists go on below `after`.
  const after = before === undefined ? {} : { after: prefix + before }
  const entries = await deps.state.list(prefix, { limit: limit + 1, reverse: true, ...after })
  const deliveries = entries.slice(0, limit).map((entry) => entry.value as unknown as Delivery)
  const last = deliveries.at(-1)
  return { deliveries, ...(entries.length <= limit || last === undefined ? {} : { next: last.id }) }
}

/** Which deliveries are wanted. Fields that are left out match everything. */
export interface DeliveryFilter {
  readonly outcome?: DeliveryOutcome | undefined
  readonly provider?: string | undefined
}

/** Records that are looked through for one page, and read at the same time. */
const maxLookedThrough = 600
const readAtOnce = 100

/** A page of those that are wanted, newest first; `next` leads to those behind them, and may be there although the page is not full. */
export async function findDeliveries(
  deps: Pick<FunctionDeps, 'state'>,
  filter: DeliveryFilter,
  options: { readonly limit: number; readonly before?: string | undefined },
): Promise<{ readonly deliveries: readonly Delivery[]; readonly next?: string }> {
  const found: Delivery[] = []
  let before = options.before
  for (let looked = 0; looked < maxLookedThrough; looked += readAtOnce) {
    const page = await listDeliveries(deps, { limit: readAtOnce, ...(before === undefined ? {} : { before }) })
    for (const delivery of page.deliveries) {
      if (found.length === options.limit)
        return { deliveries: found, ...(before === undefined ? {} : { next: before }) }
      before = delivery.id
      if (matches(delivery, filter)) found.push(delivery)
    }
    if (page.next === undefined) return { deliveries: found }
  }
  return { deliveries: found, ...(before === undefined ? {} : { next: before }) }
}

function matches(delivery: Delivery, { outcome, provider }: DeliveryFilter): boolean {
  return (
    (outcome === undefined || outcome === delivery.outcome) &&
    (provider === undefined || provider === delivery.provider)
  )
}
