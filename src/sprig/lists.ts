import {
  ANY,
  ANYS,
  compareText,
  FunctionError,
  goFunction,
  INT,
  nilList,
  stringList,
  TypedList,
  typedList,
  kindOf,
  variadicFunction,
  type GoFunction,
  type Run,
  type Value,
} from '../template/index.ts'
import { asList, isEmpty, needList, nilDereference, toInt64, toStrings, toText } from './convert.ts'
import { chunk, deepEqual } from './deep.ts'

/** A function under its own name and as `mustName`, which here behaves the same: panics are errors for templates. */
function both(name: string, make: (name: string) => GoFunction): readonly GoFunction[] {
  return [make(name), make(`must${name[0]!.toUpperCase()}${name.slice(1)}`)]
}

/** A function of one list. `complaint` starts the error for everything else. */
function listFunction(
  name: string,
  complaint: string,
  compute: (items: readonly Value[], run: Run) => Value,
): readonly GoFunction[] {
  return both(name, (each) =>
    goFunction(each, [ANY], (run, v) => {
      const items = needList(v, complaint)
      run.allocate(items.length * 8)
      return compute(items, run)
    }),
  )
}

function isIn(items: readonly Value[], wanted: Value, run: Run): boolean {
  run.step(items.length)
  return items.some((item) => deepEqual(wanted, item, run))
}

function unique(items: readonly Value[], run: Run): Value[] {
  const found: Value[] = []
  // Text and numbers are looked up; the rest is compared pair by pair.
  const seen = new Set<Value>()
  for (const item of items) {
    const isPlain = typeof item === 'string' || typeof item === 'number'
    if (isPlain ? seen.has(item) && !Number.isNaN(item) : isIn(found, item, run)) continue
    if (isPlain) seen.add(item)
    found.push(item)
  }
  return found
}

function sortAlpha(v: Value, run: Run): Value {
  if (asList(v) === undefined) return stringList([toText(v, run)])
  const texts = toStrings(v, run)
  run.step(texts.length * 4)
  // compat(sprig): a []string is sorted where it is, so the caller's own list changes too.
  return texts.sort((a, b) => compareText(a as string, b as string))
}

function slice(v: Value, indices: readonly Value[]): Value {
  const items = needList(v, 'list should be type of slice or array but')
  if (items.length === 0) return null
  const from = indices.length > 0 ? Number(toInt64(indices[0])) : 0
  const to = indices.length > 1 ? Number(toInt64(indices[1])) : items.length
  if (from < 0 || to < from || to > items.length)
    throw new FunctionError('reflect.Value.Slice: slice index out of bounds')
  if (v instanceof Uint8Array) return v.subarray(from, to)
  return v instanceof TypedList ? typedList(v.type, items.slice(from, to)) : items.slice(from, to)
}

function concat(run: Run, lists: readonly Value[]): Value {
  const all: Value[] = []
  for (const list of lists) {
    const items = asList(list)
    if (items === undefined) {
      if (list === null) throw nilDereference()
      throw new FunctionError(`Cannot concat type ${kindOf(list)} as list`)
    }
    run.allocate(items.length * 8)
    for (const item of items) all.push(item)
  }
  return orNil(all, all)
}

/** What Go makes with append, or not at all: a nil slice where there was nothing. */
function orNil(items: readonly Value[], result: Value[]): Value {
  return items.length === 0 ? nilList(ANYS) : result
}

function append(run: Run, v: Value, item: Value): Value {
  const items = needList(v, 'Cannot push on type')
  run.allocate(items.length * 8)
  return [...items, item]
}

function has(run: Run, wanted: Value, v: Value): boolean {
  return v !== null && isIn(needList(v, 'Cannot find has on type'), wanted, run)
}

/** Sprig's list functions. */
export const listFunctions: readonly GoFunction[] = [
  variadicFunction('list', [], ANY, (_run, ...items) => items),
  variadicFunction('tuple', [], ANY, (_run, ...items) => items),
  ...listFunction('first', 'Cannot find first on type', (items) => items[0] ?? null),
  ...listFunction('last', 'Cannot find last on type', (items) => items.at(-1) ?? null),
  ...listFunction('rest', 'Cannot find rest on type', (items) => orNil(items, items.slice(1))),
  ...listFunction('initial', 'Cannot find initial on type', (items) => orNil(items, items.slice(0, -1))),
  ...listFunction('reverse', 'Cannot find reverse on type', (items) => items.toReversed()),
  ...listFunction('compact', 'Cannot compact on type', (items) => items.filter((item) => !isEmpty(item))),
  ...listFunction('uniq', 'Cannot find uniq on type', unique),
  ...both('append', (name) => goFunction(name, [ANY, ANY], append)),
  ...both('push', (name) => goFunction(name, [ANY, ANY], append)),
  ...both('prepend', (name) =>
    goFunction(name, [ANY, ANY], (run, v, item) => {
      const items = needList(v, 'Cannot prepend on type')
      run.allocate(items.length * 8)
      return [item, ...items]
    }),
  ),
  ...both('without', (name) =>
    variadicFunction(name, [ANY], ANY, (run, v, ...omitted) =>
      needList(v, 'Cannot find without on type').filter((item) => !isIn(omitted, item, run)),
    ),
  ),
  ...both('has', (name) => goFunction(name, [ANY, ANY], has)),
  ...both('slice', (name) => variadicFunction(name, [ANY], ANY, (_run, v, ...indices) => slice(v, indices))),
  ...both('chunk', (name) =>
    goFunction(name, [INT, ANY], (_run, size, v) => chunk(needList(v, 'Cannot chunk type'), size.toNumber())),
  ),
  variadicFunction('concat', [], ANY, (run, ...lists) => concat(run, lists)),
  goFunction('sortAlpha', [ANY], (run, v) => sortAlpha(v, run)),
]
