import { isMap, type KubeMap, type KubeValue } from '../../resources/index.ts'

/** kstatus: `Unknown` when a custom check cannot be evaluated, `NotFound` for an object that is not there. */
export type HealthStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown'

export interface Health {
  readonly status: HealthStatus
  readonly message: string
}

/** Rules of one kind. Pure: `now` is milliseconds since 1970. */
export type HealthRule = (object: KubeMap, now: number) => Health

export const current = (message: string): Health => ({ status: 'Current', message })
export const inProgress = (message: string): Health => ({ status: 'InProgress', message })
export const failed = (message: string): Health => ({ status: 'Failed', message })

/** The value at `path`; undefined where something on the way is missing. */
export function valueAt(object: KubeMap, ...path: readonly string[]): KubeValue | undefined {
  let value: KubeValue | undefined = object
  for (const field of path) value = isMap(value) && Object.hasOwn(value, field) ? value[field] : undefined
  return value
}

/** The integer at `path`, or `fallback`. */
export function intAt(object: KubeMap, path: readonly string[], fallback: number): number {
  const value = valueAt(object, ...path)
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : fallback
}

/** The text at `path`, or `fallback`. */
export function textAt(object: KubeMap, path: readonly string[], fallback = ''): string {
  const value = valueAt(object, ...path)
  return typeof value === 'string' ? value : fallback
}

export interface ObservedCondition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

/** `.status.conditions`, with missing parts as ''. */
export function conditionsOf(object: KubeMap): readonly ObservedCondition[] {
  const list = valueAt(object, 'status', 'conditions')
  if (!Array.isArray(list)) return []
  return list.filter(isMap).map((condition) => ({
    type: textAt(condition, ['type']),
    status: textAt(condition, ['status']),
    reason: textAt(condition, ['reason']),
    message: textAt(condition, ['message']),
  }))
}

/** The condition of `type`, or undefined. */
export function conditionOf(object: KubeMap, type: string): ObservedCondition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type)
}
