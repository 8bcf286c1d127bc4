import { formatValue, type GoMap, type Value } from '../../template/index.ts'
import { coalesceValues, mergeChartValues } from '../values/coalesce.ts'
import { copyTable, fillTable, joinKeys, scalarAt, tableAt, type Warn } from '../values/tables.ts'
import { adopt, copyMetadata, type ChartInstance } from './chart.ts'
import { isCompatibleRange } from './compatible.ts'
import type { ChartDependency } from './metadata.ts'

/**
 * Enables, renames and removes sub-charts by aliases, tags and conditions, then imports values of sub-charts into their parents (Helm v4
 * ProcessDependencies). Changes the instances, as Helm changes its charts: what is left is what the release stores.
 *
 * @throws EngineError `values-invalid` where values of a sub-chart are no table.
 */
export function processDependencies(root: ChartInstance, values: ReadonlyMap<string, Value>, warn: Warn): void {
  enable(root, values, '', warn)
  importValues(root, warn)
}

function enable(chart: ChartInstance, values: ReadonlyMap<string, Value>, path: string, warn: Warn): void {
  const wanted = chart.metadata.dependencies
  if (wanted === undefined) return
  const present = chart.dependencies
  const undeclared = present.filter(
    (child) =>
      !wanted.some((d) => d.name === child.metadata.name && isCompatibleRange(d.version, child.metadata.version)),
  )
  const declared: ChartInstance[] = []
  for (const dependency of wanted) {
    const child = findAliased(present, dependency)
    if (child !== undefined) declared.push(child)
    if (dependency.alias !== '') dependency.name = dependency.alias
    dependency.enabled = true
  }
  adopt(chart, [...undeclared, ...declared])
  const all = coalesceValues(chart, values, warn)
  applyTags(wanted, all, warn)
  applyConditions(wanted, all, path, warn)
  const disabled = new Set(wanted.filter((d) => !d.enabled).map((d) => d.name))
  const kept = chart.dependencies.filter((child) => !disabled.has(child.metadata.name))
  for (const child of kept) enable(child, all, `${path}${child.metadata.name}.`, warn)
  const left = wanted.filter((d) => !disabled.has(d.name))
  if (left.length > 0) chart.metadata.dependencies = left
  else delete chart.metadata.dependencies
  adopt(chart, kept)
}

/** The first present chart of the wanted name and version, as a copy that can be renamed: one chart may be wanted several times. */
function findAliased(present: readonly ChartInstance[], wanted: ChartDependency): ChartInstance | undefined {
  const found = present.find(
    (child) => child.metadata.name === wanted.name && isCompatibleRange(wanted.version, child.metadata.version),
  )
  if (found === undefined) return undefined
  const copy: ChartInstance = { ...found, metadata: copyMetadata(found.metadata) }
  adopt(
    copy,
    found.dependencies.map((child) => ({ ...child })),
  )
  if (wanted.alias !== '') copy.metadata.name = wanted.alias
  return copy
}

/** A dependency with tags is off when one of its tags is false and none is true. */
function applyTags(wanted: readonly ChartDependency[], values: GoMap, warn: Warn): void {
  const tags = tableAt(values, 'tags')
  if (tags === undefined) return
  for (const dependency of wanted) {
    let isOn = false
    let isOff = false
    for (const tag of dependency.tags ?? []) {
      const value = tags.get(tag)
      if (value === true) isOn = true
      else if (value === false) isOff = true
      else if (value !== undefined) warn(`returned non-bool value: tag=${tag} chart=${dependency.name}`)
    }
    dependency.enabled = isOn || !isOff
  }
}

/** The first condition that names a boolean decides. */
function applyConditions(wanted: readonly ChartDependency[], values: GoMap, path: string, warn: Warn): void {
  for (const dependency of wanted) {
    for (const condition of dependency.condition.trim().split(',')) {
      if (condition === '') continue
      const value = scalarAt(values, path + condition)
      if (typeof value === 'boolean') {
        dependency.enabled = value
        break
      }
      if (value !== undefined) warn(`returned non-bool value: path=${condition} chart=${dependency.name}`)
    }
  }
}

function importValues(chart: ChartInstance, warn: Warn): void {
  for (const child of chart.dependencies) importValues(child, warn)
  const wanted = chart.metadata.dependencies
  if (wanted === undefined) return
  const values = mergeChartValues(chart, new Map(), warn)
  const imported: GoMap = new Map()
  for (const dependency of wanted) {
    const normal: GoMap[] = []
    for (const entry of dependency.importValues ?? []) {
      const source = importSource(entry)
      if (source === undefined) continue
      normal.push(new Map(Object.entries(source)))
      const found = tableAt(values, `${dependency.name}.${source.child}`)
      if (found === undefined)
        warn(`ImportValues missing table from chart ${dependency.name}: "${source.child}" is not a table`)
      else fillTable(imported, nest(source.parent, found), '', true, warn)
    }
    if (normal.length > 0) dependency.importValues = normal
    else delete dependency.importValues
  }
  // What was imported has a lower priority than what the parent has itself. The copy keeps tables of the children out of it.
  const own = copyTable(values)
  fillTable(own, imported, '', true, warn)
  chart.values = own
}

function importSource(entry: Value): { child: string; parent: string } | undefined {
  if (typeof entry === 'string') return { child: joinKeys('exports', entry), parent: '.' }
  if (!(entry instanceof Map)) return undefined
  return { child: textOf(entry.get('child')), parent: textOf(entry.get('parent')) }
}

/** What `%v` prints; a missing key prints as Go's nil. */
function textOf(value: Value): string {
  return formatValue(value ?? null, { step: () => undefined, allocate: () => undefined })
}

function nest(path: string, table: GoMap): GoMap {
  if (path === '.') return table
  return path.split('.').reduceRight<GoMap>((inner, key) => new Map([[key, inner]]), table)
}
