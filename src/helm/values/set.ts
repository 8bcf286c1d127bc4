import { GoInt, goInt, parseInteger, toCharacters, toPlain, type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'
import { decodeJsonPrefix } from './json-prefix.ts'
import type { Values } from './values.ts'

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
  new SetParser<Value, GoMap>(line, options, GO_TABLES).parse(into)
}

/** As {@link applySet}, on plain data: tables inside `into` are changed where they stand. Whole numbers become bigints, Go's int64. */
export function applySetToPlain(line: string, into: Values, options: SetOptions): void {
  new SetParser<unknown, Values>(line, options, PLAIN_TABLES).parse(into)
}

/** How the parser sees tables: the same grammar writes into template values and into plain data. */
interface Tables<V, T extends V> {
  readonly isTable: (value: V | undefined) => value is T
  readonly create: () => T
  readonly has: (table: T, key: string) => boolean
  readonly get: (table: T, key: string) => V | undefined
  readonly set: (table: T, key: string, value: V) => void
  readonly isEmpty: (table: T) => boolean
  readonly fromValue: (value: Value) => V
}

const GO_TABLES: Tables<Value, GoMap> = Object.freeze({
  isTable: (value: Value): value is GoMap => value instanceof Map,
  create: () => new Map<string, Value>(),
  has: (table: GoMap, key: string) => table.has(key),
  get: (table: GoMap, key: string) => table.get(key),
  set: (table: GoMap, key: string, value: Value) => void table.set(key, value),
  isEmpty: (table: GoMap) => table.size === 0,
  fromValue: (value: Value) => value,
})

const PLAIN_TABLES: Tables<unknown, Values> = Object.freeze({
  isTable: (value: unknown): value is Values => typeof value === 'object' && value !== null && !Array.isArray(value),
  create: () => ({}),
  has: (table: Values, key: string) => Object.hasOwn(table, key),
  get: (table: Values, key: string) => (Object.hasOwn(table, key) ? table[key] : undefined),
  set: (table: Values, key: string, value: unknown) =>
    void Object.defineProperty(table, key, { value, enumerable: true, configurable: true, writable: true }),
  isEmpty: (table: Values) => Object.keys(table).length === 0,
  fromValue: (value: Value) => (value instanceof GoInt ? value.toBigInt() : toPlain(value)),
})

class SetParser<V, T extends V> {
  readonly #characters: readonly string[]
  readonly #options: SetOptions
  readonly #isLiteral: boolean
  readonly #tables: Tables<V, T>
  #at = 0

  constructor(line: string, options: SetOptions, tables: Tables<V, T>) {
    this.#tables = tables
    this.#characters = toCharacters(line)
    this.#options = options
    this.#isLiteral = options.kind === 'literal'
  }

