import { typeName, type GoMap, type Value } from '../../template/index.ts'
import type { ChartInstance } from '../chart/chart.ts'
import { helmError } from '../errors.ts'
import { copyTable, dropNulls, fillTable, isTable, joinKeys, type Warn } from './tables.ts'

/**
 * Fills user values with the defaults of a chart and of the charts below it (Helm v4 CoalesceValues): user values win, tables merge, everything
 * else is replaced, `global` is handed down. A user's null removes a default. The result is new; `values` and the charts are not changed.
 *
 * @throws EngineError `values-invalid` where the values of a sub-chart are no table.
 */
export function coalesceValues(chart: ChartInstance, values: ReadonlyMap<string, Value>, warn: Warn): GoMap {
  return coalesce(chart, copyTable(values), '', false, warn)
}

/** As {@link coalesceValues}, but nulls are kept, so that the result can be coalesced again (Helm v4 MergeValues). */
export function mergeChartValues(chart: ChartInstance, values: ReadonlyMap<string, Value>, warn: Warn): GoMap {
  return coalesce(chart, copyTable(values), '', true, warn)
}

function coalesce(chart: ChartInstance, into: GoMap, path: string, keepNulls: boolean, warn: Warn): GoMap {
  const here = joinKeys(path, chart.metadata.name)
  fillDefaults(chart, into, here, keepNulls, warn)
  for (const child of chart.dependencies) {
    const { name } = child.metadata
    const known = into.get(name)
    if (known !== undefined && !isTable(known)) {
      throw helmError(
        'values-invalid',
        `type mismatch on ${name}: values of a sub-chart must be a table, got ${typeName(known)}`,
      )
    }
    const below: GoMap = known ?? new Map()
    handDownGlobals(below, into, here, warn)
    into.set(name, coalesce(child, below, here, keepNulls, warn))
  }
  return into
}

function fillDefaults(chart: ChartInstance, into: GoMap, path: string, keepNulls: boolean, warn: Warn): void {
  const names = new Set(chart.dependencies.map((child) => child.metadata.name))
  for (const [key, value] of copyTable(chart.values)) {
    const given = into.get(key)
    if (given === undefined) {
      // Nulls among a chart's own defaults must not hide globals or print as <nil>.
      if (!keepNulls && value === null) continue
      if (!keepNulls && isTable(value)) dropNulls(value)
      into.set(key, value)
    } else if (given === null) {
      if (!keepNulls) into.delete(key)
    } else if (isTable(given)) {
      if (!isTable(value)) {
        if (value !== null) warn(`warning: skipped value for ${joinKeys(path, key)}: Not a table.`)
        continue
      }
      // Nulls for a sub-chart stay until that chart's own defaults are filled in.
      const keep = keepNulls || names.has(key)
      if (!keep) dropNulls(value)
      fillTable(given, value, joinKeys(path, key), keep, warn)
    }
  }
}

/** Merges the parent's `global` into a sub-chart's: the parent wins (Helm v4 coalesceGlobals). */
function handDownGlobals(into: GoMap, from: GoMap, path: string, warn: Warn): void {
  const below = into.has('global') ? into.get('global') : new Map<string, Value>()
  if (!isTable(below)) return warn('warning: skipping globals because destination global is not a table.')
  const above = from.has('global') ? from.get('global') : new Map<string, Value>()
  if (!isTable(above)) return warn('warning: skipping globals because source global is not a table.')
  for (const [key, value] of above) {
    const known = below.get(key)
    if (!isTable(value)) {
      if (isTable(known)) warn(`key ${key} is table. Skipping`)
      else below.set(key, value)
      continue
    }
    // One level is enough: tables further down are shared with the parent, and only filled, as Helm does it.
    const copy = new Map(value)
    if (known === undefined) below.set(key, copy)
    else if (!isTable(known)) warn(`Conflict: cannot merge map onto non-map for "${key}". Skipping.`)
    else {
      fillTable(copy, known, joinKeys(path, key), true, warn)
      below.set(key, copy)
    }
  }
  into.set('global', below)
}
