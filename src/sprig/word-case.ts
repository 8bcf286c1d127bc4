import { isSpace, toCharacters } from '../template/index.ts'
import { isLower, isUpper, lowerOf, upperOf } from './letter-case.ts'

// camelcase, snakecase and kebabcase of sprig 3.3, which are huandu/xstrings 1.5 ToPascalCase, ToSnakeCase and ToKebabCase.

function isConnector(ch: string): boolean {
  return ch === '-' || ch === '_' || isSpace(ch.codePointAt(0)!)
}

/** Words joined by `-`, `_` or space as PascalCase; connectors at the start and doubled ones stay. */
export function toPascalCase(text: string): string {
  const chars = toCharacters(text)
  const start = chars.findIndex((ch) => !isConnector(ch))
  if (start === -1) return text
  const lead = chars.slice(0, start).join('')
  const word = chars.slice(start)
  let inCapitals = isUpper(word[0]!)
  let out = lead
  let current = upperOf(word[0]!)
  for (let i = 1; i < word.length; i++) {
    const previous = current
    current = word[i]!
    if (isConnector(current) && isConnector(previous)) out += previous
    else if (isConnector(previous)) {
      inCapitals = isUpper(current)
      current = upperOf(current)
    } else {
      // Capitals that follow a capital become small: "GOLANG_IS" gives "GolangIs".
      if (inCapitals && isUpper(current)) current = lowerOf(current)
      else if (inCapitals) inCapitals = false
      out += previous
    }
  }
  return out + current
}

type WordType = 'none' | 'number' | 'capitals' | 'alphabet' | 'connector' | 'punctuation' | 'other'

interface Word {
  readonly type: WordType
  readonly text: string
}

const punctuation = /^\p{P}$/u
const number = /^\p{N}$/u
const alphabet = /^\p{L}$/u

function classOf(ch: string): Exclude<WordType, 'none'> {
  if (isConnector(ch)) return 'connector'
  if (punctuation.test(ch)) return 'punctuation'
  if (isUpper(ch)) return 'capitals'
  if (alphabet.test(ch) && hasCase(ch)) return 'alphabet'
  return number.test(ch) ? 'number' : 'other'
}

/** Only scripts with case make words that a connector separates. */
function hasCase(ch: string): boolean {
  return isLower(ch) || isUpper(ch) || /^\p{Lt}$/u.test(ch)
}

/** Splits text into runs: numbers, capitals ("HTTP" of "HTTPServer"), words, connectors, punctuation. */
function splitWords(text: string): Word[] {
  const chars = toCharacters(text).filter((ch) => ch.isWellFormed() && ch !== '\ufffd')
  const words: Word[] = []
  for (let i = 0; i < chars.length;) {
    const type = classOf(chars[i]!)
    const end = type === 'capitals' ? capitalsEnd(chars, i) : runEnd(chars, i, type)
    words.push({ type, text: chars.slice(i, end).join('') })
    i = end
  }
  return words
}

function runEnd(chars: readonly string[], from: number, type: WordType): number {
  let end = from + 1
  while (end < chars.length && classOf(chars[end]!) === type) end++
  return end
}

function capitalsEnd(chars: readonly string[], from: number): number {
  const second = chars[from + 1]
  if (second === undefined) return from + 1
  if (!isUpper(second)) return classOf(second) === 'alphabet' ? runEnd(chars, from + 1, 'alphabet') : from + 1
  const end = runEnd(chars, from, 'capitals')
  // The last capital starts the next word: "HTTP" + "Status".
  return end < chars.length && classOf(chars[end]!) === 'alphabet' ? end - 1 : end
}

/** CamelCase as snake_case or kebab-case: every word in small letters, joined by `connector`. */
export function toConnectedCase(text: string, connector: '_' | '-'): string {
  return new Joiner(splitWords(text), connector).run()
}

const SILENT: ReadonlySet<WordType> = new Set<WordType>(['none', 'connector', 'punctuation'])

/** Decides between which words a connector stands; numbers lean on the word before them unless small letters follow. */
class Joiner {
  private readonly words: readonly Word[]
  private readonly connector: string
  private at = 0
  private out = ''

  constructor(words: readonly Word[], connector: string) {
    this.words = words
    this.connector = connector
  }

  run(): string {
    if (this.words.length === 0) return ''
    while (this.at + 1 < this.words.length) this.pair()
    this.emit(this.current())
    return this.out
  }

  private current(): Word {
    return this.words[this.at] ?? { type: 'none', text: '' }
  }

  private pair(): void {
    const previous = this.current()
    if (previous.type !== 'connector') this.emit(previous)
    this.at++
    if (previous.type === 'connector') this.emit(previous)
    else if (previous.type === 'number') this.afterNumber()
    else if (previous.type !== 'punctuation') this.afterWord()
  }

  private afterNumber(): void {
    this.emitSmallLettersAndNumbers()
    this.connect()
  }

  private afterWord(): void {
    const { type } = this.current()
    if (type !== 'number') return this.connect()
    if (this.at + 1 >= this.words.length) return
    const digits = this.current()
    this.at++
    if (this.current().type !== 'alphabet') {
      this.emit(digits)
      return this.connect()
    }
    // Small letters follow the number: it starts a word of its own, as in "http_2xx".
    this.out += this.connector
    this.emit(digits)
    this.emitSmallLettersAndNumbers()
    this.connect()
  }

  private emitSmallLettersAndNumbers(): void {
    for (;;) {
      const word = this.current()
      if (word.type !== 'alphabet' && word.type !== 'number') return
      this.emit(word)
      this.at++
    }
  }

  private connect(): void {
    if (!SILENT.has(this.current().type)) this.out += this.connector
  }

  private emit(word: Word): void {
    if (word.type !== 'capitals' && word.type !== 'connector') {
      this.out += word.text
      return
    }
    for (const ch of word.text) this.out += isConnector(ch) ? this.connector : isUpper(ch) ? lowerOf(ch) : ch
  }
}
