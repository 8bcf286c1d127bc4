import { goInt, parseInt64, type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'
import { decodeJsonPrefix } from './json-prefix.ts'

/** How the values of a set line are read: `--set`, `--set-string`, `--set-literal`, `--set-json`, `--set-file`. */
export type SetKind = 'typed' | 'string' | 'literal' | 'json' | 'file'

/** How a set line is parsed. */
export interface SetOptions {
  readonly kind: SetKind
  /** For `file`: the content of the file that the value names. */
  readonly readFile?: (path: string) => string
}

/** Largest list index (Helm strvals.MaxIndex). */
const maxIndex = 65536

/** Deepest nesting of names (Helm strvals.MaxNestedNameLevel). */
const maxNesting = 30

/**
 * Parses a set line, `a.b[0]=x,c={1,2}`, and writes what it says into `into`, which is changed (Helm v4 pkg/strvals; the whole grammar, its
 * oddities included: text after a list's closing brace belongs to the next key).
 *
 * @throws EngineError `set-syntax` with Helm's message. What was set before the error stays set.
 */
export function applySet(line: string, into: GoMap, options: SetOptions): void {
  new SetParser(line, options).parse(into)
}

/** Thrown inside the parser where the text ends; at the top it means that all is done. */
class EndOfText extends Error {}

class SetParser {
  readonly #characters: readonly string[]
  readonly #options: SetOptions
  readonly #isLiteral: boolean
  #at = 0

  constructor(line: string, options: SetOptions) {
    this.#characters = [...line]
    this.#options = options
    this.#isLiteral = options.kind === 'literal'
  }

  parse(into: GoMap): void {
    for (;;) if (this.#key(into, 0) === 'end') return
  }

  /** One `key=value`, with whatever is nested in the key. Says `end` when the text ended in a way that is no error. */
  #key(data: GoMap, nesting: number): 'more' | 'end' {
    const { text, stop } = this.#until(this.#isLiteral ? '=[.' : '=[,.')
    switch (stop) {
      case undefined:
        if (text === '') return 'end'
        throw syntax(`key ${JSON.stringify(text)} has no value`)
      case '[':
        return this.#listKey(data, text, nesting)
      case '=':
        return this.#assign(data, text)
      case ',':
        set(data, text, '')
        throw syntax(`key ${JSON.stringify(text)} has no value (cannot end with ,)`)
      default:
        return this.#nestedKey(data, text, nesting + 1)
    }
  }

  #listKey(data: GoMap, key: string, nesting: number): 'more' | 'end' {
    const index = this.#index()
    const known = data.get(key)
    if (data.has(key) && !Array.isArray(known)) throw syntax(`unable to parse key: ${key} is not a list`)
    const step = this.#item(Array.isArray(known) ? known : [], index, nesting)
    set(data, key, step.list)
    return step.next
  }

  #nestedKey(data: GoMap, key: string, nesting: number): 'more' | 'end' {
    if (nesting > maxNesting) {
      throw syntax(`value name nested level is greater than maximum supported nested level of ${maxNesting}`)
    }
    const known = data.get(key)
    if (data.has(key) && !(known instanceof Map)) throw syntax(`unable to parse key: ${key} is not a table`)
    const inner: GoMap = known instanceof Map ? known : new Map()
    try {
      const next = this.#key(inner, nesting)
      if (next === 'more' && inner.size === 0) throw syntax(`key map ${JSON.stringify(key)} has no value`)
      return next
    } finally {
      if (inner.size > 0) set(data, key, inner)
    }
  }

  #assign(data: GoMap, key: string): 'more' | 'end' {
    if (this.#options.kind === 'json') {
      set(data, key, this.#jsonValue())
      return 'more'
    }
    const read = this.#value()
    set(data, key, read.value)
    return read.next
  }

  /** What stands after `[index]`: a value, a further index, or a nested key. */
  #item(list: readonly Value[], index: number, nesting: number): { list: Value[]; next: 'more' | 'end' } {
    if (index < 0) throw syntax(`negative ${index} index not allowed`)
    const { text, stop } = this.#until('[.=')
    if (text !== '') throw syntax(`unexpected data at end of array index: ${JSON.stringify(text)}`)
    if (stop === undefined) return { list: [...list], next: 'end' }
    if (stop === '=') {
      if (this.#options.kind === 'json') return { list: setIndex(list, index, this.#jsonValue()), next: 'more' }
      const read = this.#value()
      // Helm forgets that the text ended here, and finds out at the next key.
      return { list: setIndex(list, index, read.value), next: 'more' }
    }
    if (stop === '[') {
      const nextIndex = this.#index()
      const known = list[index]
      if (known !== undefined && known !== null && !Array.isArray(known)) throw syntax('unable to parse key: not a list')
      const inner = this.#item(Array.isArray(known) ? known : [], nextIndex, nesting)
      return { list: setIndex(list, index, inner.list), next: inner.next }
    }
    const known = list[index]
    const inner: GoMap = known instanceof Map ? known : new Map()
    const next = this.#key(inner, nesting)
    if (next === 'end') return { list: index < list.length ? setIndex(list, index, inner) : [...list], next }
    return { list: setIndex(list, index, inner), next }
  }

  #index(): number {
    const { text, stop } = this.#until(']')
    if (stop === undefined) throw syntax('error parsing index: EOF')
    if (!/^[+-]?\d+$/.test(text)) throw syntax(`error parsing index: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
    return Number(text)
  }

  #value(): { value: Value; next: 'more' | 'end' } {
    if (this.#isLiteral) {
      const rest = this.#characters.slice(this.#at).join('')
      this.#at = this.#characters.length
      return { value: rest, next: 'more' }
    }
    if (this.#at >= this.#characters.length) return { value: '', next: 'end' }
    if (this.#characters[this.#at] === '{') return { value: this.#list(), next: 'more' }
    return { value: this.#read(this.#until(',').text), next: 'more' }
  }

  #list(): Value[] {
    this.#at++
    const list: Value[] = []
    for (;;) {
      const { text, stop } = this.#until(',}')
      if (stop === undefined) throw syntax("list must terminate with '}'")
      list.push(this.#read(text))
      if (stop === '}') {
        if (this.#characters[this.#at] === ',') this.#at++
        return list
      }
    }
  }

  #read(text: string): Value {
    if (this.#options.kind === 'file') {
      if (this.#options.readFile === undefined) throw syntax('files cannot be read here')
      return this.#options.readFile(text)
    }
    return this.#options.kind === 'string' ? text : typedValue(text)
  }

  #jsonValue(): Value {
    if (this.#skipBlank()) return null
    const rest = this.#characters.slice(this.#at).join('')
    const decoded = decodeJsonPrefix(rest)
    if (decoded === undefined) throw syntax('invalid JSON value')
    this.#at += [...rest.slice(0, decoded.length)].length
    this.#skipBlank()
    return decoded.value
  }

  /** Skips blanks and one comma. True where a comma or the end came first: an empty value. */
  #skipBlank(): boolean {
    for (;;) {
      const character = this.#characters[this.#at]
      if (character === undefined) return true
      if (character !== ',' && !/\s/.test(character)) return false
      this.#at++
      if (character === ',') return true
    }
  }

  /** The text up to one of `stops`, which is consumed. Backslashes escape, but for literals. */
  #until(stops: string): { text: string; stop: string | undefined } {
    let text = ''
    while (this.#at < this.#characters.length) {
      const character = this.#characters[this.#at++] ?? ''
      if (stops.includes(character)) return { text, stop: character }
      if (character === '\\' && !this.#isLiteral) text += this.#characters[this.#at++] ?? ''
      else text += character
    }
    return { text, stop: undefined }
  }
}

function set(data: GoMap, key: string, value: Value): void {
  if (key !== '') data.set(key, value)
}

function setIndex(list: readonly Value[], index: number, value: Value): Value[] {
  if (index > maxIndex) {
    throw syntax(`index of ${index} is greater than maximum supported index of ${maxIndex}`)
  }
  const copy = [...list]
  while (copy.length <= index) copy.push(null)
  copy[index] = value
  return copy
}

/** `true`, `false` and `null` in any case, whole numbers without a leading zero; everything else is text. */
function typedValue(text: string): Value {
  switch (text.length > 5 ? '' : text.toLowerCase()) {
    case 'true':
      return true
    case 'false':
      return false
    case 'null':
      return null
    case '0':
      return goInt(0, 'int64')
    default:
      return text.startsWith('0') ? text : (parseInt64(text) ?? text)
  }
}

function syntax(problem: string): Error {
  return helmError('set-syntax', problem)
}
