import { quote } from './quote.ts'
import { byteLength, isDigit, isLetter, isPrint, toCharacters } from './text.ts'

export type TokenType =
  | 'error'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'complex'
  | 'assign'
  | 'declare'
  | 'eof'
  | 'field'
  | 'identifier'
  | 'leftDelim'
  | 'leftParen'
  | 'number'
  | 'pipe'
  | 'rawString'
  | 'rightDelim'
  | 'rightParen'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | KeywordType

export type KeywordType =
  'block' | 'break' | 'continue' | 'dot' | 'define' | 'else' | 'end' | 'if' | 'nil' | 'range' | 'template' | 'with'

/** One token: its text, its offset in JS units, and the line it starts on (from 1). */
export interface Token {
  readonly type: TokenType
  readonly pos: number
  readonly text: string
  readonly line: number
}

const KEYWORDS: ReadonlyMap<string, KeywordType> = new Map<string, KeywordType>([
  ['block', 'block'],
  ['break', 'break'],
  ['continue', 'continue'],
  ['define', 'define'],
  ['else', 'else'],
  ['end', 'end'],
  ['if', 'if'],
  ['nil', 'nil'],
  ['range', 'range'],
  ['template', 'template'],
  ['with', 'with'],
])

/** A token as Go's parser names it in errors. */
export function describeToken(token: Token): string {
  if (token.type === 'eof') return 'EOF'
  if (token.type === 'error') return token.text
  if (token.type === 'dot' || KEYWORDS.get(token.text) === token.type) return `<${token.text}>`
  if (byteLength(token.text) > 10) return `${quote(toCharacters(token.text).slice(0, 10).join(''))}...`
  return quote(token.text)
}

/** How the lexer treats `break` and `continue`: a function of that name turns the keyword off. */
export interface LexOptions {
  readonly breakKeyword: boolean
  readonly continueKeyword: boolean
}

/**
 * Splits a template into tokens, comments left out and trim markers applied. Ends with an `eof` token, or with an
 * `error` token whose text says what is wrong. Follows Go 1.26 text/template/parse with the delimiters `{{` and `}}`.
 */
export function lex(text: string, options: LexOptions): Token[] {
  const lexer = new Lexer(text, options)
  lexer.run()
  return lexer.tokens
}

const SPACE = 32
const TAB = 9
const LF = 10
const CR = 13
const MINUS = 45
const CLOSE_BRACE = 125
/** What may follow a word besides blanks and the right delimiter: `.,|:)(`. */
const TERMINATORS: ReadonlySet<number> = new Set([46, 44, 124, 58, 41, 40])

function isBlank(unit: number): boolean {
  return unit === SPACE || unit === TAB || unit === LF || unit === CR
}

class Lexer {
  readonly tokens: Token[] = []
  private readonly text: string
  private readonly options: LexOptions
  private pos = 0
  private line = 1
  /** Where the next line break stands at or behind `pos`. */
  private nextBreak: number
  private failed = false

  constructor(text: string, options: LexOptions) {
    this.text = text
    this.options = options
    this.nextBreak = this.breakAt(0)
  }

  private breakAt(from: number): number {
    const at = this.text.indexOf('\n', from)
    return at === -1 ? Infinity : at
  }

  run(): void {
    while (!this.failed) {
      const delim = this.text.indexOf('{{', this.pos)
      const end = delim === -1 ? this.text.length : delim
      let textEnd = end
      if (delim !== -1 && this.atLeftTrim(delim + 2)) {
        while (textEnd > this.pos && isBlank(this.text.charCodeAt(textEnd - 1))) textEnd--
      }
      if (textEnd > this.pos) this.emit('text', textEnd)
      this.skipTo(end)
      if (delim === -1) {
        this.emit('eof', this.pos)
        return
      }
      this.action()
    }
  }

  private atLeftTrim(at: number): boolean {
    return this.text.charCodeAt(at) === MINUS && isBlank(this.text.charCodeAt(at + 1))
  }

