import type { Json } from '../base/index.ts'
import { fromJson, FunctionError, quoteRune, toBytes, toWellFormed, type Meter, type Value } from '../template/index.ts'

/** JSON text as values, every number a float64. Throws FunctionError with the message of Go's json.Unmarshal. */
export function decodeJson(text: string, meter: Meter): Value {
  meter.allocate(text.length)
  let parsed: Json
  try {
    parsed = JSON.parse(toWellFormed(text)) as Json
  } catch {
    throw new FunctionError(new Explainer(text).explain())
  }
  const value = fromJson(parsed)
  refuseInfinity(value)
  return value
}

/** The host reads 1e999 as infinity; Go refuses it. */
function refuseInfinity(value: Value): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new FunctionError('json: cannot unmarshal number into Go value of type float64')
  }
  if (Array.isArray(value)) value.forEach(refuseInfinity)
  else if (value instanceof Map) for (const item of value.values()) refuseInfinity(item)
}

/**
 * Go's words for what is wrong with a text that starts with no JSON value, and how many bytes Go has read by then, the wrong one included; the number is
 * left out where the text ends too early.
 */
export function jsonFault(text: string): { readonly message: string; readonly bytes?: number } {
  const explainer = new Explainer(text)
  const message = explainer.explain()
  return message === END ? { message } : { message, bytes: toBytes(text.slice(0, explainer.position)).length + 1 }
}

const END = 'unexpected end of JSON input'

/** Thrown inside this file alone, to leave the scan at the first fault. */
class Fault {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

/** Finds the first fault of a text that is known to be no JSON, and says it in Go's words. */
class Explainer {
  private readonly text: string
  private at = 0

  constructor(text: string) {
    this.text = text
  }

  /** Where the scan is, in UTF-16 units: after {@link explain}, at the fault. */
  get position(): number {
    return this.at
  }

  explain(): string {
    try {
      this.value()
      this.blanks()
      if (this.at < this.text.length) return this.invalid('after top-level value').message
      return END
    } catch (error) {
      if (error instanceof Fault) return error.message
      throw error
    }
  }

  private invalid(where: string): Fault {
    return this.at >= this.text.length ? new Fault(END) : this.badByte(where)
  }

  /** Go names the byte as if it were a character; at the end of the text, where it must go on, that is a space. */
  private badByte(where: string): Fault {
    const byte = toBytes(this.text.slice(this.at, this.at + 2))[0] ?? 0x20
    const shown = byte === 0x27 ? `'\\''` : byte === 0x22 ? `'"'` : quoteRune(byte)
    return new Fault(`invalid character ${shown} ${where}`)
  }

  private blanks(): void {
    while (this.at < this.text.length && ' \t\r\n'.includes(this.text[this.at]!)) this.at++
  }

  private value(): void {
    this.blanks()
    const ch = this.text[this.at]
    if (ch === '{') this.object()
    else if (ch === '[') this.array()
    else if (ch === '"') this.string()
    else if (ch === 't') this.word('true')
    else if (ch === 'f') this.word('false')
    else if (ch === 'n') this.word('null')
    else if (ch !== undefined && /[-\d]/.test(ch)) this.number()
    else throw this.invalid('looking for beginning of value')
  }

  private word(word: string): void {
    for (let i = 0; i < word.length; i++, this.at++) {
      if (this.text[this.at] !== word[i]) {
        throw this.badByte(`in literal ${word} (expecting '${word[i]!}')`)
      }
    }
  }

  private digits(where: string): void {
    if (!/\d/.test(this.text[this.at] ?? '')) throw this.badByte(where)
    while (/\d/.test(this.text[this.at] ?? '')) this.at++
  }

  private number(): void {
    if (this.text[this.at] === '-') this.at++
    if (this.text[this.at] === '0') this.at++
    else this.digits('in numeric literal')
    if (this.text[this.at] === '.') {
      this.at++
      this.digits('after decimal point in numeric literal')
    }
    if (/[eE]/.test(this.text[this.at] ?? '')) {
      this.at++
      if (/[+-]/.test(this.text[this.at] ?? '')) this.at++
      this.digits('in exponent of numeric literal')
    }
  }

  private string(): void {
    for (this.at++; ; this.at++) {
      const ch = this.text[this.at]
      if (ch === '"') break
      if (ch === undefined || ch < ' ') throw this.invalid('in string literal')
      if (ch === '\\') this.escape()
    }
    this.at++
  }

  private escape(): void {
    this.at++
    const ch = this.text[this.at]
    if (ch === 'u') {
      for (let i = 0; i < 4; i++) {
        this.at++
        if (!/[\da-fA-F]/.test(this.text[this.at] ?? '')) throw this.badByte('in \\u hexadecimal character escape')
      }
    } else if (ch === undefined || !'"\\/bfnrt'.includes(ch)) throw this.badByte('in string escape code')
  }

  private array(): void {
    this.at++
    this.blanks()
    if (this.text[this.at] === ']') {
      this.at++
      return
    }
    for (;;) {
      this.value()
      this.blanks()
      const ch = this.text[this.at]
      if (ch !== ',' && ch !== ']') throw this.invalid('after array element')
      this.at++
      if (ch === ']') return
    }
  }

  private object(): void {
    this.at++
    this.blanks()
    if (this.text[this.at] === '}') {
      this.at++
      return
    }
    for (;;) {
      this.blanks()
      if (this.text[this.at] !== '"') throw this.invalid('looking for beginning of object key string')
      this.string()
      this.blanks()
      if (this.text[this.at] !== ':') throw this.invalid('after object key')
      this.at++
      this.value()
      this.blanks()
      const ch = this.text[this.at]
      if (ch !== ',' && ch !== '}') throw this.invalid('after object key:value pair')
      this.at++
      if (ch === '}') return
    }
  }
}
