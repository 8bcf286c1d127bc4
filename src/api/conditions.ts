export type ConditionStatus = 'True' | 'False' | 'Unknown'

/** A `metav1.Condition`. */
export interface Condition {
  readonly type: string
  readonly status: ConditionStatus
  readonly reason: string
  readonly message: string
  /** RFC 3339. When `status` last changed. */
  readonly lastTransitionTime: string
  readonly observedGeneration?: number
}

/** A condition to be set: the transition time follows from the change, unless it is given. */
export type NewCondition = Omit<Condition, 'lastTransitionTime'> & { readonly lastTransitionTime?: string }

/**
 * `conditions` with `wanted` in place of the one of its type, by the rules of Kubernetes 1.37 (apimachinery, meta.SetStatusCondition): a
 * new type goes to the end; the transition time changes only when the status does. Pure: `now` (RFC 3339) is the caller's.
 */
export function setCondition(
  conditions: readonly Condition[],
  wanted: NewCondition,
  now: string,
): readonly Condition[] {
  const known = conditions.find((condition) => condition.type === wanted.type)
  const isSameStatus = known?.status === wanted.status
  const lastTransitionTime =
    known !== undefined && isSameStatus ? known.lastTransitionTime : (wanted.lastTransitionTime ?? now)
  const next: Condition = { ...wanted, lastTransitionTime }
  if (known === undefined) return [...conditions, next]
  return conditions.map((condition) => (condition === known ? next : condition))
}

/** The condition of a type, or undefined. */
export function getCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** `conditions` without the one of `type`. */
export function removeCondition(conditions: readonly Condition[], type: string): readonly Condition[] {
  return conditions.filter((condition) => condition.type !== type)
}

/** True when the condition of `type` is there and True. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return getCondition(conditions, type)?.status === 'True'
}
