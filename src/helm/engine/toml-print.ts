import { compareByteOrder } from '../../base/index.ts'
import { formatFloat, FunctionError, GoInt, GoObject, typeName, type GoMap, type Value } from '../../template/index.ts'

/**
 * TOML as BurntSushi's encoder v1.6 prints it: keys in byte order, values before tables, tables indented by two spaces, floats with a
 * decimal point. Nulls are left out.
 *
 * @throws FunctionError with the encoder's message.
 */
export function printToml(value: Value): string {
  if (value === null || value === undefined) throw new FunctionError('toml: cannot encode a nil value')
  const printer = new TomlPrinter()
  if (value instanceof Map) printer.table([], value)
  else if (isTableList(value)) throw new FunctionError('toml: top-level values must be Go maps or structs')
  else printer.write(element(value))
  return printer.text()
}

class TomlPrinter {
  readonly #parts: string[] = []

  text(): string {
    return this.#parts.join('')
  }

  write(text: string): void {
    this.#parts.push(text)
  }

  table(path: readonly string[], map: GoMap): void {
    for (const [key, value] of ordered(map)) this.#entry([...path, key], value)
  }

  #entry(path: readonly string[], value: Value): void {
    const indent = '  '.repeat(path.length - 1)
    if (value instanceof Map) {
      if (path.length === 1) this.#blankLine()
      this.write(`${indent}[${path.map(keyText).join('.')}]\n`)
      this.table(path, value)
    } else if (isTableList(value)) {
      for (const item of value) {
        this.#blankLine()
        this.write(`${indent}[[${path.map(keyText).join('.')}]]\n`)
        this.table(path, item)
      }
    } else this.write(`${indent}${keyText(path.at(-1) ?? '')} = ${element(value)}\n`)
  }

  #blankLine(): void {
    if (this.#parts.length > 0) this.write('\n')
  }
}

/** Entries that are not null, plain values before tables. */
function ordered(map: GoMap): [string, Value][] {
  const entries = [...map].sort(([a], [b]) => compareByteOrder(a, b)).filter(([, value]) => value !== null)
  const isTable = ([, value]: [string, Value]): boolean => value instanceof Map || isTableList(value)
  return [...entries.filter((entry) => !isTable(entry)), ...entries.filter(isTable)]
}

function isTableList(value: Value): value is GoMap[] {
  if (!Array.isArray(value) || value.length === 0) return false
  if (value.some((item) => item === null || item === undefined)) {
    throw new FunctionError('toml: cannot encode array with nil element')
  }
  return value.every((item) => item instanceof Map)
}

function element(value: Value): string {
  switch (typeof value) {
    case 'string':
      return quoted(value)
    case 'boolean':
      return String(value)
    case 'number':
      return floatText(value)
    default:
  }
  if (value instanceof GoInt)
    return value.defined?.toText === undefined ? String(value) : quoted(value.defined.toText(value))
  if (Array.isArray(value)) {
    if (value.some((item) => item === null || item === undefined)) {
      throw new FunctionError('toml: cannot encode array with nil element')
    }
    return `[${value.map(element).join(', ')}]`
  }
  if (value instanceof Map) return inlineTable(value)
  if (value instanceof Uint8Array) return `[${[...value].join(', ')}]`
  if (value instanceof GoObject) {
    const text = value.toJson()
    if (typeof text === 'string') return text
  }
  throw new FunctionError(`unexpected type: ${typeName(value)}`)
}

function inlineTable(map: GoMap): string {
  const entries = ordered(map).map(([key, value]) => `${keyText(key)} = ${element(value)}`)
  return `{${entries.join(', ')}}`
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const text = formatFloat(value, 'g', -1)
  return /[e.]/.test(text) ? text : `${text}.0`
}

function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key)
}

const shortEscapes: { readonly [character: string]: string } = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
}

// oxlint-disable-next-line no-control-regex -- control characters are what is escaped
const escapedCharacter = /["\\\u0000-\u001f\u007f]/g

function quoted(text: string): string {
  const escaped = text.replace(
    escapedCharacter,
    (character) => shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `"${escaped}"`
}
