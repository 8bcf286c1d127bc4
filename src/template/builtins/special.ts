import { FunctionError } from '../errors.ts'
import { VALUE, variadicFunction, type GoFunction, type ParamType } from '../function.ts'
import { GoInt, goInt } from '../int.ts'
import type { Run } from '../run.ts'
import { isFunction, isTrue, typeName, type Value } from '../value.ts'

/** `and` and `or`: the executor evaluates their arguments only as far as needed, so these bodies serve `call` alone. */
export const AND: GoFunction = variadicFunction('and', [VALUE], VALUE, (_run, ...args) => pick(args, false))
export const OR: GoFunction = variadicFunction('or', [VALUE], VALUE, (_run, ...args) => pick(args, true))

function pick(args: readonly Value[], stopAt: boolean): Value {
  return args.find((arg) => isTrue(arg) === stopAt) ?? args.at(-1)
}

/** `call`: the executor passes it the text of the callee for errors; see {@link callValue}. */
export const CALL: GoFunction = variadicFunction('call', [VALUE], VALUE, (run, ...args) =>
  callValue(run, 'function', args),
)

/** Calls the function value in `values[0]` with the rest, with the checks and messages of Go's `call`. */
export function callValue(run: Run, callee: string, values: readonly Value[]): Value {
  const [fn, ...args] = values
  if (fn === undefined || fn === null) throw new FunctionError('call of nil')
  if (!isFunction(fn)) throw new FunctionError(`non-function ${callee} of type ${typeName(fn)}`)
  const wanted = fn.params.length
  if (fn.variadic === undefined ? args.length !== wanted : args.length < wanted) {
    const least = fn.variadic === undefined ? '' : 'at least '
    throw new FunctionError(`wrong number of args for ${callee}: got ${args.length} want ${least}${wanted}`)
  }
  const checked = args.map((arg, i) => prepare(arg, fn.params[i] ?? fn.variadic!, i))
  return fn.call(run, ...checked)
}

function prepare(arg: Value, type: ParamType, i: number): Value {
  if (arg === undefined || arg === null) {
    if (type.canBeNil) return type.nilValue
    throw new FunctionError(`arg ${i}: value is nil; should be of type ${type.name}`)
  }
  const isAccepted: boolean = type.accepts(arg)
  if (isAccepted) return arg
  if (arg instanceof GoInt && (type.literal === 'int' || type.literal === 'uint')) {
    return goInt(arg.n, type.name as GoInt['kind'])
  }
  throw new FunctionError(`arg ${i}: value has type ${typeName(arg)}; should be ${type.name}`)
}
