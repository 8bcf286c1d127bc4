import {
  ANY,
  FLOAT64,
  FunctionError,
  goFunction,
  goInt,
  INT,
  INTS,
  parseInteger,
  sprint,
  STRING,
  typedList,
  variadicFunction,
  type GoFunction,
  type GoInt,
  type Run,
  type TypedList,
  type Value,
} from '../template/index.ts'
import { toFloat64, toInt64 } from './convert.ts'
import { add, divide, fromFloat, multiply, subtract, toFloat, type Decimal } from './decimal.ts'

function int64(n: number | bigint): GoInt {
  return goInt(n, 'int64')
}

function isExact(n: number | bigint): n is number {
  return typeof n === 'number' && Number.isSafeInteger(n)
}

type Operation = 'add' | 'sub' | 'mul'

const EXACT: Readonly<Record<Operation, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
}
const WIDE: Readonly<Record<Operation, (a: bigint, b: bigint) => bigint>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
}

/** int64 arithmetic, which wraps around. */
function operate(operation: Operation, a: number | bigint, b: number | bigint): number | bigint {
  if (isExact(a) && isExact(b)) {
    const result = EXACT[operation](a, b)
    if (Number.isSafeInteger(result)) return result
  }
  return int64(WIDE[operation](BigInt(a), BigInt(b))).n
}

function fold(operation: Operation, first: number | bigint, rest: readonly Value[]): GoInt {
  let result = first
  for (const value of rest) result = operate(operation, result, toInt64(value))
  return int64(result)
}

function divideInts(a: Value, b: Value, isRemainder: boolean): GoInt {
  const [x, y] = [BigInt(toInt64(a)), BigInt(toInt64(b))]
  if (y === 0n) throw new FunctionError('runtime error: integer divide by zero')
  return int64(isRemainder ? x % y : x / y)
}

function extreme(
  first: Value,
  rest: readonly Value[],
  isBetter: (a: number | bigint, b: number | bigint) => boolean,
): GoInt {
  let best = toInt64(first)
  for (const value of rest) {
    const n = toInt64(value)
    if (isBetter(n, best)) best = n
  }
  return int64(best)
}

/** Go's math.Max and math.Min; like the host's they let NaN through, and infinities win over NaN in Go. */
function extremeFloat(first: Value, rest: readonly Value[], isMax: boolean): number {
  const pick = isMax ? Math.max : Math.min
  const limit = isMax ? Infinity : -Infinity
  let best = toFloat64(first)
  for (const value of rest) {
    const f = toFloat64(value)
    best = f === limit || best === limit ? limit : pick(best, f)
  }
  return best
}

function decimalFunction(name: string, operation: (a: Decimal, b: Decimal) => Decimal): GoFunction {
  return variadicFunction(name, [ANY], ANY, (_run, first, ...rest) => foldDecimal(operation, first, rest))
}

function foldDecimal(operation: (a: Decimal, b: Decimal) => Decimal, first: Value, rest: readonly Value[]): number {
  let result = fromFloat(toFloat64(first))
  for (const value of rest) result = operation(result, fromFloat(toFloat64(value)))
  return toFloat(result)
}

/** Rounds at a decimal place; `roundOn` is the fraction from which on it goes up. */
function round(v: Value, places: number, roundOn: number): number {
  const power = goPower10(places)
  const scaled = power * toFloat64(v)
  const fraction = scaled % 1
  return (fraction >= roundOn ? Math.ceil(scaled) : Math.floor(scaled)) / power
}

function goPower10(places: number): number {
  return Number(`1e${places}`)
}

/** The integers from `start` before `stop`; counted on the run before they are made. */
function untilStep(run: Run, start: number, stop: number, step: number): TypedList {
  if (stop < start ? step >= 0 : step <= 0) return typedList(INTS, [])
  const count = Math.ceil((stop - start) / step)
  run.allocate(count * 8)
  return typedList(
    INTS,
    Array.from({ length: count }, (_, i) => goInt(start + i * step)),
  )
}

