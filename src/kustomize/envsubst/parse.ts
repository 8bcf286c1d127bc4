import { EngineError } from '../../base/index.ts'

/** A piece of a text: literal, or a variable with an operator and its arguments. */
export type Node = string | Expansion

/** `${name<operator>arguments}`; the operator is '' for `${name}` and `#length` for `${#name}`. */
export interface Expansion {
  readonly name: string
  readonly operator: string
  readonly args: readonly (readonly Node[])[]
}

/** How deep expansions may stand inside each other. */
const MAX_DEPTH = 100

/**
 * Parses `${…}` expressions (fluxcd/pkg envsubst, parse). Only `${` starts one; `$$` is a literal `$`. Throws EngineError
 * `substitution-syntax` with the line.
 */
export function parseExpansions(text: string): readonly Node[] {
  return new Parser(text).parseText()
}

const IDENTIFIER = /[\p{L}\p{Nd}_]+/uy

class Parser {
  private readonly text: string
  private at = 0
  private depth = 0

  constructor(text: string) {
    this.text = text
  }

  parseText(): readonly Node[] {
    const nodes: Node[] = []
    let literal = ''
    while (this.at < this.text.length) {
      const dollar = this.text.indexOf('$', this.at)
      const end = dollar < 0 ? this.text.length : dollar
      literal += this.text.slice(this.at, end)
      this.at = end
      if (dollar < 0) break
      if (this.takes('${')) {
        if (literal !== '') nodes.push(literal)
        literal = ''
        nodes.push(this.parseExpansion())
      } else if (this.takes('$$') || this.takes('$')) literal += '$'
    }
    if (literal !== '') nodes.push(literal)
    return nodes
  }

  private parseExpansion(): Expansion {
    if (++this.depth > MAX_DEPTH) throw this.wrong(`expressions are nested more than ${MAX_DEPTH} deep`)
    const expansion = this.parseInside()
    this.depth--
    return expansion
  }

  private parseInside(): Expansion {
    if (this.takes('#')) {
      const name = this.identifier('bad substitution')
      this.expectClosing()
      return { name, operator: '#length', args: [] }
    }
    const name = this.identifier('unable to parse variable name')
    const next = this.text[this.at]
    switch (next) {
      case ':':
        return /[=\-?+]/.test(this.text[this.at + 1] ?? '') ? this.parseDefault(name, 2) : this.parseSubstring(name)
      case '=':
        return this.parseDefault(name, 1)
      case ',':
      case '^': {
        const operator = this.operator(/[,^]{1,2}/y)
        this.expectClosing()
        return { name, operator, args: [] }
      }
      case '/':
        return this.parseReplace(name)
      case '#':
      case '%': {
        const operator = this.operator(next === '#' ? /#{1,2}/y : /%{1,2}/y)
        const arg = this.argument('}', false)
        this.expectClosing()
        return { name, operator, args: [arg] }
      }
      default:
        if (!this.takes('}')) throw this.wrong('missing closing brace')
        return { name, operator: '', args: [] }
    }
  }

  /** Text and expansions up to the closing brace. */
  private parseDefault(name: string, length: number): Expansion {
    const operator = this.text.slice(this.at, this.at + length)
    this.at += length
    const args: (readonly Node[])[] = []
    while (!this.takes('}')) args.push(this.argument('}', false))
    return { name, operator, args }
  }

  private parseSubstring(name: string): Expansion {
    this.at++
    const args = [this.argument(':}', false)]
    if (this.takes('}')) return { name, operator: ':', args }
    this.operator(/:+/y)
    args.push(this.argument('}', false))
    this.expectClosing()
    return { name, operator: ':', args }
  }

  private parseReplace(name: string): Expansion {
    const operator = this.operator(/\/[/#%]?/y)
    const args = [this.text[this.at] === '/' ? [''] : this.argument('/', true)]
    this.operator(/\/+/y)
    if (this.takes('}')) return { name, operator, args }
    args.push(this.argument('}', true))
    this.expectClosing()
    return { name, operator, args }
  }

  /**
   * One argument: a nested expansion, or literal text up to one of `stops` or a nested expansion. With `escapes`, `\/`, `\\` and `$$` stand
   * for their second character.
   */
  private argument(stops: string, escapes: boolean): readonly Node[] {
    if (this.takes('${')) return [this.parseExpansion()]
    let literal = ''
    const start = this.at
    while (this.at < this.text.length) {
      const character = this.text[this.at] ?? ''
      const pair = this.text.slice(this.at, this.at + 2)
      if (pair === '${') break
      if (escapes && (pair === '\\/' || pair === '\\\\' || pair === '$$')) {
        literal += pair[1]
        this.at += 2
        continue
      }
      if (stops.includes(character)) break
      literal += character
      this.at++
    }
    if (this.at === start) throw this.wrong('unable to parse substitution within function')
    return [literal]
  }

  private identifier(message: string): string {
    IDENTIFIER.lastIndex = this.at
    const name = IDENTIFIER.exec(this.text)?.[0]
    if (name === undefined) throw this.wrong(message)
    this.at += name.length
    return name
  }

  private operator(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)?.[0]
    if (found === undefined) throw this.wrong('bad substitution')
    this.at += found.length
    return found
  }

  private expectClosing(): void {
    if (!this.takes('}')) throw this.wrong('bad substitution')
  }

  private takes(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false
    this.at += text.length
    return true
  }

  private wrong(message: string): EngineError {
    const line = this.text.slice(0, this.at).split('\n').length
    return new EngineError(`${message} in line ${line}; write $$ for a literal dollar sign`, {
      code: 'substitution-syntax',
      data: { line },
    })
  }
}
