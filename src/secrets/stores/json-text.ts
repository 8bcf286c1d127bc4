import { secretsError } from '../errors.ts'
import { SopsBranch, type SopsValue } from '../tree.ts'

/** How deep a file nests at most. */
const maxDepth = 500

/**
 * Reads a JSON object with its keys in order, and integers apart from floats: a MAC depends on both, and `JSON.parse` keeps neither.
 *
 * @throws EngineError `sops-bad-file` with the position.
 */
export function parseJsonBranch(text: string): SopsBranch {
  const reader = new JsonReader(text)
  const value = reader.value(0)
  reader.end()
  if (!(value instanceof SopsBranch))
    throw secretsError('sops-bad-file', 'the JSON is no object, and SOPS encrypts only objects')
  return value
}

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): SopsValue {
    if (depth > maxDepth) throw secretsError('sops-bad-file', `the JSON nests deeper than ${maxDepth} levels`)
    this.#blank()
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth)
      case '[':
        return this.#array(depth)
      case '"':
        return this.#string()
      case 't':
        return this.#word('true', true)
      case 'f':
        return this.#word('false', false)
      case 'n':
        return this.#word('null', null)
      default:
        return this.#number()
    }
  }

  end(): void {
    this.#blank()
    if (this.#at < this.#text.length) throw this.#problem()
  }

  #object(depth: number): SopsBranch {
    const branch = new SopsBranch()
    this.#at += 1
    if (this.#next('}')) return branch
    do {
      this.#blank()
      if (this.#text[this.#at] !== '"') throw this.#problem()
      const key = this.#string()
      if (!this.#next(':')) throw this.#problem()
      branch.entries.push({ key, value: this.value(depth + 1) })
    } while (this.#next(','))
    if (!this.#next('}')) throw this.#problem()
    return branch
  }

  #array(depth: number): SopsValue[] {
    const items: SopsValue[] = []
    this.#at += 1
    if (this.#next(']')) return items
    do items.push(this.value(depth + 1))
    while (this.#next(','))
    if (!this.#next(']')) throw this.#problem()
    return items
  }

  #string(): string {
    let end = this.#at + 1
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    try {
      const value = JSON.parse(this.#text.slice(this.#at, end + 1)) as string
      this.#at = end + 1
      return value
    } catch {
      throw this.#problem()
    }
  }

  #number(): bigint | number {
    const pattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y
    pattern.lastIndex = this.#at
    const text = pattern.exec(this.#text)?.[0]
    if (text === undefined) throw this.#problem()
    this.#at += text.length
    if (/^-?\d+$/.test(text)) {
      const value = BigInt(text)
      if (value >= -(2n ** 63n) && value < 2n ** 63n) return value
    }
    return Number(text)
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#problem()
    this.#at += word.length
    return value
  }

  #next(char: string): boolean {
    this.#blank()
    if (this.#text[this.#at] !== char) return false
    this.#at += 1
    return true
  }

  #blank(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '?')) this.#at += 1
  }

  #problem() {
    const before = this.#text.slice(0, this.#at)
    const line = before.split('\n').length
    const column = this.#at - (before.lastIndexOf('\n') + 1) + 1
    const what = this.#at >= this.#text.length ? 'ends too early' : 'is no valid JSON'
    return secretsError('sops-bad-file', `the file ${what} at line ${line}, column ${column}`)
  }
}