function sequence(run: Run, params: readonly number[]): string {
  if (params.length === 0 || params.length > 3) return ''
  const start = params.length === 1 ? 1 : params[0]!
  const end = params.at(-1)!
  const direction = end < start ? -1 : 1
  const step = params.length === 3 ? params[1]! : direction
  if (params.length === 3 && direction < 0 && step > 0) return ''
  return untilStep(run, start, end + direction, step).join(' ')
}

const integers: readonly GoFunction[] = [
  goFunction('int', [ANY], (_run, v) => goInt(toInt64(v))),
  goFunction('int64', [ANY], (_run, v) => int64(toInt64(v))),
  goFunction('atoi', [STRING], (_run, text) => {
    const parsed = parseInteger(text, 10)
    if (typeof parsed === 'bigint') return goInt(parsed)
    // compat(sprig): the error is dropped, and strconv gives the nearest value for one that is out of range.
    if (parsed === 'syntax') return goInt(0)
    return goInt(text.startsWith('-') ? -(1n << 63n) : (1n << 63n) - 1n)
  }),
  goFunction('toDecimal', [ANY], (run, v) => {
    const parsed = parseInteger(sprint([v], run), 8)
    return int64(typeof parsed === 'bigint' ? parsed : 0)
  }),
  goFunction('add1', [ANY], (_run, v) => int64(operate('add', toInt64(v), 1))),
  variadicFunction('add', [], ANY, (_run, ...values) => fold('add', 0, values)),
  goFunction('sub', [ANY, ANY], (_run, a, b) => int64(operate('sub', toInt64(a), toInt64(b)))),
  variadicFunction('mul', [ANY], ANY, (_run, first, ...rest) => fold('mul', toInt64(first), rest)),
  goFunction('div', [ANY, ANY], (_run, a, b) => divideInts(a, b, false)),
  goFunction('mod', [ANY, ANY], (_run, a, b) => divideInts(a, b, true)),
  variadicFunction('max', [ANY], ANY, (_run, first, ...rest) => extreme(first, rest, (a, b) => a > b)),
  variadicFunction('biggest', [ANY], ANY, (_run, first, ...rest) => extreme(first, rest, (a, b) => a > b)),
  variadicFunction('min', [ANY], ANY, (_run, first, ...rest) => extreme(first, rest, (a, b) => a < b)),
]

const floats: readonly GoFunction[] = [
  goFunction('float64', [ANY], (_run, v) => toFloat64(v)),
  goFunction('add1f', [ANY], (_run, v) => foldDecimal(add, v, [1])),
  variadicFunction('addf', [], ANY, (_run, ...values) => foldDecimal(add, 0, values)),
  decimalFunction('subf', subtract),
  decimalFunction('mulf', multiply),
  decimalFunction('divf', divide),
  variadicFunction('maxf', [ANY], ANY, (_run, first, ...rest) => extremeFloat(first, rest, true)),
  variadicFunction('minf', [ANY], ANY, (_run, first, ...rest) => extremeFloat(first, rest, false)),
  goFunction('ceil', [ANY], (_run, v) => Math.ceil(toFloat64(v))),
  goFunction('floor', [ANY], (_run, v) => Math.floor(toFloat64(v))),
  variadicFunction('round', [ANY, INT], FLOAT64, (_run, v, places, ...options) =>
    round(v, places.toNumber(), options[0] ?? 0.5),
  ),
]

const sequences: readonly GoFunction[] = [
  goFunction('until', [INT], (run, count) => untilStep(run, 0, count.toNumber(), count.n < 0 ? -1 : 1)),
  goFunction('untilStep', [INT, INT, INT], (run, start, stop, step) =>
    untilStep(run, start.toNumber(), stop.toNumber(), step.toNumber()),
  ),
  variadicFunction('seq', [], INT, (run, ...params) =>
    sequence(
      run,
      params.map((each) => each.toNumber()),
    ),
  ),
]

/** Sprig's arithmetic. */
export const mathFunctions: readonly GoFunction[] = [...integers, ...floats, ...sequences]
