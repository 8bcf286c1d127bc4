import { type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'

/** A Go struct as encoding/json fills it: its name in error texts, and the shape of each JSON field. */
export interface StructShape {
  readonly name: string
  /** How errors name the type where something else stands in its place; left out: as `name`. */
  readonly type?: string
  readonly fields: { readonly [field: string]: FieldShape }
}

/** The types that the structs of charts and manifests are made of. */
export type FieldShape =
  | 'string'
  | 'bool'
  | 'any'
  | 'strings'
  | 'string-map'
  | 'anys'
  | { readonly struct: StructShape }
  | { readonly structs: StructShape }

/** A decoded struct: only fields that the text had, nulls left out. */
export type Decoded = { [field: string]: unknown }

/**
 * Fills a struct from parsed YAML as sigs.k8s.io/yaml does: scalars become text where text is wanted (`version: 1.10` is "1.1"), field names
 * match whatever their case, unknown fields are ignored, null leaves a field empty.
 *
 * @throws EngineError `chart-invalid` with Go's message for a value of the wrong type.
 */
export function decodeStruct(value: Value, shape: StructShape, typeText: string): Decoded {
  if (value === null || value === undefined) return {}
  if (!(value instanceof Map)) {
    throw mismatch(`json: cannot unmarshal ${jsonKind(value)} into Go value of type ${typeText}`)
  }
  return decodeFields(value, shape, '')
}

function decodeFields(map: GoMap, shape: StructShape, path: string): Decoded {
  const decoded: Decoded = {}
  for (const [field, fieldShape] of Object.entries(shape.fields)) {
    const value = fieldValue(map, field)
    if (value === undefined || value === null) continue
    decoded[field] = decodeField(value, fieldShape, {
      struct: shape.name,
      path: path === '' ? field : `${path}.${field}`,
    })
  }
  return decoded
}

/** encoding/json prefers the exact name and takes any spelling of it otherwise. */
function fieldValue(map: GoMap, field: string): Value {
  const exact = map.get(field)
  if (exact !== undefined) return exact
  for (const [key, value] of map) if (sameFolded(field, key)) return value
  return undefined
}

/**
 * The first field of a value, in the order of JSON that sigs.k8s.io/yaml made, that the struct does not have; undefined where there is none. For values
 * that {@link decodeStruct} takes (encoding/json DisallowUnknownFields).
 */
export function unknownField(value: Value, shape: StructShape): string | undefined {
  if (!(value instanceof Map)) return undefined
  for (const key of [...value.keys()].sort()) {
    const fields = Object.entries(shape.fields)
    const known = fields.find(([field]) => field === key) ?? fields.find(([field]) => sameFolded(field, key))
    if (known === undefined) return key
    const unknown = unknownBelow(value.get(key), known[1])
    if (unknown !== undefined) return unknown
  }
  return undefined
}

function unknownBelow(value: Value, shape: FieldShape): string | undefined {
  if (typeof shape === 'string') return undefined
  if ('struct' in shape) return unknownField(value, shape.struct)
  if (!Array.isArray(value)) return undefined
  for (const item of value) {
    const unknown = unknownField(item, shape.structs)
    if (unknown !== undefined) return unknown
  }
  return undefined
}

function sameFolded(field: string, key: string): boolean {
  return key.length === field.length && key.toLowerCase() === field.toLowerCase()
}

interface Place {
  readonly struct: string
  readonly path: string
}

function decodeField(value: Value, shape: FieldShape, place: Place): unknown {
  switch (shape) {
    case 'any':
      return value
    case 'string':
      return decodeText(value, place)
    case 'bool':
      if (typeof value !== 'boolean') throw fieldMismatch(value, 'bool', place)
      return value
    case 'strings':
      return decodeList(value, '[]string', place).map((item) => (item === null ? '' : decodeText(item, place)))
    case 'anys':
      return decodeList(value, '[]interface {}', place)
    case 'string-map':
      return decodeTextMap(value, place)
    default:
  }
  if ('struct' in shape) {
    if (!(value instanceof Map)) throw fieldMismatch(value, shape.struct.type ?? shape.struct.name, place)
    return decodeFields(value, shape.struct, place.path)
  }
  return decodeList(value, `[]*${shape.structs.name}`, place).map((item) => {
    if (item === null || item === undefined) return null
    if (!(item instanceof Map)) throw fieldMismatch(item, shape.structs.name, place)
    return decodeFields(item, shape.structs, place.path)
  })
}

function decodeText(value: Value, place: Place): string {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') return numberText(value)
  throw fieldMismatch(value, 'string', place)
}

/** Whole numbers as digits, others as Go's shortest %g. */
function numberText(value: number): string {
  const text = String(value)
  if (Number.isInteger(value)) return text
  const exponent = Number(value.toExponential().split('e')[1])
  if (exponent >= -4 && exponent < 21) return text
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

function decodeTextMap(value: Value, place: Place): Map<string, string> {
  if (!(value instanceof Map)) throw fieldMismatch(value, 'map[string]string', place)
  const texts = new Map<string, string>()
  for (const [key, item] of value) texts.set(key, item === null ? '' : decodeText(item, place))
  return texts
}

function decodeList(value: Value, type: string, place: Place): readonly Value[] {
  if (!Array.isArray(value)) throw fieldMismatch(value, type, place)
  return value
}

function fieldMismatch(value: Value, type: string, place: Place): Error {
  return mismatch(
    `json: cannot unmarshal ${jsonKind(value)} into Go struct field ${place.struct}.${place.path} of type ${type}`,
  )
}

function mismatch(detail: string): Error {
  return helmError('chart-invalid', `error unmarshaling JSON: while decoding JSON: ${detail}`)
}

function jsonKind(value: Value): string {
  if (value instanceof Map) return 'object'
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}
