import {
  FunctionError,
  goInt,
  parseFloat64,
  parseInteger,
  parseUnsigned,
  typedList,
  type CollectionType,
  type GoMap,
  type Value,
} from '../../template/index.ts'

/** Deepest nesting of arrays and inline tables. */
const maxDepth = 200

const TABLES: CollectionType = Object.freeze({
  name: '[]map[string]interface {}',
  elem: 'map[string]interface {}',
  zero: null,
})

/**
 * Reads TOML 1.0 as fromToml does: integers are int64, lists of tables typed lists. Dates and times stay text.
 *
 * @throws FunctionError with the line and what is wrong.
 */
export function parseToml(text: string): GoMap {
  return new TomlParser(text.replaceAll('\r\n', '\n')).parse()
}

class TomlParser {
  readonly #text: string
  readonly #root: GoMap = new Map()
  /** Tables that a header defined: a second header for one is an error. */
  readonly #defined = new Set<GoMap>()
  /** Tables and lists that were written inline: nothing may be added to them. */
  readonly #closed = new Set<object>()
  /** Lists that came from `[[headers]]`, as they grow. */
  readonly #lists = new Map<Value[], true>()
  #at = 0
  #lastKey: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  parse(): GoMap {
    let table = this.#root
    for (;;) {
      this.#skipBlank(true)
      if (this.#at >= this.#text.length) break
      if (this.#text[this.#at] === '[') table = this.#header()
      else this.#keyValue(table)
      this.#endOfLine()
    }
    finish(this.#root, this.#lists)
    return this.#root
  }

  #header(): GoMap {
    const isList = this.#text.startsWith('[[', this.#at)
    this.#at += isList ? 2 : 1
    const path = this.#key()
    this.#expect(isList ? ']]' : ']')
    const last = path.pop() ?? ''
    const parent = this.#descend(this.#root, path, true)
    return isList ? this.#newListItem(parent, last) : this.#newTable(parent, last)
  }

  #newListItem(parent: GoMap, key: string): GoMap {
    const known = parent.get(key)
    const item: GoMap = new Map()
    if (known === undefined) {
      const list: Value[] = [item]
      this.#lists.set(list, true)
      parent.set(key, list)
    } else if (Array.isArray(known) && this.#lists.has(known)) known.push(item)
    else throw this.#error(`Key '${key}' was already created and cannot be used as an array`)
    return item
  }

  #newTable(parent: GoMap, key: string): GoMap {
    const known = parent.get(key)
    if (known === undefined) {
      const table: GoMap = new Map()
      parent.set(key, table)
      this.#defined.add(table)
      return table
    }
    if (!(known instanceof Map) || this.#defined.has(known) || this.#closed.has(known)) {
      throw this.#error(`Key '${key}' has already been defined`)
    }
    this.#defined.add(known)
    return known
  }

