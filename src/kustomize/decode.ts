import type { Diagnostic } from '../base/index.ts'
import { isMap, type KubeValue, scalarText, setKey, type KubeMap } from '../resources/index.ts'

/** What a field may hold. */
export type Shape =
  | 'text'
  | 'flag'
  | 'integer'
  | 'any'
  | 'texts'
  | { readonly list: Shape }
  | {
      readonly fields: { readonly [name: string]: Shape }
      /**
       * Fields of a struct that Go embeds in this one. sigs.k8s.io/yaml loses sight of their types: numbers and booleans are never taken for
       * text in them.
       */
      readonly embedded?: { readonly [name: string]: Shape }
      /** What is read of fields that are left out, where whoever uses the struct relies on Go's zero values. */
      readonly zero?: KubeMap
    }

/** How strictly to read. */
export interface DecodeOptions {
  /** Report fields that the shape does not know. */
  readonly strict: boolean
  /** Take numbers and booleans where a text is wanted. */
  readonly coerce: boolean
  /** Adds the file and, where it is known, the line. */
  readonly place: (field: string) => Partial<Diagnostic>
}

/**
 * Reads `value` as `shape`, the way Go's encoding/json fills a struct: names of fields match in any case, null leaves a field out, text,
 * numbers and booleans are not mixed up. Returns what fits and reports the rest.
 */
export function decode(
  value: KubeValue,
  shape: Shape,
  options: DecodeOptions,
  report: Diagnostic[],
  field = '',
): KubeValue | undefined {
  if (value === null) return undefined
  const wrong = (wanted: string): undefined => {
    report.push({
      code: 'kustomization-field-type',
      severity: 'error',
      message: `must be ${wanted}, but is ${describe(value)}`,
      ...(field === '' ? {} : { field }),
      ...options.place(field),
    })
    return undefined
  }
  if (shape === 'any') return value
  if (shape === 'text') {
    if (typeof value === 'string') return value
    if (options.coerce && typeof value !== 'object') return scalarText(value)
    return wrong(`a text${typeof value === 'object' ? '' : '; put it in quotes'}`)
  }
  if (shape === 'flag') return typeof value === 'boolean' ? value : wrong('true or false')
  if (shape === 'integer') {
    return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
      ? value
      : wrong('an integer')
  }
  if (shape === 'texts') {
    if (!isMap(value)) return wrong('a mapping of texts')
    const result: KubeMap = {}
    for (const key of Object.keys(value)) {
      const text = decode(value[key] as KubeValue, 'text', options, report, `${field}.${key}`)
      setKey(result, key, text ?? '')
    }
    return result
  }
  if ('list' in shape) {
    if (!Array.isArray(value)) return wrong('a list')
    return value.map(
      (item, index) => decode(item, shape.list, options, report, `${field}[${index}]`) ?? emptyOf(shape.list),
    )
  }
  if (!isMap(value)) return wrong('a mapping')
  return decodeFields(value, shape, options, report, field)
}

function decodeFields(
  value: KubeMap,
  shape: Extract<Shape, { fields: unknown }>,
  options: DecodeOptions,
  report: Diagnostic[],
  field: string,
): KubeMap {
  const result: KubeMap = { ...shape.zero }
  const embedded = shape.embedded ?? {}
  const fields = { ...shape.fields, ...embedded }
  const exact = options.coerce ? { ...options, coerce: false } : options
  for (const key of Object.keys(value)) {
    const name = Object.hasOwn(fields, key)
      ? key
      : Object.keys(fields).find((known) => known.toLowerCase() === key.toLowerCase())
    const path = field === '' ? key : `${field}.${key}`
    const inner = name === undefined ? undefined : fields[name]
    if (name === undefined || inner === undefined) {
      if (options.strict) {
        report.push({
          code: 'kustomization-unknown-field',
          severity: 'error',
          message: `unknown field ${JSON.stringify(key)}; known here are ${Object.keys(fields).join(', ')}`,
          field: path,
          ...options.place(path),
        })
      }
      continue
    }
    const how = Object.hasOwn(embedded, name) ? exact : options
    const decoded = decode(value[key] as KubeValue, inner, how, report, path)
    if (decoded !== undefined) result[name] = decoded
  }
  return result
}

/** What a null in a list counts as. */
function emptyOf(shape: Shape): KubeValue {
  if (shape === 'text') return ''
  if (shape === 'flag') return false
  if (shape === 'integer') return 0
  if (shape === 'any') return null
  if (shape === 'texts') return {}
  return 'list' in shape ? [] : { ...shape.zero }
}

function describe(value: KubeValue): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'string'
    ? `the text ${JSON.stringify(value.slice(0, 60))}`
    : `${typeof value === 'boolean' ? '' : 'the number '}${String(value)}`
}