  /** The length of a right delimiter at `at`, 2 or (with a trim marker) 4; 0 if there is none. */
  private rightDelim(at: number): number {
    const unit = this.text.charCodeAt(at)
    if (unit === CLOSE_BRACE) return this.text.charCodeAt(at + 1) === CLOSE_BRACE ? 2 : 0
    return isBlank(unit) && this.text.charCodeAt(at + 1) === MINUS && this.text.startsWith('}}', at + 2) ? 4 : 0
  }

  private emit(type: TokenType, end: number): void {
    const start = this.pos
    this.tokens.push({ type, pos: start, text: type === 'eof' ? 'EOF' : this.text.slice(start, end), line: this.line })
    this.skipTo(end)
  }

  private skipTo(end: number): void {
    while (this.nextBreak < end) {
      this.line++
      this.nextBreak = this.breakAt(this.nextBreak + 1)
    }
    this.pos = end
  }

  private fail(message: string): void {
    this.tokens.push({ type: 'error', pos: this.pos, text: message, line: this.line })
    this.failed = true
  }

  private action(): void {
    const trim = this.atLeftTrim(this.pos + 2) ? 2 : 0
    if (this.text.startsWith('/*', this.pos + 2 + trim)) {
      this.skipTo(this.pos + 2 + trim)
      this.comment()
      return
    }
    this.emit('leftDelim', this.pos + 2)
    this.skipTo(this.pos + trim)
    let depth = 0
    while (!this.failed) {
      const width = this.rightDelim(this.pos)
      if (width > 0) {
        if (depth > 0) this.fail('unclosed left paren')
        else this.closeAction(width)
        return
      }
      if (this.pos >= this.text.length) {
        this.fail('unclosed action')
        return
      }
      const unit = this.text.charCodeAt(this.pos)
      if (unit === 40) depth++
      else if (unit === 41 && --depth < 0) {
        this.fail('unexpected right paren')
        return
      }
      this.inside(unit)
    }
  }

  private closeAction(width: number): void {
    this.skipTo(this.pos + width - 2)
    this.emit('rightDelim', this.pos + 2)
    if (width === 4) this.skipBlanks()
  }

  private skipBlanks(): void {
    let end = this.pos
    while (isBlank(this.text.charCodeAt(end))) end++
    this.skipTo(end)
  }

  private comment(): void {
    const close = this.text.indexOf('*/', this.pos + 2)
    if (close === -1) return this.fail('unclosed comment')
    const width = this.rightDelim(close + 2)
    if (width === 0) return this.fail('comment ends before closing delimiter')
    this.skipTo(close + 2 + width)
    if (width === 4) this.skipBlanks()
  }

  /** One token inside an action, which starts with `unit` and is no right delimiter. */
  private inside(unit: number): void {
    const next = this.text.charCodeAt(this.pos + 1)
    if (isBlank(unit)) return this.blanks()
    if (isAsciiWordUnit(unit) && (unit < 48 || unit > 57)) return this.word(this.pos, 'identifier')
    switch (this.text[this.pos]) {
      case '=':
        return this.emit('assign', this.pos + 1)
      case ':':
        return this.text[this.pos + 1] === '=' ? this.emit('declare', this.pos + 2) : this.fail('expected :=')
      case '|':
        return this.emit('pipe', this.pos + 1)
      case '"':
        return this.quoted('"', 'string', 'unterminated quoted string')
      case "'":
        return this.quoted("'", 'charConstant', 'unterminated character constant')
      case '`':
        return this.rawString()
      case '$':
        return this.word(this.pos + 1, 'variable')
      case '(':
        return this.emit('leftParen', this.pos + 1)
      case ')':
        return this.emit('rightParen', this.pos + 1)
      case '.':
        if (!(next >= 48 && next <= 57) && this.pos + 1 < this.text.length) return this.word(this.pos + 1, 'field')
        return this.number()
      case '+':
      case '-':
        return this.number()
      default:
    }
    if (unit >= 48 && unit <= 57) return this.number()
    const rune = this.runeAt(this.pos)
    if (isWordRune(rune)) return this.word(this.pos, 'identifier')
    if (rune < 0x80 && isPrint(rune)) return this.emit('char', this.pos + 1)
    this.fail(`unrecognized character in action: ${describeRune(rune)}`)
  }

