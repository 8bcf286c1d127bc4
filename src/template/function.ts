import { GoInt } from './int.ts'
import type { Run } from './run.ts'
import { TypedList, TypedMap, type GoMap, type Value } from './value.ts'

/** How a literal in the template is turned into an argument of a parameter's type. */
export type LiteralRule = 'any' | 'string' | 'bool' | 'int' | 'uint' | 'float' | 'none'

/**
 * The type of a parameter: what the executor checks before a call, with Go's name for errors. `T` is what the function gets.
 * `canBeNil` types take a missing value as `nilValue`; the others refuse it.
 */
export interface ParamType<T extends Value = Value> {
  readonly name: string
  readonly literal: LiteralRule
  readonly canBeNil: boolean
  readonly nilValue: Value
  readonly accepts: (v: Value) => v is T
}

function param<T extends Value>(
  name: string,
  literal: LiteralRule,
  accepts: (v: Value) => v is T,
  canBeNil = false,
): ParamType<T> {
  return Object.freeze({ name, literal, accepts, canBeNil, nilValue: canBeNil ? null : undefined })
}

function intParam(kind: GoInt['kind']): ParamType<GoInt> {
  const literal = kind.startsWith('u') ? 'uint' : 'int'
  return param(kind, literal, (v): v is GoInt => v instanceof GoInt && v.kind === kind && v.defined === undefined)
}

/** `any`: takes everything; a missing value arrives as `null`. */
export const ANY: ParamType<Exclude<Value, undefined>> = param(
  'interface {}',
  'any',
  (v): v is Exclude<Value, undefined> => v !== undefined,
  true,
)
/** reflect.Value, which only Go's own builtins use: takes everything, a missing value too, as `undefined`. */
export const VALUE: ParamType = Object.freeze({
  name: 'reflect.Value',
  literal: 'any',
  canBeNil: true,
  nilValue: undefined,
  accepts: (_v: Value): _v is Value => true,
} as const)
export const STRING: ParamType<string> = param('string', 'string', (v): v is string => typeof v === 'string')
export const BOOL: ParamType<boolean> = param('bool', 'bool', (v): v is boolean => typeof v === 'boolean')
export const FLOAT64: ParamType<number> = param('float64', 'float', (v): v is number => typeof v === 'number')
export const INT: ParamType<GoInt> = intParam('int')
export const INT64: ParamType<GoInt> = intParam('int64')
export const UINT32: ParamType<GoInt> = intParam('uint32')
/** `map[string]any`; a missing value arrives as `null`, Go's nil map. */
export const ANY_MAP: ParamType<GoMap | null> = param(
  'map[string]interface {}',
  'none',
  (v): v is GoMap => v instanceof Map && (!(v instanceof TypedMap) || v.type.elem === 'interface {}'),
  true,
)
/** `[]any`; a missing value arrives as `null`, Go's nil slice. */
export const ANY_LIST: ParamType<Value[] | null> = param(
  '[]interface {}',
  'none',
  (v): v is Value[] => Array.isArray(v) && (!(v instanceof TypedList) || v.type.elem === 'interface {}'),
  true,
)
/** `[]string`; a missing value arrives as `null`, Go's nil slice. */
export const STRING_LIST: ParamType<Value[] | null> = param(
  '[]string',
  'none',
  (v): v is Value[] => v instanceof TypedList && v.type.elem === 'string',
  true,
)

/** A parameter that takes one kind of struct, named as Go names it. */
export function structParam<T extends Value>(name: string, accepts: (v: Value) => v is T): ParamType<T> {
  return param(name, 'none', accepts)
}

/** A function that templates can call. The executor has checked the arguments' number and types before `call` runs. */
export interface GoFunction {
  readonly name: string
  readonly params: readonly ParamType[]
  /** The type of further arguments, where the function takes any number. */
  readonly variadic: ParamType | undefined
  /** What `%T` prints for the function as a value. */
  readonly typeText: string
  /** Computes the result; throws FunctionError for an error result or a panic. */
  readonly call: (run: Run, ...args: Value[]) => Value
}

// The executor calls only after each parameter's own check, so an implementation may name its arguments' types.
function checked(call: unknown): GoFunction['call'] {
  return call as GoFunction['call']
}

type Args<P extends readonly ParamType[]> = { [K in keyof P]: P[K] extends ParamType<infer T> ? T : never }

/** Declares a function with a fixed number of parameters. */
export function goFunction<const P extends readonly ParamType[]>(
  name: string,
  params: P,
  call: (run: Run, ...args: Args<P>) => Value,
): GoFunction {
  return Object.freeze({ name, params, variadic: undefined, typeText: typeText(params), call: checked(call) })
}

/** Declares a function whose last parameter takes any number of arguments of type `rest`. */
export function variadicFunction<const P extends readonly ParamType[], R extends Value>(
  name: string,
  params: P,
  rest: ParamType<R>,
  call: (run: Run, ...args: [...Args<P>, ...R[]]) => Value,
): GoFunction {
  return Object.freeze({
    name,
    params,
    variadic: rest,
    typeText: typeText([...params, rest], true),
    call: checked(call),
  })
}

/** Declares a method: its first argument is the receiver, which is not counted among the parameters. */
export function goMethod<T extends Value, const P extends readonly ParamType[]>(
  name: string,
  params: P,
  call: (run: Run, receiver: T, ...args: Args<P>) => Value,
): GoFunction {
  return Object.freeze({ name, params, variadic: undefined, typeText: typeText(params), call: checked(call) })
}

function typeText(params: readonly ParamType[], isVariadic = false): string {
  const names = params.map((p, i) => (isVariadic && i === params.length - 1 ? `...${p.name}` : p.name))
  return `func(${names.join(', ')}) interface {}`
}

/** Functions by name: what a template is parsed and compiled with. */
export type FunctionTable = ReadonlyMap<string, GoFunction>

/** One table from lists of functions; a later one replaces an earlier one of the same name. */
export function functionTable(...lists: Iterable<GoFunction>[]): FunctionTable {
  const table = new Map<string, GoFunction>()
  for (const list of lists) for (const fn of list) table.set(fn.name, fn)
  return table
}
