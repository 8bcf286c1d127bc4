import { GoInt } from './int.ts'
import type { GoFunction } from './function.ts'
import { compareText } from './text.ts'

/**
 * A value of the template language.
 *
 * | Go | here |
 * |---|---|
 * | no value at all (the zero reflect.Value: a missing key, the result of a pipeline that is nil) | `undefined` |
 * | nil inside an `any` (a null in a map or list, a nil argument of type `any`) | `null` |
 * | bool, string | boolean, string (see text.ts for bytes that are not UTF-8) |
 * | float64 | number |
 * | every integer kind | {@link GoInt} |
 * | []any, map[string]any | array, Map |
 * | typed slices and maps | {@link TypedList}, {@link TypedMap} |
 * | []byte | Uint8Array |
 * | structs, pointers to structs, times | {@link GoObject} |
 *
 * `undefined` never stands inside a map or list. Lists are never changed in place; maps are (by `set`, `unset`, `merge`).
 */
export type Value =
  | undefined
  | null
  | boolean
  | number
  | string
  | GoInt
  | GoComplex
  | Value[]
  | GoMap
  | Uint8Array
  | GoObject
  | GoFunction

/** A Go map with string keys. Iteration order here means nothing: Go ranges and prints in sorted key order. */
export type GoMap = Map<string, Value>

/** Reflect's kind names, as `kindOf` prints them. */
export type Kind =
  'invalid' | 'bool' | 'string' | 'float64' | 'complex128' | 'slice' | 'map' | 'struct' | 'ptr' | 'func' | GoInt['kind']

/** A complex128; it exists only as a literal such as `1i`. */
export class GoComplex {
  readonly re: number
  readonly im: number

  constructor(re: number, im: number) {
    this.re = re
    this.im = im
  }
}

/** The type of a {@link TypedList} or {@link TypedMap}: how Go names it, its element's name, and its methods. */
export interface CollectionType {
  /** As `%T` prints it: `[]string`, `common.VersionSet`. */
  readonly name: string
  /** The element's type name: `string`, `interface {}`. */
  readonly elem: string
  /** The element's zero value: what a missing key of a typed map gives. */
  readonly zero: Value
  /** Methods; each gets the receiver as its first argument. */
  readonly methods?: ReadonlyMap<string, GoFunction>
}

export const STRINGS: CollectionType = Object.freeze({ name: '[]string', elem: 'string', zero: '' })
export const INTS: CollectionType = Object.freeze({ name: '[]int', elem: 'int', zero: new GoInt('int', 0) })
export const LISTS: CollectionType = Object.freeze({ name: '[][]interface {}', elem: '[]interface {}', zero: null })
export const ANYS: CollectionType = Object.freeze({ name: '[]interface {}', elem: 'interface {}', zero: null })
export const STRING_MAP: CollectionType = Object.freeze({ name: 'map[string]string', elem: 'string', zero: '' })

/** A slice whose type is not []any. Array methods on it give plain arrays. */
export class TypedList extends Array<Value> {
  // Set right after construction: Array's constructor and species take part in every array method.
  type: CollectionType = STRINGS
  /** A nil slice: empty, printed as `[]`, but `null` in JSON and unequal to an empty one. */
  isNil = false

  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }
}

/** A map whose type is not map[string]any. */
export class TypedMap extends Map<string, Value> {
  readonly type: CollectionType

  constructor(type: CollectionType, entries?: Iterable<readonly [string, Value]>) {
    super(entries)
    this.type = type
  }

  /** Go's nil map of the type: empty in everything, but null in JSON. */
  get isNil(): boolean {
    return false
  }

  /** The same map as a function sees it whose parameter has no named type: Go converts a named map type then, and what comes back keeps that. */
  get unnamed(): GoMap {
    return this
  }
}

/** A slice of the given type with the given items. */
export function typedList(type: CollectionType, items: Iterable<Value>): TypedList {
  const list = new TypedList()
  list.type = type
  for (const item of items) list.push(item)
  return list
}

/** A nil slice of the given type. */
export function nilList(type: CollectionType): TypedList {
  const list = typedList(type, [])
  list.isNil = true
  return list
}

/** True for nil itself, for nil slices and nil maps. */
export function isNil(v: Value): boolean {
  return v === undefined || v === null || ((v instanceof TypedList || v instanceof TypedMap) && v.isNil)
}

/** Go's []string. */
export function stringList(items: Iterable<string>): TypedList {
  return typedList(STRINGS, items)
}

/**
 * A Go struct, or a pointer to one, with fields and methods: subclass it, or use {@link goStruct} for plain data.
 * `fields` lists exported fields in declaration order; `toText` is the String or Error method where the type has one.
 */
