import { compareByteOrder } from '../base/index.ts'
import { formatJsonNumber } from './numbers.ts'
import type { YamlScalarSource } from './print.ts'

export interface PrintJsonOptions {
  /** Writes `<`, `>` and `&` as escapes, as Go's encoder does unless told otherwise. Default true. */
  readonly escapeHtml?: boolean
  /** Spaces per level; 0 for one line. */
  readonly indent?: number
}

/** JSON with sorted keys as Go's encoding/json prints a map: HTML escapes, Go's floats, text that is not UTF-8 as U+FFFD. `undefined` in a mapping is left out. */
export function printJson(value: unknown, options: PrintJsonOptions = {}): string {
  return print(value, options.escapeHtml !== false, options.indent ?? 0, '')
}

function print(value: unknown, escapeHtml: boolean, indent: number, pad: string): string {
  switch (typeof value) {
    case 'string':
      return printText(value, escapeHtml)
    case 'number':
      return Number.isFinite(value) ? formatJsonNumber(value) : 'null'
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object':
      break
    default:
      return 'null'
  }
  if (value === null) return 'null'
  const inner = indent === 0 ? '' : `${pad}${' '.repeat(indent)}`
  const open = indent === 0 ? '' : `\n${inner}`
  const close = indent === 0 ? '' : `\n${pad}`
  const separator = indent === 0 ? ',' : `,\n${inner}`
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return `[${open}${value.map((item) => print(item, escapeHtml, indent, inner)).join(separator)}${close}]`
  }
  if ('toYamlScalar' in value && typeof value.toYamlScalar === 'function') {
    const { kind, text } = (value as YamlScalarSource).toYamlScalar()
    return kind === 'string' ? printText(text, escapeHtml) : text
  }
  const entries: [string, unknown][] =
    value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value)
  const shown = entries.filter(([, item]) => item !== undefined).sort(([a], [b]) => compareByteOrder(a, b))
  if (shown.length === 0) return '{}'
  const colon = indent === 0 ? ':' : ': '
  return `{${open}${shown.map(([key, item]) => `${printText(key, escapeHtml)}${colon}${print(item, escapeHtml, indent, inner)}`).join(separator)}${close}}`
}

function printText(text: string, escapeHtml: boolean): string {
  const json = JSON.stringify(text.toWellFormed()).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')
  if (!escapeHtml || !/[<>&]/.test(json)) return json
  return json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026')
}
