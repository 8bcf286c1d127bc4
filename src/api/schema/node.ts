/** A rule over several fields: as CEL for the API server, and as the same predicate for objects that are checked here. */
export interface SchemaRule {
  readonly rule: string
  readonly message: string
  /** True when `self`, whose own fields have already been found valid, keeps the rule. */
  readonly holds: (self: SchemaValue) => boolean
}

/** A mapping that is being checked. Its fields may have any value. */
export type SchemaValue = { readonly [field: string]: unknown }

/** What one field may hold: the part of OpenAPI v3 that structural schemas of Kubernetes use. */
export interface SchemaNode {
  readonly description: string
  /** Left out for a value of any type. */
  readonly type?: 'string' | 'boolean' | 'integer' | 'array' | 'object'
  readonly format?: 'int64' | 'date-time'
  readonly pattern?: string
  /** What to write instead of a value that does not match `pattern`. */
  readonly hint?: string
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly minimum?: number
  readonly default?: unknown
  readonly items?: SchemaNode
  readonly properties?: { readonly [name: string]: SchemaNode }
  /** True for a property that may be left out. */
  readonly optional?: boolean
  /** Schema of the values of a mapping with free keys. */
  readonly values?: SchemaNode
  readonly rules?: readonly SchemaRule[]
  /** Fields by which the items of a list are told apart. */
  readonly listMapKeys?: readonly string[]
}

/** A schema that knows the TypeScript type of its values. The type exists only at compile time. */
export interface Schema<T> extends SchemaNode {
  readonly valueType?: T
}

/** The type of a schema's values. */
export type Infer<S> = S extends { readonly valueType?: infer T } ? Exclude<T, undefined> : never

type Properties = { readonly [name: string]: SchemaNode }
type OptionalKeys<P extends Properties> = {
  [K in keyof P]: P[K] extends { readonly optional: true } ? K : never
}[keyof P]

/** The type of an object with the given properties. */
export type InferProperties<P extends Properties> = {
  readonly [K in Exclude<keyof P, OptionalKeys<P>>]: Infer<P[K]>
} & { readonly [K in OptionalKeys<P>]?: Infer<P[K]> }

type TextLimits = Pick<SchemaNode, 'pattern' | 'hint' | 'minLength' | 'maxLength' | 'format'> & {
  readonly default?: string
}

/** Any text. */
export function text(description: string, limits: TextLimits = {}): Schema<string> {
  return { description, type: 'string', ...limits }
}

/** One of the given words. */
export function oneOf<const V extends string>(
  description: string,
  values: readonly V[],
  options: { readonly default?: V } = {},
): Schema<V> {
  return { description, type: 'string', enum: values, ...options }
}

/** True or false. */
export function flag(description: string, options: { readonly default?: boolean } = {}): Schema<boolean> {
  return { description, type: 'boolean', ...options }
}

/** A whole number; `format: 'int64'` where Flux's type is an int64. */
export function integer(
  description: string,
  options: { readonly format?: 'int64'; readonly minimum?: number } = {},
): Schema<number> {
  return { description, type: 'integer', ...options }
}

/** A list. */
export function list<T>(
  description: string,
  items: Schema<T>,
  options: { readonly minItems?: number; readonly listMapKeys?: readonly string[] } = {},
): Schema<readonly T[]> {
  return { description, type: 'array', items, ...options }
}

/** An object with fixed properties; those not wrapped in {@link optional} are required. */
export function object<const P extends Properties>(
  description: string,
  properties: P,
  options: { readonly rules?: readonly SchemaRule[]; readonly default?: unknown } = {},
): Schema<InferProperties<P>> & { readonly properties: P } {
  return { description, type: 'object', properties, ...options }
}

/** A mapping with free keys. */
export function mapOf<T>(description: string, values: Schema<T>): Schema<{ readonly [key: string]: T }> {
  return { description, type: 'object', values }
}

/** A mapping from text to text. */
export function textMap(description: string): Schema<{ readonly [key: string]: string }> {
  return mapOf(description, text(''))
}

/** A value of any type, kept as it is. */
export function anything(description: string): Schema<unknown> {
  return { description }
}

/** Marks a property that may be left out. */
export function optional<S extends SchemaNode>(schema: S): S & { readonly optional: true } {
  return { ...schema, optional: true }
}

/** A Go duration. */
export function duration(description: string, options: { readonly default?: string } = {}): Schema<string> {
  return text(description, {
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$',
    hint: 'write a duration of ms, s, m and h, such as 90s or 1h30m',
    ...options,
  })
}

/** A Go duration without hours, as the time limits of sources are. */
export function shortDuration(description: string, options: { readonly default?: string } = {}): Schema<string> {
  return text(description, {
    pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m))+$',
    hint: 'write a duration of ms, s and m, such as 90s or 5m',
    ...options,
  })
}

/** A point in time, RFC 3339. */
export function time(description: string): Schema<string> {
  return text(description, { format: 'date-time' })
}
