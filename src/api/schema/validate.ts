import { parseDuration } from '../../base/index.ts'
import type { SchemaNode } from './node.ts'

/** Something wrong with one field. */
export interface SchemaFinding {
  /** `spec.dependsOn[0].name`; '' for the object itself. */
  readonly field: string
  readonly message: string
}

export interface ValidateOptions {
  /** Reports fields that the schema does not have. The API server drops them silently. */
  readonly unknownFields?: 'ignore' | 'report'
}

/** Longest text that is held against a pattern: far more than any field of ours needs. */
const maxPatternLength = 8192
/** Go counts durations in nanoseconds, in 64 bits. */
const maxDurationMs = 9_223_372_036_854
const maxDepth = 64

/**
 * Everything that is wrong with a value, in the order of its fields. Rules over several fields are looked at only where the fields themselves are in
 * order, as the API server does. Messages quote a value only where it is a choice or a duration: others may hold credentials.
 */
export function validateSchema(
  node: SchemaNode,
  value: unknown,
  field: string,
  options: ValidateOptions = {},
): readonly SchemaFinding[] {
  const findings: SchemaFinding[] = []
  check(node, value, field, { findings, options, depth: 0 })
  return findings
}

interface Context {
  readonly findings: SchemaFinding[]
  readonly options: ValidateOptions
  readonly depth: number
}

function check(node: SchemaNode, value: unknown, field: string, context: Context): void {
  const report = (message: string): number => context.findings.push({ field, message })
  if (node.type === undefined) return
  if (context.depth > maxDepth) return void report('is nested too deeply')
  const actual = typeOf(value)
  if (actual !== node.type) return void report(`must be ${article(node.type)}, not ${article(actual)}`)
  const before = context.findings.length
  switch (node.type) {
    case 'string':
      checkText(node, value as string, report)
      break
    case 'integer':
      if (node.minimum !== undefined && (value as number) < node.minimum) report(`must be at least ${node.minimum}`)
      break
    case 'array':
      checkList(node, value as readonly unknown[], field, context)
      break
    case 'object':
      checkObject(node, value as Mapping, field, context)
      break
    case 'boolean':
      break
  }
  if (context.findings.length > before) return
  for (const rule of node.rules ?? []) if (!rule.holds(value as Mapping)) report(rule.message)
}

function checkText(node: SchemaNode, value: string, report: (message: string) => number): void {
  // The server counts code points.
  const length = Array.from(value).length
  if (node.enum !== undefined && !node.enum.includes(value)) {
    report(`'${value.slice(0, 64)}' is not one of ${node.enum.map((entry) => `'${entry}'`).join(', ')}`)
  }
  if (node.minLength !== undefined && length < node.minLength) report(`must have at least ${count(node.minLength)}`)
  if (node.maxLength !== undefined && length > node.maxLength) report(`must have at most ${count(node.maxLength)}`)
  if (node.format === 'date-time' && !isDateTime(value))
    report('must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z')
  if (node.pattern === undefined) return
  const isDuration = node.hint?.includes('duration') === true
  if (value.length > maxPatternLength || !new RegExp(node.pattern, 'u').test(value)) {
    const quoted = isDuration ? `'${value.slice(0, 64)}' is not a duration: ` : ''
    report(`${quoted}${node.hint ?? `must match ${node.pattern}`}`)
  } else if (isDuration && parseDuration(value) > maxDurationMs) {
    report(`'${value.slice(0, 64)}' is longer than the longest duration (about 292 years)`)
  }
}

function checkList(node: SchemaNode, value: readonly unknown[], field: string, context: Context): void {
  if (node.minItems !== undefined && value.length < node.minItems) {
    context.findings.push({
      field,
      message: `must have at least ${node.minItems} item${node.minItems === 1 ? '' : 's'}`,
    })
  }
  const { items, listMapKeys } = node
  if (items === undefined) return
  const seen = new Set<string>()
  for (const [index, item] of value.entries()) {
    const place = `${field}[${index}]`
    check(items, item, place, { ...context, depth: context.depth + 1 })
    if (listMapKeys === undefined || !isMapping(item)) continue
    const key = JSON.stringify(listMapKeys.map((name) => item[name] ?? null))
    if (seen.has(key))
      context.findings.push({ field: place, message: `has the same ${listMapKeys.join(', ')} as another item` })
    seen.add(key)
  }
}

function checkObject(node: SchemaNode, value: Mapping, field: string, context: Context): void {
  const deeper = { ...context, depth: context.depth + 1 }
  const { properties, values } = node
  if (values !== undefined) {
    for (const [key, entry] of Object.entries(value)) check(values, entry, `${field}[${key.slice(0, 64)}]`, deeper)
    return
  }
  if (properties === undefined) return
  for (const [name, property] of Object.entries(properties)) {
    const place = field === '' ? name : `${field}.${name}`
    const present = Object.hasOwn(value, name) ? value[name] : undefined
    // A null that the schema does not allow is dropped by the server, so it counts as missing.
    if (present === undefined || (present === null && property.type !== undefined)) {
      if (property.optional !== true && property.default === undefined)
        context.findings.push({ field: place, message: 'is required' })
    } else {
      check(property, present, place, deeper)
    }
  }
  if (context.options.unknownFields !== 'report') return
  for (const name of Object.keys(value)) {
    if (Object.hasOwn(properties, name)) continue
    const known = Object.keys(properties).find((candidate) => candidate.toLowerCase() === name.toLowerCase())
    const advice = known === undefined ? 'remove it' : `write ${known}`
    context.findings.push({ field: field === '' ? name : `${field}.${name}`, message: `is not a field; ${advice}` })
  }
}

type Mapping = { readonly [key: string]: unknown }

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function typeOf(value: unknown): 'string' | 'boolean' | 'integer' | 'number' | 'array' | 'object' | 'null' {
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'bigint') return 'integer'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value === 'string' || typeof value === 'boolean' ? (typeof value as 'string' | 'boolean') : 'object'
}

function article(type: string): string {
  const words: { readonly [type: string]: string } = {
    string: 'text',
    boolean: 'true or false',
    integer: 'a whole number',
    number: 'a fraction',
    array: 'a list',
    object: 'a mapping',
    null: 'empty',
  }
  return words[type] ?? type
}

function count(length: number): string {
  return `${length} character${length === 1 ? '' : 's'}`
}

function isDateTime(value: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  )
}