  parse(into: T): void {
    for (;;) if (this.#key(into, 0) === 'end') return
  }

  /** One `key=value`, with whatever is nested in the key. Says `end` when the text ended in a way that is no error. */
  #key(data: T, nesting: number): 'more' | 'end' {
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
        this.#set(data, text, this.#tables.fromValue(''))
        throw syntax(`key ${JSON.stringify(text)} has no value (cannot end with ,)`)
      default:
        return this.#nestedKey(data, text, nesting + 1)
    }
  }

  #listKey(data: T, key: string, nesting: number): 'more' | 'end' {
    const index = this.#index()
    if (index === undefined) return 'end'
    const known = this.#tables.get(data, key)
    if (this.#tables.has(data, key) && !Array.isArray(known)) throw syntax(`unable to parse key: ${key} is not a list`)
    const step = this.#item(Array.isArray(known) ? (known as V[]) : [], index, nesting)
    this.#set(data, key, step.list as V)
    return step.next
  }

  #nestedKey(data: T, key: string, nesting: number): 'more' | 'end' {
    if (nesting > maxNesting) {
      throw syntax(`value name nested level is greater than maximum supported nested level of ${maxNesting}`)
    }
    const known = this.#tables.get(data, key)
    if (this.#tables.has(data, key) && !this.#tables.isTable(known))
      throw syntax(`unable to parse key: ${key} is not a table`)
    const inner = this.#tables.isTable(known) ? known : this.#tables.create()
    try {
      const next = this.#key(inner, nesting)
      if (next === 'more' && this.#tables.isEmpty(inner)) throw syntax(`key map ${JSON.stringify(key)} has no value`)
      return next
    } finally {
      if (!this.#tables.isEmpty(inner)) this.#set(data, key, inner)
    }
  }

  #assign(data: T, key: string): 'more' | 'end' {
    if (this.#options.kind === 'json') {
      this.#set(data, key, this.#jsonValue())
      return 'more'
    }
    const read = this.#value()
    this.#set(data, key, read.value)
    return read.next
  }

  /** What stands after `[index]`: a value, a further index, or a nested key. */
  #item(list: readonly V[], index: number, nesting: number): { list: V[]; next: 'more' | 'end' } {
    if (index < 0) throw syntax(`negative ${index} index not allowed`)
    const { text, stop } = this.#until('[.=')
    if (text !== '') throw syntax(`unexpected data at end of array index: ${JSON.stringify(text)}`)
    if (stop === undefined) return { list: [...list], next: 'end' }
    if (stop === '=') {
      if (this.#options.kind === 'json') return { list: this.#setIndex(list, index, this.#jsonValue()), next: 'more' }
      const read = this.#value()
      // Helm forgets that the text ended here, and finds out at the next key.
      return { list: this.#setIndex(list, index, read.value), next: 'more' }
    }
    if (stop === '[') {
      const nextIndex = this.#index()
      if (nextIndex === undefined) return { list: [...list], next: 'end' }
      const known = list[index]
      if (known !== undefined && known !== null && !Array.isArray(known))
        throw syntax('unable to parse key: not a list')
      const inner = this.#item(Array.isArray(known) ? (known as V[]) : [], nextIndex, nesting)
      return { list: this.#setIndex(list, index, inner.list as V), next: inner.next }
    }
    const known = list[index]
    const inner = this.#tables.isTable(known) ? known : this.#tables.create()
    const next = this.#key(inner, nesting)
    if (next === 'end') return { list: index < list.length ? this.#setIndex(list, index, inner) : [...list], next }
    return { list: this.#setIndex(list, index, inner), next }
  }

  /** The number up to `]`; undefined where the text ends before it, which Helm takes for the end of the line, and no error. */
  #index(): number | undefined {
    const { text, stop } = this.#until(']')
    if (stop === undefined) return undefined
    if (!/^[+-]?\d+$/.test(text))
      throw syntax(`error parsing index: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
    return Number(text)
  }

  #value(): { value: V; next: 'more' | 'end' } {
    if (this.#isLiteral) {
      const rest = this.#characters.slice(this.#at).join('')
      this.#at = this.#characters.length
      return { value: this.#tables.fromValue(rest), next: 'more' }
    }
    if (this.#at >= this.#characters.length) return { value: this.#tables.fromValue(''), next: 'end' }
    if (this.#characters[this.#at] === '{') return { value: this.#list() as V, next: 'more' }
    return { value: this.#read(this.#until(',').text), next: 'more' }
  }

  #list(): V[] {
    this.#at++
    const list: V[] = []
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

  #read(text: string): V {
    if (this.#options.kind === 'file') {
      if (this.#options.readFile === undefined) throw syntax('files cannot be read here')
      return this.#tables.fromValue(this.#options.readFile(text))
    }
    return this.#tables.fromValue(this.#options.kind === 'string' ? text : typedValue(text))
  }

  #jsonValue(): V {
    if (this.#skipBlank()) return this.#tables.fromValue(null)
    const rest = this.#characters.slice(this.#at).join('')
    const decoded = decodeJsonPrefix(rest)
    if (decoded === undefined) throw syntax('invalid JSON value')
    this.#at += toCharacters(rest.slice(0, decoded.length)).length
    this.#skipBlank()
    return this.#tables.fromValue(decoded.value)
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

  #set(data: T, key: string, value: V): void {
    if (key !== '') this.#tables.set(data, key, value)
  }

  #setIndex(list: readonly V[], index: number, value: V): V[] {
    if (index > maxIndex) throw syntax(`index of ${index} is greater than maximum supported index of ${maxIndex}`)
    const copy = [...list]
    while (copy.length <= index) copy.push(this.#tables.fromValue(null))
    copy[index] = value
    return copy
  }
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
      return text === '' || text.startsWith('0') ? text : wholeNumber(text)
  }
}

function wholeNumber(text: string): Value {
  const parsed = parseInteger(text, 10)
  return typeof parsed === 'bigint' ? goInt(parsed, 'int64') : text
}

function syntax(problem: string): Error {
  return helmError('set-syntax', problem)
}
