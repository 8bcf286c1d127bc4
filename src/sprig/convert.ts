import {
  FunctionError,
  floatToInt64,
  formatValue,
  fromBytes,
  goInt,
  GoInt,
  isTrue,
  kindOf,
  parseFloat64,
  parseInteger,
  stringList,
  TypedList,
  type Meter,
  type TypedList as StringList,
  type Value,
} from '../template/index.ts'

/** Sprig's `toString`: text as it is, []byte as text, everything else as `%v`. */
export function toText(v: Value, meter: Meter): string {
  if (typeof v === 'string') return v
  return v instanceof Uint8Array ? fromBytes(v) : formatValue(v, meter)
}

/** The zero value of its kind, or nil: sprig's `empty`. */
export function isEmpty(v: Value): boolean {
  return !isTrue(v)
}

/** spf13/cast ToInt64 as sprig uses it: what cannot be converted is 0. */
export function toInt64(v: Value): number | bigint {
  if (typeof v === 'number') return floatToInt64(v)
  if (v instanceof GoInt) {
    if (v.defined !== undefined && !CASTABLE.has(v.defined.name)) return 0
    return v.kind.startsWith('u') ? goInt(v.n, 'int64').n : v.n
  }
  if (typeof v === 'boolean') return v ? 1 : 0
  if (typeof v !== 'string') return 0
  const parsed = parseInteger(trimZeroDecimal(v), 0)
  return typeof parsed === 'bigint' ? goInt(parsed, 'int64').n : 0
}

// The only defined integer types that the cast library knows.
const CASTABLE: ReadonlySet<string> = new Set(['time.Month', 'time.Weekday'])

/** `1.00` counts as 1: a fraction of zeros is cut off before the integer is read. */
function trimZeroDecimal(text: string): string {
  return /\.0+$/.test(text) ? text.replace(/\.0+$/, '') : text
}

/** spf13/cast ToFloat64 as sprig uses it: what cannot be converted is 0. */
export function toFloat64(v: Value): number {
  if (typeof v === 'number') return v
  if (v instanceof GoInt) return v.defined === undefined || CASTABLE.has(v.defined.name) ? v.toNumber() : 0
  if (typeof v === 'boolean') return v ? 1 : 0
  if (typeof v !== 'string') return 0
  const parsed = parseFloat64(v)
  return typeof parsed === 'number' ? parsed : 0
}

/** Sprig's `toStrings`: every element but nil as text; a scalar is a list of one, nil an empty list. */
export function toStrings(v: Value, meter: Meter): StringList {
  if (v instanceof TypedList && v.type.name === '[]string') return v
  const items = asList(v)
  if (items === undefined) return stringList(v === null || v === undefined ? [] : [toText(v, meter)])
  meter.step(items.length)
  const texts: string[] = []
  for (const item of items) if (item !== null) texts.push(toText(item, meter))
  return stringList(texts)
}

/** The elements of any slice; undefined for what is no slice. */
export function asList(v: Value): readonly Value[] | undefined {
  if (Array.isArray(v)) return v
  return v instanceof Uint8Array ? Array.from(v, (byte) => goInt(byte, 'uint8')) : undefined
}

/** The elements of a slice, or sprig's error `Cannot VERB on type KIND`. */
export function needList(v: Value, complaint: string): readonly Value[] {
  const items = asList(v)
  if (items !== undefined) return items
  // reflect.TypeOf(nil).Kind() is a nil dereference in Go.
  if (v === null || v === undefined) throw nilDereference()
  throw new FunctionError(`${complaint} ${kindOf(v)}`)
}

/** What Go's runtime says when sprig looks at the type of nil. */
export function nilDereference(): FunctionError {
  return new FunctionError('runtime error: invalid memory address or nil pointer dereference')
}
