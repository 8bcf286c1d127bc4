import { FunctionError } from '../errors.ts'
import { goFunction, VALUE, variadicFunction, type GoFunction } from '../function.ts'
import { sprintf } from '../fmt/index.ts'
import { compareInts, GoInt, sameInt } from '../int.ts'
import type { Run } from '../run.ts'
import { compareText } from '../text.ts'
import { GoComplex, GoObject, isNil, kindOf, typeName, type Value } from '../value.ts'

type Basic = 'bool' | 'int' | 'uint' | 'float' | 'complex' | 'string' | undefined

function basicKind(v: Value): Basic {
  switch (typeof v) {
    case 'boolean':
      return 'bool'
    case 'number':
      return 'float'
    case 'string':
      return 'string'
    default:
  }
  if (v instanceof GoInt) return v.isUnsigned ? 'uint' : 'int'
  return v instanceof GoComplex ? 'complex' : undefined
}

function bothIntegers(a: Value, b: Value): boolean {
  return a instanceof GoInt && b instanceof GoInt
}

function incompatible(a: Value, b: Value): FunctionError {
  return new FunctionError(`incompatible types for comparison: ${typeName(a)} and ${typeName(b)}`)
}

/** Go's rule for one pair under `eq`. */
function equal(run: Run, a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  if (bothIntegers(a, b)) return sameInt(a as GoInt, b as GoInt)
  const kind = basicKind(a)
  if (kind !== basicKind(b)) {
    if (a !== undefined && a !== null && b !== undefined && b !== null) throw incompatible(a, b)
    return false
  }
  if (a instanceof GoComplex && b instanceof GoComplex) return a.re === b.re && a.im === b.im
  return kind === undefined ? equalComposite(run, a, b) : a === b
}

function equalComposite(run: Run, a: Value, b: Value): boolean {
  const aNil = isNil(a)
  const bNil = isNil(b)
  if (a !== undefined && a !== null && b !== undefined && b !== null && kindOf(a) !== kindOf(b)) {
    throw new FunctionError(sprintf(`non-comparable types %s: ${typeName(a)}, %s: %v`, [a, typeName(b), b], run))
  }
  if (aNil || bNil) return aNil === bNil
  // Pointers are equal only when they are the same; other structs by their fields.
  if (b instanceof GoObject && b.goType.startsWith('*')) return a === b
  if (b instanceof GoObject && b.isComparable) return a === b || b.equals(a)
  throw new FunctionError(sprintf(`non-comparable type %s: ${typeName(b)}`, [b], run))
}

const BAD_TYPE = 'invalid type for comparison'

function less(a: Value, b: Value): boolean {
  const kind = basicKind(a)
  const other = basicKind(b)
  if (kind === undefined || other === undefined) throw new FunctionError(BAD_TYPE)
  if (bothIntegers(a, b)) return compareInts(a as GoInt, b as GoInt) < 0
  if (kind !== other) throw incompatible(a, b)
  if (typeof a === 'number') return a < (b as number)
  if (typeof a === 'string') return compareText(a, b as string) < 0
  throw new FunctionError(BAD_TYPE)
}

function comparison(name: string, test: (run: Run, a: Value, b: Value) => boolean): GoFunction {
  return goFunction(name, [VALUE, VALUE], test)
}

function lessOrEqual(run: Run, a: Value, b: Value): boolean {
  return less(a, b) || equal(run, a, b)
}

/** `eq`, `ne`, `lt`, `le`, `gt`, `ge`: by basic kind, without conversion between kinds. */
export const comparisons: readonly GoFunction[] = [
  variadicFunction('eq', [VALUE], VALUE, (run, first, ...others) => {
    if (others.length === 0) throw new FunctionError('missing argument for comparison')
    for (const other of others) if (equal(run, first, other)) return true
    return false
  }),
  comparison('ne', (run, a, b) => !equal(run, a, b)),
  comparison('lt', (_run, a, b) => less(a, b)),
  comparison('le', lessOrEqual),
  comparison('gt', (run, a, b) => !lessOrEqual(run, a, b)),
  comparison('ge', (_run, a, b) => !less(a, b)),
]
