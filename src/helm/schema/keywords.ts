import { format as knownFormats } from '@cfworker/json-schema'
import type { Value } from '../../template/index.ts'
import { equalsJson, fingerprint, jsonType, numberOf, TYPES } from './data.ts'
import type { Resource, SchemaObject } from './document.ts'
import { failure, numberText, quote, type Failure } from './failure.ts'

/** Characters of a text that a format is checked on. */
const maxFormatLength = 4096

/** A schema at a value. */
interface Applied {
  readonly schema: SchemaObject
  readonly resource: Resource
  readonly value: Value
  readonly path: readonly string[]
}

/** `type`, `const` and `enum`: where one fails nothing else is looked at. */
export function checkScalarKeywords({ schema, value, path, resource }: Applied): Failure | undefined {
  const type = jsonType(value)
  if (type === undefined) return failure(path, 'invalid jsonType')
  const wanted = Array.isArray(schema['type'])
    ? (schema['type'] as unknown[])
    : schema['type'] === undefined
      ? []
      : [schema['type']]
  if (
    wanted.length > 0 &&
    !wanted.includes(type) &&
    !(wanted.includes('integer') && type === 'number' && Number.isInteger(numberOf(value)))
  ) {
    return failure(path, `got ${type}, want ${TYPES.filter((name) => wanted.includes(name)).join(' or ')}`)
  }
  if (resource.draft >= 6 && Object.hasOwn(schema, 'const') && !equalsJson(value, schema['const'])) {
    return failure(path, isScalar(schema['const']) ? `value must be ${display(schema['const'])}` : "'const' failed")
  }
  const choices = schema['enum']
  if (!Array.isArray(choices) || choices.some((choice) => equalsJson(value, choice))) return undefined
  if (!choices.every(isScalar)) return failure(path, "'enum' failed")
  return failure(
    path,
    choices.length === 1
      ? `value must be ${display(choices[0])}`
      : `value must be one of ${choices.map(display).join(', ')}`,
  )
}

/** `format`, for the formats that are known. */
export function checkFormat({ value, path }: Applied, name: string): Failure | undefined {
  if (typeof value !== 'string' || value.length > maxFormatLength || !Object.hasOwn(knownFormats, name))
    return undefined
  const test = knownFormats[name]
  return test === undefined || test(value) ? undefined : failure(path, `value is not valid ${name}`)
}

/** The keywords of numbers. */
export function checkNumber({ schema, value, path, failures }: Applied & { readonly failures: Failure[] }): void {
  const number = numberOf(value)
  if (number === undefined) return
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const add = (keyword: string, bound: number): number =>
    failures.push(failure(path, `${keyword}: got ${numberText(number)}, want ${numberText(bound)}`))
  // In draft 4 the exclusive forms are flags beside the bounds.
  const below = exclusiveMinimum === true ? minimum : exclusiveMinimum
  const above = exclusiveMaximum === true ? maximum : exclusiveMaximum
  if (isNumber(minimum) && exclusiveMinimum !== true && number < minimum) add('minimum', minimum)
  if (isNumber(maximum) && exclusiveMaximum !== true && number > maximum) add('maximum', maximum)
  if (isNumber(below) && number <= below) add('exclusiveMinimum', below)
  if (isNumber(above) && number >= above) add('exclusiveMaximum', above)
  if (isNumber(multipleOf) && multipleOf > 0 && !isMultiple(number, multipleOf)) add('multipleOf', multipleOf)
}

/** Decimal numbers are compared as they are written: 0.3 is a multiple of 0.1. */
function isMultiple(number: number, of: number): boolean {
  const scale = 10 ** Math.max(decimals(number), decimals(of))
  return Math.round(number * scale) % Math.round(of * scale) === 0
}

function decimals(number: number): number {
  const [mantissa = '', exponent = '0'] = String(number).split('e')
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent))
}

/** `uniqueItems`. */
export function duplicateFailure(value: readonly Value[], path: readonly string[]): Failure | undefined {
  const seen = new Map<string, number>()
  for (const [index, item] of value.entries()) {
    const key = fingerprint(item)
    const first = seen.get(key)
    if (first !== undefined) return failure(path, `items at ${first} and ${index} are equal`)
    seen.set(key, index)
  }
  return undefined
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null
}

function display(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '<nil>'
}
