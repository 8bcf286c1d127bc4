/**
 * Indents the continuation lines of quoted scalars and of lists and mappings in brackets that stand no deeper than their key. go-yaml does not
 * care how deep they stand, while YAML 1.2 (and the library that reads the events) wants them deeper; white space there means nothing. Lines
 * keep their numbers. Meant for a text that was refused for such a line: text that needs nothing is returned as it is.
 */
export function indentContinuations(text: string): string {
  const lines = text.split('\n')
  const result: string[] = []
  /** Column of the key that a block scalar belongs to, while inside one. */
  let block: number | undefined
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    result.push(line)
    const indent = line.search(/\S/)
    if (indent < 0) continue
    if (block !== undefined && indent > block) continue
    block = undefined
    const value = valueStart(line)
    if (value === undefined) continue
    const rest = line.slice(value.at)
    if (/^(?:[&!]\S*\s+)*[|>][-+0-9]*\s*(?:#.*)?$/.test(rest)) {
      block = value.column
      continue
    }
    const properties = /^(?:[&!]\S*\s+)*/.exec(rest)?.[0].length ?? 0
    const scanner = new Scanner()
    if (!scanner.open(line[value.at + properties] ?? '')) continue
    scanner.scan(line.slice(value.at + properties + 1))
    while (scanner.isOpen && index + 1 < lines.length) {
      const next = lines[++index] ?? ''
      const depth = next.search(/\S/)
      result.push(depth >= 0 && depth <= value.column ? ' '.repeat(value.column + 1 - depth) + next : next)
      scanner.scan(next)
    }
  }
  return result.join('\n')
}

/** Where the value of a `key: value` or `- value` line starts, and the column of the innermost key or dash. */
function valueStart(line: string): { at: number; column: number } | undefined {
  let column = line.search(/\S/)
  let at = column
  let dash = -1
  while (line[at] === '-' && /\s/.test(line[at + 1] ?? '\n')) {
    dash = at
    at += /^-\s+/.exec(line.slice(at))?.[0].length ?? 1
    column = at
  }
  const key = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#"'[\]{}&*!|>%@`-][^#]*?|-[^\s#][^#]*?)\s*:(?:\s+|$)/.exec(
    line.slice(at),
  )
  if (key !== null) return { at: at + key[0].length, column }
  return dash < 0 ? undefined : { at, column: dash }
}

/** Follows quotes and brackets until everything is closed. */
class Scanner {
  #quote = ''
  #depth = 0

  get isOpen(): boolean {
    return this.#quote !== '' || this.#depth > 0
  }

  /** True when `character` opens a quoted scalar or a bracket. */
  open(character: string): boolean {
    if (character === '"' || character === "'") this.#quote = character
    else if (character === '[' || character === '{') this.#depth = 1
    return this.isOpen
  }

  scan(text: string): void {
    for (let at = 0; at < text.length && this.isOpen; at++) {
      const character = text[at]
      if (this.#quote === '"') {
        if (character === '\\') at++
        else if (character === '"') this.#quote = ''
      } else if (this.#quote === "'") {
        if (character !== "'") continue
        if (text[at + 1] === "'") at++
        else this.#quote = ''
      } else if (character === '#' && /\s/.test(text[at - 1] ?? ' ')) return
      else if (character === '[' || character === '{') this.#depth++
      else if (character === ']' || character === '}') this.#depth--
      else if ((character === '"' || character === "'") && /[\s,[{:]/.test(text[at - 1] ?? ' ')) this.#quote = character
    }
  }
}
