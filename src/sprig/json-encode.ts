import {
  FunctionError,
  GoInt,
  GoObject,
  hasInvalidBytes,
  isFunction,
  isNil,
  LimitError,
  sortedKeys,
  typeName,
  type Meter,
  type Value,
} from '../template/index.ts'
import { encodeBase64 } from './encoding.ts'

/** How JSON is written: Go's json.Marshal escapes `<`, `>` and `&`; an indent makes it json.MarshalIndent. */
export interface JsonStyle {
  readonly escapeHtml: boolean
  readonly indent?: string
}

const MAX_DEPTH = 1000

/** A value as Go's encoding/json writes it: keys sorted, no spaces. Throws FunctionError with Go's message. */
export function encodeJson(value: Value, style: JsonStyle, meter: Meter): string {
  return write(value, { style, meter, depth: 0 })
}

interface Context {
  readonly style: JsonStyle
  readonly meter: Meter
  readonly depth: number
}

function write(value: Value, context: Context): string {
  const { meter } = context
  meter.step()
  switch (typeof value) {
    case 'string': {
      const text = encodeString(value, context.style.escapeHtml)
      meter.allocate(text.length)
      return text
    }
    case 'number':
      return encodeNumber(value)
    case 'boolean':
      return String(value)
    default:
  }
  if (isNil(value)) return 'null'
  if (value instanceof GoInt) return value.toString()
  if (value instanceof Uint8Array) return `"${encodeBase64(value)}"`
  if (context.depth > MAX_DEPTH)
    throw new LimitError('depth', 'the value is nested too deeply for JSON, or contains itself')
  const inner = { ...context, depth: context.depth + 1 }
  if (Array.isArray(value)) {
    return bracket(
      '[]',
      value.map((item) => write(item, inner)),
      context,
    )
  }
  if (value instanceof Map) return members(value, sortedKeys(value), inner, context)
  if (value instanceof GoObject && !isFunction(value)) {
    const json = value.toJson()
    if (json !== undefined) return write(json, inner)
    return members(value.fields, [...value.fields.keys()], inner, context)
  }
  throw new FunctionError(`json: unsupported type: ${typeName(value)}`)
}

function members(map: ReadonlyMap<string, Value>, keys: readonly string[], inner: Context, context: Context): string {
  const colon = context.style.indent === undefined ? ':' : ': '
  const parts = keys.map((key) => encodeString(key, context.style.escapeHtml) + colon + write(map.get(key), inner))
  return bracket('{}', parts, context)
}

function bracket(pair: '[]' | '{}', parts: readonly string[], { style, depth }: Context): string {
  if (parts.length === 0) return pair
  if (style.indent === undefined) return pair[0]! + parts.join(',') + pair[1]!
  const outer = `\n${style.indent.repeat(depth)}`
  const inside = outer + style.indent
  return pair[0]! + inside + parts.join(`,${inside}`) + outer + pair[1]!
}

function encodeNumber(value: number): string {
  if (!Number.isFinite(value)) {
    const shown = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
    throw new FunctionError(`json: unsupported value: ${shown}`)
  }
  // Go follows ES6 here, except for the sign of zero.
  return Object.is(value, -0) ? '-0' : String(value)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

// eslint-disable-next-line no-control-regex -- control characters are what JSON escapes
const needsEscape = /["\\\0-\x1f\u2028\u2029]/g
// eslint-disable-next-line no-control-regex -- as above, with the three characters that matter in HTML
const needsHtmlEscape = /["\\\0-\x1f\u2028\u2029<>&]/g

const loneSurrogate = /\p{Cs}/gu

function encodeString(text: string, escapeHtml: boolean): string {
  const escaped = text.replace(
    escapeHtml ? needsHtmlEscape : needsEscape,
    (ch) => ESCAPES[ch] ?? `\\u${ch.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  // Bytes that are not UTF-8 are written as the escape of U+FFFD.
  return hasInvalidBytes(escaped) ? `"${escaped.replace(loneSurrogate, '\\ufffd')}"` : `"${escaped}"`
}
