import type { Source } from './errors.ts'
import type { NumberNode } from './nodes.ts'
import { quote, unquoteChar } from './quote.ts'
import { parseFloat64, parseInteger, parseUnsigned } from './strconv.ts'

type NumberValue = Pick<NumberNode, 'int' | 'uint' | 'float' | 'complex'>

/**
 * Reads a number token into every kind that can hold it, as Go's untyped constants. A string result is the error text.
 * Rules: Go 1.26 text/template/parse, newNumber.
 */
export function readNumber(type: 'number' | 'complex' | 'charConstant', text: string): NumberValue | string {
  if (type === 'charConstant') return readCharacter(text)
  if (type === 'complex') return readComplex(text)
  if (text.endsWith('i')) {
    const imaginary = parseFloat64(text.slice(0, -1))
    if (typeof imaginary === 'number') return fromComplex(0, imaginary)
  }
  const unsigned = parseUnsigned(text, 0)
  const signed = parseInteger(text, 0)
  const int = typeof signed === 'bigint' ? signed : undefined
  // "-0" has a sign and is still an unsigned zero.
  const uint = typeof unsigned === 'bigint' ? unsigned : int === 0n ? 0n : undefined
  const whole = int ?? uint
  if (whole !== undefined) return { int, uint, float: Number(whole), complex: undefined }
  const float = parseFloat64(text)
  if (typeof float !== 'number') return `illegal number syntax: ${quote(text)}`
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${quote(text)}`
  return fromFloat(float)
}

/** Builds the node from what {@link readNumber} found. */
export function numberNode(source: Source, pos: number, text: string, value: NumberValue): NumberNode {
  return { type: 'number', source, pos, text, ...value }
}

function readCharacter(text: string): NumberValue | string {
  const char = unquoteChar(text, 1, "'")
  if (char === undefined) return 'invalid syntax'
  if (text.slice(char.next) !== "'") return `malformed character constant: ${text}`
  const rune = char.value >= 0xd800 && char.value <= 0xdfff ? 0xfffd : char.value
  return { int: BigInt(rune), uint: BigInt(rune), float: rune, complex: undefined }
}

function readComplex(text: string): NumberValue | string {
  const split = Math.max(text.lastIndexOf('+'), text.lastIndexOf('-'))
  // The sign that separates the parts is not one of an exponent.
  const at = /[eEpP]/.test(text[split - 1] ?? '')
    ? Math.max(text.lastIndexOf('+', split - 1), text.lastIndexOf('-', split - 1))
    : split
  const re = parseFloat64(text.slice(0, at))
  const im = parseFloat64(text.slice(at, -1))
  if (typeof re !== 'number' || typeof im !== 'number') return 'syntax error scanning complex number'
  return fromComplex(re, im)
}

function fromComplex(re: number, im: number): NumberValue {
  const simple = im === 0 ? fromFloat(re) : { int: undefined, uint: undefined, float: undefined }
  return { ...simple, complex: [re, im] }
}

function fromFloat(float: number): NumberValue {
  const whole = Number.isInteger(float) ? BigInt(float) : undefined
  return {
    int: whole !== undefined && whole >= -(1n << 63n) && whole < 1n << 63n ? whole : undefined,
    uint: whole !== undefined && whole >= 0n && whole < 1n << 64n ? whole : undefined,
    float,
    complex: undefined,
  }
}
