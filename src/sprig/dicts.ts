import {
  ANY,
  ANY_MAP,
  FunctionError,
  goFunction,
  sortedKeys,
  STRING,
  stringList,
  TypedMap,
  typeName,
  variadicFunction,
  type GoFunction,
  type GoMap,
  type Run,
  type Value,
} from '../template/index.ts'
import { toText } from './convert.ts'
import { deepCopy } from './deep.ts'
import { mergeInto } from './merge.ts'

/** Go cannot write to a nil map. */
function writable(map: GoMap | null): GoMap {
  if (map === null) throw new FunctionError('assignment to entry in nil map')
  return map
}

function dict(run: Run, items: readonly Value[]): GoMap {
  const map: GoMap = new Map()
  for (let i = 0; i < items.length; i += 2) {
    const value = items[i + 1]
    map.set(toText(items[i], run), value === undefined ? '' : value)
  }
  return map
}

/** `dig "a" "b" default dict`: what lies at the keys, or the default as soon as one is missing. */
function dig(args: readonly Value[]): Value {
  if (args.length < 3) throw new FunctionError('dig needs at least three arguments')
  const fallback = args.at(-2)
  let current: Value = needMap(args.at(-1))
  const keys = args.slice(0, -2)
  const strings = keys.map((key) => {
    if (typeof key !== 'string') throw conversion(key, 'string')
    return key
  })
  for (const key of strings) {
    const next: Value = needMap(current).get(key)
    if (next === undefined) return fallback
    current = next
  }
  return current
}

function needMap(v: Value): GoMap {
  if (v instanceof Map && typeName(v) === 'map[string]interface {}') return v
  throw conversion(v, 'map[string]interface {}')
}

function conversion(v: Value, wanted: string): FunctionError {
  const got = v === null || v === undefined ? 'nil' : typeName(v)
  return new FunctionError(`interface conversion: interface {} is ${got}, not ${wanted}`)
}

function mergeFunction(name: string, overwrite: boolean): GoFunction {
  return variadicFunction(name, [ANY_MAP], ANY_MAP, (run, target, ...sources) => {
    const merged = target === null ? new Map<string, Value>() : unnamed(target)
    for (const source of sources) if (source !== null && source !== merged) mergeInto(merged, source, overwrite, run)
    return merged
  })
}

function unnamed(map: GoMap): GoMap {
  return map instanceof TypedMap ? map.unnamed : map
}

const reading: readonly GoFunction[] = [
  goFunction('get', [ANY_MAP, STRING], (_run, map, key) => {
    const found = map?.get(key)
    return found === undefined ? '' : found
  }),
  goFunction('hasKey', [ANY_MAP, STRING], (_run, map, key) => map?.has(key) ?? false),
  variadicFunction('pluck', [STRING], ANY_MAP, (_run, key, ...maps) =>
    maps.filter((map) => map?.has(key) === true).map((map) => map!.get(key)),
  ),
  // Go gives keys and values in random order; sorted is one of those orders, and the same each time.
  variadicFunction('keys', [], ANY_MAP, (run, ...maps) => {
    for (const map of maps) run.step(map?.size ?? 0)
    return stringList(maps.flatMap((map) => (map === null ? [] : sortedKeys(map))))
  }),
  goFunction('values', [ANY_MAP], (run, map) => {
    run.step(map?.size ?? 0)
    return map === null ? [] : sortedKeys(map).map((key) => map.get(key))
  }),
  variadicFunction('dig', [], ANY, (_run, ...args) => dig(args)),
]

const writing: readonly GoFunction[] = [
  variadicFunction('dict', [], ANY, (run, ...items) => dict(run, items)),
  goFunction('set', [ANY_MAP, STRING, ANY], (_run, map, key, value) => unnamed(writable(map)).set(key, value)),
  goFunction('unset', [ANY_MAP, STRING], (_run, map, key) => {
    map?.delete(key)
    return map === null ? new Map<string, Value>() : unnamed(map)
  }),
  variadicFunction('pick', [ANY_MAP], STRING, (_run, map, ...keys) => {
    const picked: GoMap = new Map()
    for (const key of keys) if (map?.has(key) === true) picked.set(key, map.get(key))
    return picked
  }),
  variadicFunction('omit', [ANY_MAP], STRING, (_run, map, ...keys) => {
    const omitted = new Set(keys)
    return new Map([...(map ?? [])].filter(([key]) => !omitted.has(key)))
  }),
]

const merging: readonly GoFunction[] = [
  mergeFunction('merge', false),
  mergeFunction('mustMerge', false),
  mergeFunction('mergeOverwrite', true),
  mergeFunction('mustMergeOverwrite', true),
  ...['deepCopy', 'mustDeepCopy'].map((name) =>
    goFunction(name, [ANY], (run, v) => {
      if (v === null) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value')
      return deepCopy(v, run)
    }),
  ),
]

/** Sprig's dictionary functions. */
export const dictFunctions: readonly GoFunction[] = [...reading, ...writing, ...merging]
