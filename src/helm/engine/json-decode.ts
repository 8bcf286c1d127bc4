import type { Json } from '../../base/index.ts'
import { FunctionError, fromJson, quote, type Value } from '../../template/index.ts'

/** Reads JSON; errors are those of Go's encoding/json. @throws FunctionError. */
export function decodeJson(text: string): Value {
  try {
    return fromJson(JSON.parse(text) as Json)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new FunctionError(new JsonScanner(text).problem())
  }
}

const endOfInput = 'unexpected end of JSON input'

/** Walks over JSON that does not parse, to say what Go's scanner says about it. */
class JsonScanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  problem(): string {
    return this.#value('looking for beginning of value') ?? this.#after()
  }

  #after(): string {
    this.#skipSpace()
    return this.#at < this.#text.length ? this.#invalid('after top-level value') : endOfInput
  }

  #value(context: string): string | undefined {
    this.#skipSpace()
    const character = this.#text[this.#at]
    if (character === undefined) return endOfInput
    if (character === '{') return this.#object()
    if (character === '[') return this.#list()
    if (character === '"') return this.#string()
    if (character === 't') return this.#literal('true')
    if (character === 'f') return this.#literal('false')
    if (character === 'n') return this.#literal('null')
    if (character === '-' || (character >= '0' && character <= '9')) return this.#number()
    return this.#invalid(context)
  }

  #object(): string | undefined {
    this.#at++
    this.#skipSpace()
    if (this.#take('}')) return undefined
    for (;;) {
      this.#skipSpace()
      if (this.#at >= this.#text.length) return endOfInput
      if (this.#text[this.#at] !== '"') return this.#invalid('looking for beginning of object key string')
      const key = this.#string()
      if (key !== undefined) return key
      this.#skipSpace()
      if (!this.#take(':')) return this.#invalid('after object key')
      const value = this.#value('looking for beginning of value')
      if (value !== undefined) return value
      this.#skipSpace()
      if (this.#take('}')) return undefined
      if (!this.#take(',')) return this.#invalid('after object key:value pair')
    }
  }

  #list(): string | undefined {
    this.#at++
    this.#skipSpace()
    if (this.#take(']')) return undefined
    for (;;) {
      const value = this.#value('looking for beginning of value')
      if (value !== undefined) return value
      this.#skipSpace()
      if (this.#take(']')) return undefined
      if (!this.#take(',')) return this.#invalid('after array element')
    }
  }

  #string(): string | undefined {
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]!
      if (character === '"') {
        this.#at++
        return undefined
      }
      if (character < ' ') return this.#invalid('in string literal')
      if (character !== '\\') continue
      this.#at++
      const escape = this.#text[this.#at]
      if (escape === undefined) return endOfInput
      if (escape === 'u') {
        for (let digit = 0; digit < 4; digit++) {
          this.#at++
          if (this.#at >= this.#text.length) return endOfInput
          if (!/[0-9a-fA-F]/.test(this.#text[this.#at]!)) return this.#invalid('in \\u hexadecimal character escape')
        }
      } else if (!'"\\/bfnrt'.includes(escape)) return this.#invalid('in string escape code')
    }
    return endOfInput
  }

  #literal(word: string): string | undefined {
    for (let i = 1; i < word.length; i++) {
      this.#at++
      if (this.#at >= this.#text.length) return endOfInput
      if (this.#text[this.#at] !== word[i]) return this.#invalid(`in literal ${word} (expecting '${word[i]}')`)
    }
    this.#at++
    return undefined
  }

  #number(): string | undefined {
    if (this.#take('-') && !this.#isDigit()) return this.#endOr('in numeric literal')
    if (!this.#take('0')) this.#digits()
    if (this.#take('.')) {
      if (!this.#isDigit()) return this.#endOr('after decimal point in numeric literal')
      this.#digits()
    }
    if (this.#take('e') || this.#take('E')) {
      if (!this.#take('+')) this.#take('-')
      if (!this.#isDigit()) return this.#endOr('in exponent of numeric literal')
      this.#digits()
    }
    return undefined
  }

  #digits(): void {
    while (this.#isDigit()) this.#at++
  }

  #isDigit(): boolean {
    const character = this.#text[this.#at]
    return character !== undefined && character >= '0' && character <= '9'
  }

  #endOr(context: string): string {
    return this.#at >= this.#text.length ? endOfInput : this.#invalid(context)
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }

  #invalid(context: string): string {
    if (this.#at >= this.#text.length) return endOfInput
    const character = String.fromCodePoint(this.#text.codePointAt(this.#at)!)
    const shown = character === "'" ? `'\\''` : character === '"' ? `'"'` : `'${quote(character).slice(1, -1)}'`
    return `invalid character ${shown} ${context}`
  }
}
