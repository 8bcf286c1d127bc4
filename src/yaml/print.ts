import { EngineError, compareByteOrder } from '../base/index.ts'
import type { YamlDialect } from './dialect.ts'
import { compareKeys } from './key-order.ts'
import { formatYamlNumber } from './numbers.ts'
import { isSimpleKey, printString } from './scalar-text.ts'

/** A value that says itself how it is written: numbers of other kinds than JavaScript has. */
export interface YamlScalarSource {
  toYamlScalar(): { readonly kind: 'int' | 'float' | 'string' | 'bool' | 'null'; readonly text: string }
}

export interface PrintOptions {
  /** Both tools print through sigs.k8s.io/yaml; the name says for whom. */
  readonly dialect: YamlDialect
  /** Indents the items of a list below their key, as Helm's toYamlPretty does. */
  readonly indentLists?: boolean
  /** Order of keys: go-yaml's own (default), or by bytes. */
  readonly sort?: 'natural' | 'bytes'
}

/**
 * The YAML of a value as `yaml.Marshal` of sigs.k8s.io/yaml 1.6 prints it: by way of JSON, so keys are sorted and comments gone. `undefined`
 * in a mapping is left out, as a JSON encoder does.
 *
 * @throws EngineError `yaml-unprintable` for what has no JSON form: infinities, NaN, functions, and for characters that YAML cannot carry.
 */
export function printYaml(value: unknown, options: PrintOptions): string {
  const printer = new Printer(options)
  printer.node(value, { indent: -2, sequenceIndent: 0, after: 'start' })
  return `${printer.text}\n`
}

interface Place {
  /** Column of the mapping or sequence that holds the node. */
  readonly indent: number
  /** Column at which a sequence here puts its dashes. */
  readonly sequenceIndent: number
  /** What was written last: nothing, `key:`, or `- `. */
  readonly after: 'start' | 'key' | 'dash'
}

/** Characters that go-yaml refuses to read back from the JSON that everything goes through. */
const notAscii = /[^\n -~]/
const refused = /[\x7f-\x84\x86-\x9f\ufffe\uffff]/

class Printer {
  /** What was printed. */
  text = ''
  readonly #compare: (a: string, b: string) => number
  /** How far a list in a mapping stands right of its key. */
  readonly #listIndent: number
  #column = 0

  constructor(options: PrintOptions) {
    this.#compare = options.sort === 'bytes' ? compareByteOrder : compareKeys
    this.#listIndent = options.indentLists === true ? 2 : 0
  }

  /** Appends text of one line. */
  #write(text: string): void {
    this.text += text
    this.#column += text.length
  }

  #line(indent: number): void {
    if (this.text === '') return
    this.text += `\n${' '.repeat(indent)}`
    this.#column = indent
  }

  node(value: unknown, place: Place): void {
    const keys = keysOf(value)
    if (keys !== undefined) {
      if (keys.length === 0) this.#inline('{}', place)
      else this.#mapping(keys, value as Mapping, place)
    } else if (Array.isArray(value)) {
      if (value.length === 0) this.#inline('[]', place)
      else this.#sequence(value, place)
    } else this.#scalar(value, place)
  }

  #inline(text: string, place: Place): void {
    this.#write(place.after === 'key' ? ` ${text}` : text)
  }

  #mapping(keys: string[], map: Mapping, place: Place): void {
    const indent = place.after === 'dash' ? place.sequenceIndent + 2 : place.indent + 2
    let isFirst = true
    for (const key of keys.sort(this.#compare)) {
      const value = valueAt(map, key)
      if (!(isFirst && place.after === 'dash')) this.#line(indent)
      isFirst = false
      const name = clean(key)
      if (isSimpleKey(name)) {
        this.#write(`${printString(name, { column: this.#column, indent: indent + 2, isKey: true })}:`)
        this.node(value, { indent, sequenceIndent: indent + this.#listIndent, after: 'key' })
      } else {
        this.#write('? ')
        this.#write(printString(name, { column: this.#column, indent: indent + 2, isKey: false }))
        this.#line(indent)
        this.#write(': ')
        this.node(value, { indent, sequenceIndent: indent, after: 'dash' })
      }
    }
  }

  #sequence(items: readonly unknown[], place: Place): void {
    const indent = place.after === 'dash' ? place.sequenceIndent + 2 : place.sequenceIndent
    let isFirst = true
    for (const item of items) {
      if (!(isFirst && place.after === 'dash')) this.#line(indent)
      isFirst = false
      this.#write('- ')
      this.node(item, { indent, sequenceIndent: indent, after: 'dash' })
    }
  }

  #scalar(value: unknown, place: Place): void {
    if (place.after === 'key') this.#write(' ')
    const indent = place.after === 'dash' ? place.sequenceIndent + 2 : place.after === 'key' ? place.indent + 2 : 2
    this.#write(this.#text(value, indent))
  }

  #text(value: unknown, indent: number): string {
    switch (typeof value) {
      case 'string':
        return printString(clean(value), { column: this.#column, indent, isKey: false })
      case 'number':
        if (!Number.isFinite(value)) throw unprintable(`a number that JSON has no form for (${value})`)
        return formatYamlNumber(value)
      case 'boolean':
      case 'bigint':
        return String(value)
      case 'undefined':
        return 'null'
      case 'object': {
        if (value === null) return 'null'
        if (isScalarSource(value)) {
          const { kind, text } = value.toYamlScalar()
          return kind === 'string' ? printString(clean(text), { column: this.#column, indent, isKey: false }) : text
        }
        throw unprintable('an object of an unknown class')
      }
      default:
        throw unprintable(`a ${typeof value}`)
    }
  }
}

type Mapping = { readonly [key: string]: unknown } | ReadonlyMap<string, unknown>

function valueAt(map: Mapping, key: string): unknown {
  return map instanceof Map ? map.get(key) : (map as { readonly [key: string]: unknown })[key]
}

/** The keys of a mapping that are printed; undefined for anything else. */
function keysOf(value: unknown): string[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isScalarSource(value)) return undefined
  if (value instanceof Map) return [...value.keys()] as string[]
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return undefined
  return Object.keys(value).filter((key) => (value as { [key: string]: unknown })[key] !== undefined)
}

function isScalarSource(value: object): value is YamlScalarSource {
  return 'toYamlScalar' in value && typeof value.toYamlScalar === 'function'
}

/** Bytes that are not UTF-8 (lone surrogates here) become U+FFFD on their way through JSON. */
function clean(text: string): string {
  if (!notAscii.test(text)) return text
  if (refused.test(text)) throw unprintable('a control character (U+007F to U+009F)')
  return text.toWellFormed()
}

function unprintable(what: string): EngineError {
  return new EngineError(`cannot print ${what} as YAML`, { code: 'yaml-unprintable' })
}