export abstract class GoObject {
  /** As `%T` prints it: `chart.Metadata`, `*common.Capabilities`, `time.Time`. A leading `*` makes it a pointer. */
  abstract readonly goType: string
  abstract readonly fields: ReadonlyMap<string, Value>
  /** Methods; each gets the receiver as its first argument. */
  readonly methods: ReadonlyMap<string, GoFunction> = NO_METHODS
  /** What fmt prints for the value in place of its fields. */
  readonly toText: (() => string) | undefined = undefined
  /**
   * What an action prints for the value: a String method of the pointer to a struct, which the executor finds for a value at its place, but fmt
   * does not for the copy that a function gets.
   */
  readonly toTextInPlace: (() => string) | undefined = undefined
  /** What encoding/json makes of the value; undefined to write its fields by their names. */
  toJson(): Value {
    return undefined
  }

  /** Whether Go can compare values of the type with ==: no slice, map or function in it. Pointers always can. */
  get isComparable(): boolean {
    return false
  }

  /** Go's == for a comparable type, when both are not the same object. */
  equals(_other: Value): boolean {
    return false
  }
}

const NO_METHODS: ReadonlyMap<string, GoFunction> = new Map()

class PlainStruct extends GoObject {
  readonly goType: string
  readonly fields: ReadonlyMap<string, Value>
  override readonly methods: ReadonlyMap<string, GoFunction>

  constructor(goType: string, fields: ReadonlyMap<string, Value>, methods: ReadonlyMap<string, GoFunction>) {
    super()
    this.goType = goType
    this.fields = fields
    this.methods = methods
  }
}

/** A struct value from its type name, its fields in declaration order, and its methods. */
export function goStruct(
  goType: string,
  fields: Readonly<Record<string, Value>>,
  methods: readonly GoFunction[] = [],
): GoObject {
  return new PlainStruct(goType, new Map(Object.entries(fields)), new Map(methods.map((m) => [m.name, m])))
}

/** True for a function value (a method value, or one that a caller put into the data). */
export function isFunction(v: Value): v is GoFunction {
  return typeof v === 'object' && v !== null && 'call' in v && 'params' in v
}

/** The kind of a value, as reflect names it. */
export function kindOf(v: Value): Kind {
  switch (typeof v) {
    case 'string':
      return 'string'
    case 'boolean':
      return 'bool'
    case 'number':
      return 'float64'
    case 'undefined':
      return 'invalid'
    default:
  }
  if (v === null) return 'invalid'
  if (v instanceof Map) return 'map'
  if (Array.isArray(v) || v instanceof Uint8Array) return 'slice'
  if (v instanceof GoInt) return v.kind
  if (v instanceof GoObject) return v.goType.startsWith('*') ? 'ptr' : 'struct'
  if (v instanceof GoComplex) return 'complex128'
  return 'func'
}

/** The type of a value, as `%T` prints it. */
export function typeName(v: Value): string {
  if (v === undefined || v === null) return '<nil>'
  if (v instanceof GoInt) return v.typeName
  if (v instanceof Map) return v instanceof TypedMap ? v.type.name : 'map[string]interface {}'
  if (Array.isArray(v)) return v instanceof TypedList ? v.type.name : '[]interface {}'
  if (v instanceof Uint8Array) return '[]uint8'
  if (v instanceof GoObject) return v.goType
  if (isFunction(v)) return v.typeText
  return kindOf(v)
}

/** Truth as `if`, `with`, `and`, `or` and `not` see it: not the zero of its kind; a struct is always true. */
export function isTrue(v: Value): boolean {
  switch (typeof v) {
    case 'boolean':
      return v
    case 'string':
      return v !== ''
    case 'undefined':
      return false
    case 'number':
      // NaN is not equal to zero, so Go takes it as true.
      return v !== 0
    default:
  }
  if (v === null) return false
  if (v instanceof Map) return v.size > 0
  if (Array.isArray(v) || v instanceof Uint8Array) return v.length > 0
  if (v instanceof GoInt) return v.n !== 0
  if (v instanceof GoComplex) return v.re !== 0 || v.im !== 0
  return true
}

/** The map's keys in the order in which Go ranges over and prints them. */
export function sortedKeys(map: ReadonlyMap<string, Value>): string[] {
  const keys = [...map.keys()]
  if (keys.length < 2) return keys
  // The host's order is by UTF-16 units: the same as by bytes unless something lies above U+D7FF.
  return keys.some((key) => highUnit.test(key)) ? keys.sort(compareText) : keys.sort()
}

const highUnit = /[\ud800-\uffff]/
