import { toCharacters } from '../../template/index.ts'

/**
 * The patterns of `.Files.Glob` (github.com/gobwas/glob v0.2.3 with `/` as the separator): `*` and `?` stop at slashes, `**` does not,
 * `[abc]`, `[a-z]`, `[!a]` (one list or one range), `{a,b}`, `\` escapes. Undefined where the pattern does not parse.
 * Matching takes pattern times text steps at most: it follows all ways through the pattern at once.
 */
export function compileGlob(pattern: string): ((text: string) => boolean) | undefined {
  const parser = new GlobParser(toCharacters(pattern))
  const program = parser.parse()
  return program === undefined ? undefined : (text) => run(program, text)
}

/** A step of the pattern; `next` lists the steps that may follow, the end of the program means a match. */
interface State {
  /** Undefined: takes no character. */
  readonly test: ((character: string) => boolean) | undefined
  readonly next: number[]
}

const notSlash = (character: string): boolean => character !== '/'
const anything = (): boolean => true

class GlobParser {
  readonly #characters: readonly string[]
  readonly #states: State[] = []
  #at = 0

  constructor(characters: readonly string[]) {
    this.#characters = characters
  }

  parse(): readonly State[] | undefined {
    // Whatever stands outside braces is one sequence; a closing brace or comma out there is text.
    return this.#sequence(false) ? this.#states : undefined
  }

  #sequence(isInside: boolean): boolean {
    while (this.#at < this.#characters.length) {
      const character = this.#characters[this.#at++]!
      if (isInside && (character === ',' || character === '}')) {
        this.#at--
        return true
      }
      if (character === '*') {
        const isSuper = this.#characters[this.#at] === '*'
        if (isSuper) this.#at++
        this.#loop(isSuper ? anything : notSlash)
      } else if (character === '?') this.#single(notSlash)
      else if (character === '[') {
        if (!this.#range()) return false
      } else if (character === '{') {
        if (!this.#alternatives()) return false
      } else {
        const literal = character === '\\' ? this.#characters[this.#at++] : character
        if (literal !== undefined) this.#single((c) => c === literal)
      }
    }
    return !isInside
  }

  #single(test: (character: string) => boolean): void {
    this.#states.push({ test, next: [this.#states.length + 1] })
  }

  #loop(test: (character: string) => boolean): void {
    const start = this.#states.length
    this.#states.push({ test: undefined, next: [start + 1, start + 2] }, { test, next: [start] })
  }

  #alternatives(): boolean {
    const fork: State = { test: undefined, next: [] }
    this.#states.push(fork)
    const ends: State[] = []
    for (;;) {
      fork.next.push(this.#states.length)
      if (!this.#sequence(true)) return false
      const end: State = { test: undefined, next: [] }
      this.#states.push(end)
      ends.push(end)
      if (this.#characters[this.#at++] === '}') break
    }
    for (const end of ends) end.next.push(this.#states.length)
    return true
  }

  #range(): boolean {
    const negate = this.#characters[this.#at] === '!'
    if (negate) this.#at++
    const low = this.#characters[this.#at]
    if (this.#characters[this.#at + 1] === '-') {
      const high = this.#characters[this.#at + 2]
      if (low === undefined || high === undefined || high < low || this.#characters[this.#at + 3] !== ']') return false
      this.#at += 4
      this.#single((c) => (c >= low && c <= high) !== negate)
      return true
    }
    const members = new Set<string>()
    for (;;) {
      const character = this.#characters[this.#at++]
      if (character === undefined) return false
      if (character === ']') break
      const member = character === '\\' ? this.#characters[this.#at++] : character
      if (member !== undefined) members.add(member)
    }
    if (members.size === 0) return false
    this.#single((c) => members.has(c) !== negate)
    return true
  }
}

function run(program: readonly State[], text: string): boolean {
  let current = new Set<number>()
  follow(program, 0, current)
  for (const character of text) {
    const following = new Set<number>()
    for (const index of current) {
      const state = program[index]
      if (state?.test?.(character) === true) for (const next of state.next) follow(program, next, following)
    }
    if (following.size === 0) return false
    current = following
  }
  return current.has(program.length)
}

function follow(program: readonly State[], index: number, into: Set<number>): void {
  const todo = [index]
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (into.has(at)) continue
    into.add(at)
    const state = program[at]
    if (state !== undefined && state.test === undefined) todo.push(...state.next)
  }
}
