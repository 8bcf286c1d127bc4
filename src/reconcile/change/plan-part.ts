import { EngineError, type Json } from '../../base/index.ts'
import { openRecord, parsePlan, sealRecord, type PlanDigest, type PlanDocument } from '../../plan/index.ts'
import type { StateStore } from '../../ports/index.ts'

/** Plans are kept for a month: as long as a pull request may wait for its merge. */
export const planTtlSeconds = 30 * 24 * 3600

/** What one cluster has made of a plan: redacted, and digests that are keyed. Nothing else of it is stored. */
export interface PlanPart {
  readonly plan: string
  readonly cluster: string
  /** The run that made it: a plan that is asked for again has another one. */
  readonly run: string
  /** Milliseconds since 1970. */
  readonly madeAt: number
  readonly document: PlanDocument
  /** What is approved when the plan is. For comparing, never for showing. */
  readonly digest: PlanDigest
  readonly renders: number
  readonly requests: number
}

/** Where the part of a cluster is stored, in the store that all clusters share. */
export function planPartKey(plan: string, cluster: string): string {
  return `plans/parts/${plan}/${cluster}`
}

/** Stores a part, sealed. @throws EngineError of the store. */
export async function savePlanPart(state: StateStore, key: Uint8Array, part: PlanPart): Promise<void> {
  const name = planPartKey(part.plan, part.cluster)
  await state.put(name, sealRecord(key, name, part), { ttlSeconds: planTtlSeconds })
}

/** A part as it is stored. `forged`: something is there that this deployment has not put there, or that it cannot read any more: it is to be planned again. */
export type StoredPart =
  { readonly kind: 'none' } | { readonly kind: 'forged' } | { readonly kind: 'part'; readonly part: PlanPart }

/** Reads the part of a cluster. @throws EngineError of the store. */
export async function readPlanPart(
  state: StateStore,
  key: Uint8Array,
  of: { readonly plan: string; readonly cluster: string },
): Promise<StoredPart> {
  const name = planPartKey(of.plan, of.cluster)
  const stored = await state.get(name)
  if (stored === undefined) return { kind: 'none' }
  const part = openRecord(key, name, stored)
  try {
    return part === undefined ? { kind: 'forged' } : { kind: 'part', part: toPart(part) }
  } catch (caught) {
    if (caught instanceof EngineError && caught.code === 'plan-unreadable') return { kind: 'forged' }
    throw caught
  }
}

/** The seal says that we wrote it; the document may be of a form of earlier versions. */
function toPart(value: Json): PlanPart {
  const part = value as unknown as PlanPart
  return { ...part, document: parsePlan(JSON.stringify(part.document)) }
}
