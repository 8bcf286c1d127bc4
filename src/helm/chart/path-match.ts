import { toCharacters } from '../../template/index.ts'

/**
 * Go's path.Match as a function: `*` and `?` stop at slashes, `[a-z]`, `[^a]`, `\` escapes. Undefined where the pattern is malformed.
 * Linear in pattern times text: nothing in it backtracks over more than one star.
 */
export function pathMatcher(pattern: string): ((path: string) => boolean) | undefined {
  const tokens = parse(pattern)
  return tokens === undefined ? undefined : (path) => matches(tokens, path)
}

type Token = '*' | { readonly test: (character: string) => boolean }

function parse(pattern: string): Token[] | undefined {
  const characters = toCharacters(pattern)
  const tokens: Token[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    if (character === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*')
    } else if (character === '?') tokens.push({ test: (c) => c !== '/' })
    else if (character === '[') {
      const parsed = parseClass(characters, i + 1)
      if (parsed === undefined) return undefined
      tokens.push({ test: parsed.test })
      i = parsed.end
    } else if (character === '\\') {
      const escaped = characters[++i]
      if (escaped === undefined) return undefined
      tokens.push({ test: (c) => c === escaped })
    } else tokens.push({ test: (c) => c === character })
  }
  return tokens
}

interface CharacterClass {
  readonly test: (character: string) => boolean
  /** Index of the closing bracket. */
  readonly end: number
}

function parseClass(characters: readonly string[], start: number): CharacterClass | undefined {
  const negate = characters[start] === '^'
  const ranges: [number, number][] = []
  let i = negate ? start + 1 : start
  for (; ; i++) {
    if (characters[i] === ']' && ranges.length > 0) break
    const low = classCharacter(characters, i)
    if (low === undefined) return undefined
    i = low.end
    let high = low.code
    if (characters[i + 1] === '-') {
      const upper = classCharacter(characters, i + 2)
      if (upper === undefined) return undefined
      high = upper.code
      i = upper.end
    }
    ranges.push([low.code, high])
  }
  const test = (character: string): boolean => {
    const code = character.codePointAt(0) ?? 0
    return character !== '/' && ranges.some(([low, high]) => code >= low && code <= high) !== negate
  }
  return { test, end: i }
}

function classCharacter(characters: readonly string[], at: number): { code: number; end: number } | undefined {
  const character = characters[at]
  if (character === undefined || character === '-' || character === ']') return undefined
  if (character !== '\\') return { code: character.codePointAt(0) ?? 0, end: at }
  const escaped = characters[at + 1]
  return escaped === undefined ? undefined : { code: escaped.codePointAt(0) ?? 0, end: at + 1 }
}

function matches(tokens: readonly Token[], text: string): boolean {
  const characters = toCharacters(text)
  let token = 0
  let at = 0
  let starToken = -1
  let starAt = 0
  for (;;) {
    const current = tokens[token]
    if (current === '*') {
      starToken = token++
      starAt = at
    } else if (current === undefined && at === characters.length) return true
    else if (current !== undefined && at < characters.length && current.test(characters[at]!)) {
      token++
      at++
    } else {
      // Let the last star take one character more; it never takes a slash.
      if (starToken < 0 || starAt >= characters.length || characters[starAt] === '/') return false
      at = ++starAt
      token = starToken + 1
    }
  }
}
