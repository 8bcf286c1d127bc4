import type { Chart } from '../chart/chart.ts'
import { coalesceValues } from '../values/coalesce.ts'
import { copyTable, fillTable } from '../values/tables.ts'
import { toTable, toValues, type Values } from '../values/values.ts'
import type { Release } from './release.ts'

/**
 * What an upgrade that preserves values is rendered from (Helm v4 Upgrade.reuseValues): the new values filled up with those of the current release, and
 * the chart with the current release's defaults and values in place of its own defaults. Nothing given is changed.
 */
export function reuseValues(
  chart: Chart,
  values: Values,
  current: Release,
): { readonly chart: Chart; readonly values: Values } {
  const config = toTable(current.config ?? {})
  const defaults = toTable(current.chart?.values ?? {})
  const stored = { chart, metadata: chart.metadata, values: defaults, dependencies: [], parent: undefined }
  const old = coalesceValues(stored, config, () => undefined)
  return { chart: { ...chart, values: old }, values: fillValues(values, current.config ?? {}) }
}

/** `values` filled up with what only `defaults` has. A null in `values` removes the default's value. */
export function fillValues(values: Values, defaults: Values): Values {
  const filled = copyTable(toTable(values))
  fillTable(filled, copyTable(toTable(defaults)), '', false, () => undefined)
  return toValues(filled)
}
