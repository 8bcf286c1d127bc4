import { FunctionError } from '../errors.ts'
import { VALUE, goFunction, variadicFunction, type GoFunction } from '../function.ts'
import { goInt, GoInt } from '../int.ts'
import { byteLength, byteSlice, toBytes } from '../text.ts'
import { kindOf, TypedList, typedList, TypedMap, typeName, type Value } from '../value.ts'

/** `index x 1 2` is x[1][2]. */
function index(item: Value, ...indexes: Value[]): Value {
  if (item === undefined || item === null) throw new FunctionError('index of untyped nil')
  let current: Value = item
  for (const key of indexes) {
    if (current === undefined || current === null) throw new FunctionError('index of nil pointer')
    current = element(current, key)
  }
  return current
}

function element(item: Value, key: Value): Value {
  if (item instanceof Map) {
    if (key === undefined || key === null) throw new FunctionError('value is nil; should be of type string')
    if (typeof key !== 'string') throw new FunctionError(`value has type ${typeName(key)}; should be string`)
    const found = item.get(key)
    if (found !== undefined) return found
    return item instanceof TypedMap ? item.type.zero : null
  }
  if (Array.isArray(item)) return item[indexArgument(key, item.length)] ?? outOfRange(item, key)
  if (item instanceof Uint8Array) return goInt(item[indexArgument(key, item.length)] ?? fail('slice'), 'uint8')
  if (typeof item === 'string') {
    const bytes = toBytes(item)
    return goInt(bytes[indexArgument(key, bytes.length)] ?? fail('string'), 'uint8')
  }
  throw new FunctionError(`can't index item of type ${typeName(item)}`)
}

function outOfRange(item: readonly Value[], key: Value): null {
  const at = (key as GoInt).toNumber()
  if (at < item.length) return null
  return fail('slice')
}

/** Go lets an index equal to the length through its own check and then panics. */
function fail(kind: 'slice' | 'string'): never {
  throw new FunctionError(`reflect: ${kind} index out of range`)
}

function indexArgument(key: Value, capacity: number): number {
  if (key === undefined || key === null) throw new FunctionError('cannot index slice/array with nil')
  if (!(key instanceof GoInt)) throw new FunctionError(`cannot index slice/array with type ${typeName(key)}`)
  if (key.n < 0 || key.n > capacity) throw new FunctionError(`index out of range: ${key.toString()}`)
  return key.toNumber()
}

/** `slice x 1 2` is x[1:2]. A list's capacity is taken to be its length. */
function slice(item: Value, ...indexes: Value[]): Value {
  if (item === undefined || item === null) throw new FunctionError('slice of untyped nil')
  if (indexes.length > 3) throw new FunctionError(`too many slice indexes: ${indexes.length}`)
  const isText = typeof item === 'string'
  if (isText && indexes.length === 3) throw new FunctionError('cannot 3-index slice a string')
  if (!isText && kindOf(item) !== 'slice') throw new FunctionError(`can't slice item of type ${typeName(item)}`)
  const length = isText ? byteLength(item) : (item as Value[] | Uint8Array).length
  const bounds = [0, length]
  for (const [i, key] of indexes.entries()) bounds[i] = indexArgument(key, length)
  const [from, to, max] = bounds as [number, number, number?]
  if (from > to) throw new FunctionError(`invalid slice index: ${from} > ${to}`)
  if (max !== undefined && to > max) throw new FunctionError(`invalid slice index: ${to} > ${max}`)
  if (isText) return byteSlice(item, from, to)
  if (item instanceof Uint8Array) return item.subarray(from, to)
  const part = (item as Value[]).slice(from, to)
  return item instanceof TypedList ? typedList(item.type, part) : part
}

function length(item: Value): Value {
  if (typeof item === 'string') return goInt(byteLength(item))
  if (Array.isArray(item) || item instanceof Uint8Array) return goInt(item.length)
  if (item instanceof Map) return goInt(item.size)
  if (item === null) throw new FunctionError('len of nil pointer')
  // Go asks an invalid value for its type, which panics.
  if (item === undefined) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value')
  throw new FunctionError(`len of type ${typeName(item)}`)
}

/** `index`, `slice` and `len`. */
export const collectionBuiltins: readonly GoFunction[] = [
  variadicFunction('index', [VALUE], VALUE, (_run, item, ...indexes) => index(item, ...indexes)),
  variadicFunction('slice', [VALUE], VALUE, (_run, item, ...indexes) => slice(item, ...indexes)),
  goFunction('len', [VALUE], (_run, item) => length(item)),
]