  private blanks(): void {
    let end = this.pos
    while (isBlank(this.text.charCodeAt(end))) end++
    // The last blank belongs to a right delimiter that trims: ` -}}`.
    if (this.rightDelim(end - 1) === 4) end--
    this.emit('space', end)
  }

  private quoted(delimiter: string, type: TokenType, unterminated: string): void {
    for (let i = this.pos + 1; i < this.text.length && this.text[i] !== '\n'; i++) {
      if (this.text[i] === delimiter) return this.emit(type, i + 1)
      if (this.text[i] === '\\' && this.text[++i] === '\n') break
    }
    this.fail(unterminated)
  }

  private rawString(): void {
    const close = this.text.indexOf('`', this.pos + 1)
    if (close === -1) return this.fail('unterminated raw quoted string')
    this.emit('rawString', close + 1)
  }

  private runeAt(at: number): number {
    const rune = this.text.codePointAt(at) ?? -1
    return rune >= 0xd800 && rune <= 0xdfff ? 0xfffd : rune
  }

  private wordEnd(from: number): number {
    let end = from
    for (let rune = this.runeAt(end); isWordRune(rune); rune = this.runeAt(end)) end += rune > 0xffff ? 2 : 1
    return end
  }

  /** A field, variable or identifier whose name starts at `from`. */
  private word(from: number, type: 'field' | 'variable' | 'identifier'): void {
    let end = from
    while (isAsciiWordUnit(this.text.charCodeAt(end))) end++
    // Only a letter beyond ASCII lets the word go on.
    if (this.text.charCodeAt(end) >= 0x80) end = this.wordEnd(end)
    if (!this.isTerminator(end)) {
      // Go leaves the token's start as the place of the error, and so its line.
      return this.fail(`bad character ${describeRune(this.runeAt(end))}`)
    }
    if (type === 'field' && end === from) return this.emit('dot', end)
    if (type !== 'identifier') return this.emit(type, end)
    const text = this.text.slice(from, end)
    const keyword = KEYWORDS.get(text)
    const isOff =
      (keyword === 'break' && !this.options.breakKeyword) || (keyword === 'continue' && !this.options.continueKeyword)
    if (keyword !== undefined && !isOff) this.emit(keyword, end)
    else this.emit(text === 'true' || text === 'false' ? 'bool' : 'identifier', end)
  }

  private isTerminator(at: number): boolean {
    const unit = this.text.charCodeAt(at)
    if (at >= this.text.length || isBlank(unit) || TERMINATORS.has(unit)) return true
    return unit === CLOSE_BRACE && this.text.charCodeAt(at + 1) === CLOSE_BRACE
  }

  private number(): void {
    let end = this.scanNumber(this.pos)
    let type: TokenType = 'number'
    if (end > 0 && (this.text[end] === '+' || this.text[end] === '-')) {
      const second = this.scanNumber(end)
      type = 'complex'
      end = second > 0 && this.text[second - 1] !== 'i' ? -second : second
    }
    if (end > 0) return this.emit(type, end)
    this.fail(`bad number syntax: ${quote(this.text.slice(this.pos, -end))}`)
  }

  /** The end of the number at `at`; negative (and past the offending character) if a letter or digit follows it. */
  private scanNumber(at: number): number {
    numberSyntax.lastIndex = at
    let end = at + numberSyntax.exec(this.text)![0].length
    const rune = this.runeAt(end)
    if (!isWordRune(rune)) return end
    end += rune > 0xffff ? 2 : 1
    return -end
  }
}

// It accepts some wrong numbers ("0x1.2"): the parser refuses those when it reads the value.
const numberSyntax =
  /[+-]?(?:0[xX][\da-fA-F_]*(?:\.[\da-fA-F_]*)?(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]*)?)i?/y

function isAsciiWordUnit(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57) || unit === 95
}

function isWordRune(rune: number): boolean {
  return rune === 95 || (rune >= 0 && (isLetter(rune) || isDigit(rune)))
}

/** Go's `%#U`. */
function describeRune(rune: number): string {
  const hex = `U+${rune.toString(16).toUpperCase().padStart(4, '0')}`
  return isPrint(rune) ? `${hex} '${String.fromCodePoint(rune)}'` : hex
}