  /** Follows a dotted path, making tables on the way. Headers go into the last item of a list. */
  #descend(from: GoMap, path: readonly string[], isHeader: boolean): GoMap {
    let at = from
    for (const key of path) {
      let next = at.get(key)
      if (next === undefined) {
        next = new Map<string, Value>()
        at.set(key, next)
      }
      if (isHeader && Array.isArray(next) && this.#lists.has(next)) next = next.at(-1)
      if (!(next instanceof Map) || this.#closed.has(next)) throw this.#error(`Key '${key}' has already been defined`)
      if (!isHeader && this.#defined.has(next)) throw this.#error(`Key '${key}' has already been defined`)
      at = next
    }
    return at
  }

  #keyValue(table: GoMap, depth = 0): void {
    const path = this.#key()
    this.#expect('=')
    this.#skipBlank(false)
    this.#lastKey = path.join('.')
    const last = path.pop() ?? ''
    const target = this.#descend(table, path, false)
    if (target.has(last)) throw this.#error(`Key '${last}' has already been defined`)
    target.set(last, this.#value(depth))
  }

  #key(): string[] {
    const path: string[] = []
    for (;;) {
      this.#skipBlank(false)
      const character = this.#text[this.#at]
      if (character === '"') path.push(this.#basicString())
      else if (character === "'") path.push(this.#literalString())
      else {
        const bare = /[A-Za-z0-9_-]+/y
        bare.lastIndex = this.#at
        const match = bare.exec(this.#text)
        if (match === null && (character === '=' || character === undefined))
          throw this.#error("unexpected '=': key name appears blank")
        if (match === null && character === '.') throw this.#error("unexpected '.': keys cannot start with a '.'")
        if (match === null) throw this.#error(`expected a key, got ${this.#shown()}`)
        this.#at += match[0].length
        path.push(match[0])
      }
      this.#skipBlank(false)
      if (this.#text[this.#at] !== '.') return path
      this.#at++
    }
  }

  #value(depth: number): Value {
    if (depth > maxDepth) throw this.#error('values are nested too deeply')
    const character = this.#text[this.#at]
    if (character === '"') return this.#text.startsWith('"""', this.#at) ? this.#longString('"""') : this.#basicString()
    if (character === "'")
      return this.#text.startsWith("'''", this.#at) ? this.#longString("'''") : this.#literalString()
    if (character === '[') return this.#array(depth)
    if (character === '{') return this.#inlineTable(depth)
    return this.#scalar()
  }

  #array(depth: number): Value {
    const list: Value[] = []
    this.#closed.add(list)
    this.#at++
    for (;;) {
      this.#skipBlank(true)
      if (this.#text[this.#at] === ']') break
      list.push(this.#value(depth + 1))
      this.#skipBlank(true)
      if (this.#text[this.#at] === ',') this.#at++
      else if (this.#text[this.#at] !== ']')
        throw this.#error(`expected a comma or array terminator ']', but got ${this.#shown()}`)
    }
    this.#at++
    return list
  }

  #inlineTable(depth: number): Value {
    const table: GoMap = new Map()
    this.#at++
    for (;;) {
      this.#skipBlank(true)
      if (this.#text[this.#at] === '}') break
      this.#keyValue(table, depth + 1)
      this.#skipBlank(true)
      if (this.#text[this.#at] === ',') this.#at++
      else if (this.#text[this.#at] !== '}') {
        throw this.#error(`expected a comma or an inline table terminator '}', but got ${this.#shown()}`)
      }
    }
    this.#at++
    closeAll(table, this.#closed)
    return table
  }

  #scalar(): Value {
    const token = /[^\s,\]}#]+(?: \d\d:[\d:.]+(?:[Zz]|[+-]\d\d:\d\d)?)?/y
    token.lastIndex = this.#at
    const text = token.exec(this.#text)?.[0] ?? ''
    this.#at += text.length
    if (text === 'true' || text === 'false') return text === 'true'
    if (
      /^(?:\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d(?::\d\d(?:\.\d+)?)?)$/.test(
        text,
      )
    )
      return text
    return this.#number(text)
  }

  #number(text: string): Value {
    if (/^[+-]?(?:inf|nan)$/.test(text)) return text.endsWith('nan') ? NaN : text.startsWith('-') ? -Infinity : Infinity
    const plain = text.replace(/(?<=[0-9a-fA-F])_(?=[0-9a-fA-F])/g, '')
    const based = /^0(?:x[0-9a-fA-F]+|o[0-7]+|b[01]+)$/.test(plain) ? parseUnsigned(plain, 0) : undefined
    const whole = /^[+-]?(?:0|[1-9]\d*)$/.test(plain) ? parseInteger(plain, 10) : undefined
    const integer = based ?? whole
    if (typeof integer === 'bigint') return goInt(integer, 'int64')
    if (integer !== undefined) throw this.#error(`${text} is out of range for int64`)
    if (/^[+-]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(plain)) {
      const float = parseFloat64(plain)
      if (typeof float === 'number') return float
    }
    if (text === '' && this.#at >= this.#text.length) throw this.#error('unexpected EOF; expected value')
    throw this.#error(
      /^[0-9+-]/.test(text)
        ? `expected value but found "${text}" instead`
        : `expected value but found ${shownCharacter(text[0] ?? this.#text[this.#at])} instead`,
    )
  }

  #literalString(): string {
    const end = this.#text.indexOf("'", this.#at + 1)
    const text = this.#text.slice(this.#at + 1, end)
    if (end < 0 || text.includes('\n')) throw this.#error('strings cannot contain newlines')
    this.#at = end + 1
    return text
  }

  #basicString(): string {
    const start = ++this.#at
    for (; this.#text[this.#at] !== '"'; this.#at++) {
      if (this.#at >= this.#text.length || this.#text[this.#at] === '\n')
        throw this.#error('strings cannot contain newlines')
      if (this.#text[this.#at] === '\\') this.#at++
    }
    return this.#unescape(this.#text.slice(start, this.#at++))
  }

  #longString(quotes: '"""' | "'''"): string {
    let start = this.#at + 3
    if (this.#text[start] === '\n') start++
    let end = start
    while (!this.#text.startsWith(quotes, end)) {
      if (end >= this.#text.length) throw this.#error('unexpected EOF; expected a closing quote')
      end += quotes === '"""' && this.#text[end] === '\\' ? 2 : 1
    }
    // Up to two quotes may stand right before the closing ones.
    for (let extra = 0; extra < 2 && this.#text[end + 3] === quotes[0]; extra++) end++
    const text = this.#text.slice(start, end)
    this.#at = end + 3
    return quotes === "'''" ? text : this.#unescape(text.replace(/(?<!\\)((?:\\\\)*)\\[ \t]*\n\s*/g, '$1'))
  }

  #unescape(text: string): string {
    if (!text.includes('\\')) return text
    return text.replace(
      /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))/gsu,
      (whole, u?: string, long?: string, x?: string, short?: string) => {
        const digits = u ?? long ?? x
        if (digits !== undefined) {
          const rune = Number.parseInt(digits, 16)
          if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
            throw this.#error(`escape sequence '${whole}' is not a valid Unicode code point`)
          return String.fromCodePoint(rune)
        }
        const plain = simpleEscapes[short ?? '']
        if (plain === undefined) throw this.#error(`invalid escape character '${short ?? ''}'`)
        return plain
      },
    )
  }

  #expect(token: string): void {
    this.#skipBlank(false)
    if (!this.#text.startsWith(token, this.#at)) throw this.#error(`expected '${token}', got ${this.#shown()}`)
    this.#at += token.length
  }

  #endOfLine(): void {
    this.#skipBlank(false)
    const character = this.#text[this.#at]
    if (character !== undefined && character !== '\n') {
      throw this.#error(
        `expected a top-level item to end with a newline, comment, or EOF, but got ${this.#shown()} instead`,
      )
    }
  }

  #skipBlank(lines: boolean): void {
    for (;;) {
      const character = this.#text[this.#at]
      if (character === ' ' || character === '\t' || (lines && character === '\n')) this.#at++
      else if (character === '#') {
        const end = this.#text.indexOf('\n', this.#at)
        this.#at = end < 0 ? this.#text.length : end
      } else return
    }
  }

  #shown(): string {
    return shownCharacter(this.#text[this.#at])
  }

  #error(problem: string): FunctionError {
    const line = this.#text.slice(0, this.#at).split('\n').length
    return new FunctionError(
      `toml: line ${line}${this.#lastKey === undefined ? '' : ` (last key "${this.#lastKey}")`}: ${problem}`,
    )
  }
}

const simpleEscapes: { readonly [character: string]: string } = Object.freeze({
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  e: '\u001b',
  '"': '"',
  '\\': '\\',
})

function shownCharacter(character: string | undefined): string {
  return character === undefined ? 'end of file' : `'${character === '\n' ? '\\n' : character}'`
}

function closeAll(table: GoMap, closed: Set<object>): void {
  closed.add(table)
  for (const value of table.values()) if (value instanceof Map) closeAll(value, closed)
}

/** Gives lists of tables the type that Go has for them. */
function finish(table: GoMap, lists: ReadonlyMap<Value[], true>): void {
  for (const [key, value] of table) {
    if (value instanceof Map) finish(value, lists)
    else if (Array.isArray(value) && lists.has(value)) {
      for (const item of value) if (item instanceof Map) finish(item, lists)
      table.set(key, typedList(TABLES, value))
    }
  }
}
