import { secretsError } from '../errors.ts'

/** A key of a section with the comment above it (lines joined by a line break, each with its mark where read). */
export interface IniKey {
  readonly name: string
  readonly value: string
  readonly comment: string
}

export interface IniSection {
  readonly name: string
  readonly comment: string
  readonly keys: readonly IniKey[]
}

const delimiters = /[=:]/

/**
 * Reads an INI file as gopkg.in/ini.v1 does for sops (v1.67, sections of one name stay apart): comments on lines of their own and behind
 * values, values in backticks or three quotes over several lines, a backslash at the end of a line going on with the next.
 *
 * @throws EngineError `sops-bad-file` with the line.
 */
export function parseIni(text: string): readonly IniSection[] {
  return new IniReader(text).read()
}

class IniReader {
  readonly #lines: readonly string[]
  readonly #sections: { name: string; comment: string; keys: { name: string; value: string; comment: string }[] }[]
  #at = 0
  #comment = ''
  #count = 1

  constructor(text: string) {
    this.#lines = text.split(/(?<=\n)/)
    this.#sections = [{ name: 'DEFAULT', comment: '', keys: [] }]
  }

  read(): readonly IniSection[] {
    while (this.#at < this.#lines.length) {
      const line = (this.#lines[this.#at++] ?? '').trimStart()
      if (line === '') continue
      if (line.startsWith('#') || line.startsWith(';')) this.#comment += line
      else if (line.startsWith('[')) this.#section(line)
      else this.#key(line)
    }
    return this.#sections
  }

  #section(line: string): void {
    const close = line.lastIndexOf(']')
    if (close < 0) throw this.#problem('a section is not closed')
    this.#note(line.slice(close + 1))
    this.#sections.push({ name: line.slice(1, close), comment: this.#takeComment(), keys: [] })
    this.#count = 1
  }

  #key(line: string): void {
    const { name, rest } = this.#name(line)
    const value = this.#value(rest)
    const keys = this.#sections.at(-1)?.keys ?? []
    const known = keys.find((key) => key.name === name)
    const comment = this.#takeComment()
    if (known === undefined) keys.push({ name, value, comment })
    else Object.assign(known, { value, comment })
  }

  #name(line: string): { readonly name: string; readonly rest: string } {
    const quote = line.startsWith('"""') && line.length > 6 ? '"""' : /^["`]/.exec(line)?.[0]
    if (quote !== undefined) {
      const end = line.indexOf(quote, quote.length)
      if (end < 0) throw this.#problem('a quoted key is not closed')
      const delimiter = line.slice(end + quote.length).search(delimiters)
      if (delimiter < 0) throw this.#problem('a key has no value')
      return {
        name: line.slice(quote.length, end).trim(),
        rest: line.slice(end + quote.length + delimiter + 1),
      }
    }
    const delimiter = line.search(delimiters)
    if (delimiter < 0) throw this.#problem('a key has no value')
    if (delimiter === 0) throw this.#problem('a value has no key')
    const name = line.slice(0, delimiter).trim()
    return { name: name === '-' ? `#${this.#count++}` : name, rest: line.slice(delimiter + 1) }
  }

  #value(text: string): string {
    const line = text.trimStart()
    if (line === '') return ''
    const quote = line.startsWith('"""') && line.length > 3 ? '"""' : line.startsWith('`') ? '`' : undefined
    if (quote !== undefined) {
      const end = line.indexOf(quote, quote.length) < 0 ? -1 : line.lastIndexOf(quote)
      return end < 0 ? this.#untilQuote(line.slice(quote.length), quote) : line.slice(quote.length, end)
    }
    let value = line.trim()
    if (value.endsWith('\\')) return this.#continued(value.slice(0, -1))
    const comment = value.search(/[#;]/)
    if (comment >= 0) {
      this.#comment += value.slice(comment)
      value = value.slice(0, comment).trim()
    }
    return isQuoted(value, "'") || isQuoted(value, '"') ? value.slice(1, -1) : value
  }

  /** The rest of a value that spans lines, up to its closing quote. */
  #untilQuote(start: string, quote: string): string {
    let value = start
    while (this.#at < this.#lines.length) {
      const next = this.#lines[this.#at++] ?? ''
      const end = next.lastIndexOf(quote)
      if (end < 0) {
        value += next
        continue
      }
      const rest = next.slice(end + quote.length).replace(/[\r\n]+$/, '')
      if (rest.trim().endsWith('\\')) {
        value += next
        continue
      }
      this.#note(next.slice(end))
      return value + next.slice(0, end)
    }
    throw this.#problem('a quoted value is not closed')
  }

  #continued(start: string): string {
    let value = start
    while (this.#at < this.#lines.length) {
      const next = (this.#lines[this.#at++] ?? '').trim()
      if (next === '') break
      value += next
      if (!value.endsWith('\\')) break
      value = value.slice(0, -1)
    }
    return value
  }

  #note(text: string): void {
    const start = text.search(/[#;]/)
    if (start >= 0) this.#comment += text.slice(start)
  }

  #takeComment(): string {
    const comment = this.#comment.trim()
    this.#comment = ''
    return comment
  }

  #problem(what: string) {
    return secretsError('sops-bad-file', `the INI file is damaged at line ${this.#at}: ${what}`)
  }
}

function isQuoted(text: string, quote: string): boolean {
  return text.length >= 2 && text.startsWith(quote) && text.indexOf(quote, 1) === text.length - 1
}

/** Writes an INI file as gopkg.in/ini.v1 does: `=` aligned within a section, a blank line between sections. */
export function printIni(sections: readonly IniSection[]): string {
  let out = ''
  for (const [index, { name, comment, keys }] of sections.entries()) {
    out += printComment(comment)
    const isDefault = index === 0 && name.toUpperCase() === 'DEFAULT'
    if (!isDefault) out += `[${name}]\n`
    else if (keys.length === 0) continue
    const names = keys.map((key) => printName(key.name))
    const width = Math.max(0, ...keys.map((key) => byteLength(key.name) + extraLength(key.name)))
    for (const [at, key] of keys.entries()) {
      const shown = names[at] ?? ''
      out += `${printComment(key.comment)}${shown}${' '.repeat(Math.max(0, width - byteLength(shown)))} = ${printValue(key.value)}\n`
    }
    if (index < sections.length - 1) out += '\n'
  }
  return out
}

function printComment(comment: string): string {
  if (comment === '') return ''
  return comment
    .split('\n')
    .map((line) => (/^[#;]/.test(line) ? `${line[0]} ${line.slice(1).trim()}\n` : `; ${line.trim()}\n`))
    .join('')
}

function printName(name: string): string {
  if (/^#\d+$/.test(name)) return '-'
  if (name.includes('"') || delimiters.test(name)) return `\`${name}\``
  return name.includes('`') ? `"""${name}"""` : name
}

function extraLength(name: string): number {
  if (name.includes('"') || delimiters.test(name)) return 2
  return name.includes('`') ? 6 : 0
}

function printValue(value: string): string {
  if (/[\n`]/.test(value)) return `"""${value}"""`
  if (/[#;]/.test(value)) return `\`${value}\``
  return value.trim() === value ? value : `"${value}"`
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}
