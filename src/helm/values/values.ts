import { GoInt, goInt, toPlain, type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'

/** User-supplied values as plain data, as they stand in a HelmRelease or a values file. `bigint` for integers that a double cannot hold. */
export type Values = { [key: string]: unknown }

/** Statuses of a release in Helm's storage (Helm v4 pkg/release/common). */
export type ReleaseStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'

/** Values as the template language has them: numbers are float64, bigints int64. The result shares nothing with plain `values`. */
export function toTable(values: Values | ReadonlyMap<string, Value>): GoMap {
  if (values instanceof Map) return values as GoMap
  const table: GoMap = new Map()
  for (const [key, item] of Object.entries(values))
    if (item !== undefined) table.set(key.toWellFormed(), fromPlain(item))
  return table
}

/** Plain data as a template value. @throws EngineError `values-invalid` for what is no data (functions, symbols). */
export function fromPlain(value: unknown): Value {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case 'string':
      return value.toWellFormed()
    case 'boolean':
    case 'number':
      return value
    case 'bigint':
      return goInt(value, 'int64')
    case 'object':
      if (Array.isArray(value)) return value.map(fromPlain)
      return value instanceof GoInt ? value : toTable(value as Values)
    default:
      throw helmError('values-invalid', `values must be plain data, not a ${typeof value}`)
  }
}

/** A table as plain data; integers that came from set lines are bigints. */
export function toValues(table: ReadonlyMap<string, Value>): Values {
  return Object.fromEntries([...table].map(([key, value]) => [key, valueToPlain(value)]))
}

function valueToPlain(value: Value): unknown {
  if (value instanceof GoInt) return value.toBigInt()
  if (Array.isArray(value)) return value.map(valueToPlain)
  return value instanceof Map ? toValues(value) : toPlain(value)
}

/**
 * Lays `over` on `base`: tables merge, everything else is replaced (Helm's and Flux's MergeMaps). Neither is changed, but tables that only one of
 * them has are shared with the result, as they are in Go: see {@link setValue}.
 */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Values = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const below = Object.hasOwn(merged, key) ? merged[key] : undefined
    define(merged, key, isPlainTable(value) && isPlainTable(below) ? mergeValues(below, value) : value)
  }
  return merged
}

function define(values: Values, key: string, value: unknown): void {
  Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true })
}

function isPlainTable(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
