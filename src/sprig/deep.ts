import {
  FunctionError,
  GoComplex,
  GoInt,
  GoObject,
  isNil,
  LimitError,
  LISTS,
  TypedList,
  typedList,
  TypedMap,
  typeName,
  type Meter,
  type Value,
} from '../template/index.ts'

// Deeper data contains itself.
const MAX_DEPTH = 1000

function descend(depth: number, meter: Meter): number {
  meter.step()
  if (depth > MAX_DEPTH) throw new LimitError('depth', 'the value is nested too deeply, or contains itself')
  return depth + 1
}

/** reflect.DeepEqual: same types all the way down, same values. */
export function deepEqual(a: Value, b: Value, meter: Meter, depth = 0): boolean {
  if (a === b) return !Number.isNaN(a)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (typeName(a) !== typeName(b)) return false
  const next = descend(depth, meter)
  if (a instanceof GoInt && b instanceof GoInt) return a.n === b.n
  if (Array.isArray(a) && Array.isArray(b)) {
    return isNil(a) === isNil(b) && a.length === b.length && a.every((item, i) => deepEqual(item, b[i], meter, next))
  }
  if (a instanceof Map && b instanceof Map) return equalMaps(a, b, meter, next)
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, i) => byte === b[i])
  }
  if (a instanceof GoComplex && b instanceof GoComplex) return a.re === b.re && a.im === b.im
  if (a instanceof GoObject && b instanceof GoObject) {
    return a.isComparable ? a.equals(b) : equalMaps(a.fields, b.fields, meter, next)
  }
  return false
}

function equalMaps(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>, meter: Meter, depth: number): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) {
    const other = b.get(key)
    if (other === undefined || !deepEqual(value, other, meter, depth)) return false
  }
  return true
}

/** mitchellh/copystructure as `deepCopy` uses it: maps and lists are copied, everything else is immutable and shared. */
export function deepCopy(v: Value, meter: Meter, depth = 0): Value {
  if (Array.isArray(v)) {
    if (isNil(v)) return v
    const next = descend(depth, meter)
    meter.allocate(v.length * 8)
    const items = v.map((item) => deepCopy(item, meter, next))
    return v instanceof TypedList ? typedList(v.type, items) : items
  }
  if (v instanceof Map) {
    const next = descend(depth, meter)
    meter.allocate(v.size * 16)
    const copy: Map<string, Value> = v instanceof TypedMap ? new TypedMap(v.type) : new Map<string, Value>()
    for (const [key, item] of v) copy.set(key, deepCopy(item, meter, next))
    return copy
  }
  return v
}

/** Sprig's `chunk`: pieces of `size` elements. */
export function chunk(items: readonly Value[], size: number): TypedList {
  if (size <= 0 && items.length > 0) throw new FunctionError('runtime error: makeslice: len out of range')
  const chunks: Value[][] = []
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size))
  return typedList(LISTS, chunks)
}
