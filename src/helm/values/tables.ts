import type { GoMap, Value } from '../../template/index.ts'

/** Called with each warning that Helm would log while it merges values. Never carries a value, only keys. */
export type Warn = (message: string) => void

/** True for a YAML table. */
export function isTable(value: Value): value is GoMap {
  return value instanceof Map
}

/** An independent copy of a value: maps and lists are copied, scalars are immutable. */
export function copyValue(value: Value): Value {
  if (value instanceof Map) return copyTable(value)
  if (Array.isArray(value)) return value.map(copyValue)
  return value
}

/** An independent copy of a table. */
export function copyTable(table: ReadonlyMap<string, Value>): GoMap {
  const copy: GoMap = new Map()
  for (const [key, value] of table) copy.set(key, copyValue(value))
  return copy
}

/**
 * Lays `over` on `base` without changing either: tables merge, everything else is replaced, also by null (Helm v4 loader.MergeMaps).
 * This is how values files are combined.
 */
export function mergeTables(base: ReadonlyMap<string, Value>, over: ReadonlyMap<string, Value>): GoMap {
  const merged: GoMap = new Map(base)
  for (const [key, value] of over) {
    const below = merged.get(key)
    merged.set(key, isTable(value) && isTable(below) ? mergeTables(below, value) : value)
  }
  return merged
}

/**
 * Fills `into` with what `from` has and `into` has not; `into` wins (Helm v4 coalesceTablesFullKey). With `keepNulls` a null in `into` stays; without,
 * it removes the key where `from` has a value for it, and stays where `from` has none. Both tables are changed.
 */
export function fillTable(into: GoMap, from: GoMap, path: string, keepNulls: boolean, warn: Warn): void {
  const nullified: string[] = []
  for (const [key, value] of into) if (value === null) nullified.push(key)
  const hadValue = new Set<string>()
  for (const key of nullified) {
    if ((from.get(key) ?? null) !== null) hadValue.add(key)
    from.set(key, null)
  }
  for (const [key, value] of from) {
    const here = into.get(key)
    if (here === null && hadValue.has(key) && !keepNulls) into.delete(key)
    else if (!into.has(key)) into.set(key, value)
    else if (isTable(value)) {
      if (isTable(here)) fillTable(here, value, joinKeys(path, key), keepNulls, warn)
      else warn(`warning: cannot overwrite table with non table for ${joinKeys(path, key)}`)
    } else if (isTable(here) && value !== null) {
      warn(`warning: destination for ${joinKeys(path, key)} is a table. Ignoring non-table value`)
    }
  }
}

/** Removes null entries, in place, at every depth of tables (not inside lists). */
export function dropNulls(table: GoMap): void {
  for (const [key, value] of table) {
    if (value === null) table.delete(key)
    else if (isTable(value)) dropNulls(value)
  }
}

/** A dotted path. */
export function joinKeys(prefix: string, key: string): string {
  return prefix === '' ? key : `${prefix}.${key}`
}

/** The table at a dotted path, or undefined where something on the way is missing or no table. */
export function tableAt(table: GoMap, path: string): GoMap | undefined {
  let at: GoMap = table
  for (const key of path.split('.')) {
    const next = at.get(key)
    if (!isTable(next)) return undefined
    at = next
  }
  return at
}

/** What stands at a dotted path, or undefined for nothing and for a table (Helm v4 Values.PathValue). A null is a value. */
export function scalarAt(table: GoMap, path: string): Value {
  const dot = path.lastIndexOf('.')
  const parent = dot < 0 ? table : tableAt(table, path.slice(0, dot))
  const value = parent?.get(path.slice(dot + 1))
  return isTable(value) ? undefined : value
}
