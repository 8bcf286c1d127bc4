/** One token of a glob segment. */
type Token =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] }

/** A segment of a pattern: a compiled glob, `**`, an empty segment, or one that can never match (a malformed glob). */
type Segment =
  | { readonly kind: 'glob'; readonly tokens: readonly Token[] }
  | { readonly kind: 'deep' | 'empty' | 'never' | 'nested-deep' }

/** A parsed line of an ignore file. */
export interface IgnorePattern {
  /** Directory of the file that the line stands in, as segments: the pattern sees only paths below it. */
  readonly domain: readonly string[]
  /** The line as it was written, for fingerprints. */
  readonly text: string
  /** A line with `!`: shows again what an earlier line hides. */
  readonly inclusion: boolean
  readonly directoryOnly: boolean
  /** True where the pattern has a slash before its end, and is therefore anchored to its domain. */
  readonly anchored: boolean
  readonly segments: readonly Segment[]
}

/**
 * Parses the text of an ignore file. Lines that are blank or start with `#` are skipped. The dialect is Flux's (fluxcd/pkg sourceignore, from go-git):
 * Go's `filepath.Match` for each segment, `**` only as a whole segment, a malformed glob matches nothing.
 */
export function parseIgnoreFile(text: string, domain: readonly string[]): IgnorePattern[] {
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => !line.startsWith('#') && line.trim() !== '')
    .map((line) => parseIgnorePattern(line, domain))
}

/** Parses one line. */
export function parseIgnorePattern(line: string, domain: readonly string[]): IgnorePattern {
  let rest = line
  const inclusion = rest.startsWith('!')
  if (inclusion) rest = rest.slice(1)
  if (!rest.endsWith('\\ ')) rest = rest.replace(/ +$/, '')
  const directoryOnly = rest.endsWith('/')
  if (directoryOnly) rest = rest.slice(0, -1)
  const anchored = rest.includes('/')
  const segments = rest.split('/').map((segment) => compileSegment(segment, anchored))
  return { domain, text: line, inclusion, directoryOnly, anchored, segments }
}

/** Whether the pattern speaks about `path` (segments below the root). Whether that hides or shows it is `inclusion`. */
export function matchesPattern(pattern: IgnorePattern, path: readonly string[], isDirectory: boolean): boolean {
  const { domain } = pattern
  if (path.length <= domain.length || !domain.every((segment, i) => path[i] === segment)) return false
  return pattern.anchored ? matchesAnchored(pattern, path, isDirectory) : matchesName(pattern, path, isDirectory)
}

/** False only where no path below the directory `path` can match: lets a hidden directory be skipped without looking into it. */
export function canMatchBelow(pattern: IgnorePattern, path: readonly string[]): boolean {
  const shared = Math.min(pattern.domain.length, path.length)
  for (let i = 0; i < shared; i++) if (pattern.domain[i] !== path[i]) return false
  if (!pattern.anchored || path.length <= pattern.domain.length) return true
  let at = pattern.domain.length
  for (const segment of pattern.segments) {
    if (segment.kind === 'empty') continue
    if (segment.kind === 'deep' || at >= path.length) return true
    if (segment.kind !== 'glob' || !matchesGlob(segment.tokens, path[at++] as string)) return false
  }
  return true
}

/** A pattern without a slash: any segment below the domain, and with it everything below that. */
function matchesName(pattern: IgnorePattern, path: readonly string[], isDirectory: boolean): boolean {
  const segment = pattern.segments[0]
  if (segment?.kind !== 'glob') return false
  for (let i = pattern.domain.length; i < path.length; i++) {
    if (!matchesGlob(segment.tokens, path[i] as string)) continue
    return !(pattern.directoryOnly && !isDirectory && i === path.length - 1)
  }
  return false
}

/** A pattern with a slash: its segments from the domain on; what is left of the path below the last one does not matter. */
function matchesAnchored(pattern: IgnorePattern, path: readonly string[], isDirectory: boolean): boolean {
  let at = pattern.domain.length
  let isMatched = false
  let isDeep = false
  for (const [i, segment] of pattern.segments.entries()) {
    if (segment.kind === 'empty') {
      isDeep = false
      continue
    }
    if (segment.kind === 'deep') {
      if (i === pattern.segments.length - 1) break
      isDeep = true
      continue
    }
    if (segment.kind !== 'glob' || at >= path.length) return false
    if (isDeep) {
      isDeep = false
      // compat(flux): where the rest of the path has no match here, the result of the segments before stays unless the path is used up.
      while (at < path.length) {
        if (matchesGlob(segment.tokens, path[at++] as string)) {
          isMatched = true
          break
        }
        if (at === path.length) isMatched = false
      }
      continue
    }
    if (!matchesGlob(segment.tokens, path[at] as string)) return false
    isMatched = true
    at++
  }
  return isMatched && !(pattern.directoryOnly && !isDirectory && at === path.length)
}

function compileSegment(segment: string, anchored: boolean): Segment {
  if (anchored && segment === '') return { kind: 'empty' }
  if (anchored && segment === '**') return { kind: 'deep' }
  if (anchored && segment.includes('**')) return { kind: 'nested-deep' }
  const tokens = compileGlob(segment)
  return tokens === undefined ? { kind: 'never' } : { kind: 'glob', tokens }
}

/** Compiles a glob of Go's `filepath.Match`; undefined where it is malformed. */
function compileGlob(glob: string): readonly Token[] | undefined {
  const characters = Array.from(glob)
  const tokens: Token[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string
    if (character === '*') {
      if (tokens.at(-1)?.kind !== 'any') tokens.push({ kind: 'any' })
    } else if (character === '?') tokens.push({ kind: 'one' })
    else if (character === '[') {
      const parsed = compileClass(characters, i + 1)
      if (parsed === undefined) return undefined
      tokens.push(parsed.token)
      i = parsed.end
    } else {
      const text = character === '\\' ? characters[++i] : character
      if (text === undefined) return undefined
      tokens.push({ kind: 'literal', text })
    }
  }
  return tokens
}

/** A class `[^a-z\]]`; `end` is the position of its closing bracket. */
function compileClass(characters: readonly string[], start: number): { token: Token; end: number } | undefined {
  const negated = characters[start] === '^'
  const ranges: (readonly [string, string])[] = []
  let at = negated ? start + 1 : start
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = classCharacter(characters, at)
    if (low === undefined) return undefined
    at = low.next
    let high = low
    if (characters[at] === '-') {
      const end = classCharacter(characters, at + 1)
      if (end === undefined) return undefined
      high = end
      at = end.next
    }
    ranges.push([low.text, high.text])
  }
  return { token: { kind: 'class', negated, ranges }, end: at }
}

function classCharacter(characters: readonly string[], at: number): { text: string; next: number } | undefined {
  const first = characters[at]
  if (first === undefined || first === '-' || first === ']') return undefined
  const text = first === '\\' ? characters[at + 1] : first
  const next = first === '\\' ? at + 2 : at + 1
  // The class must still be closed after this character.
  return text === undefined || next >= characters.length ? undefined : { text, next }
}

/** Greedy matching with one point to return to, so that its time is bounded by the product of both lengths. */
function matchesGlob(tokens: readonly Token[], name: string): boolean {
  const characters = Array.from(name)
  let token = 0
  let at = 0
  let retryToken = -1
  let retryAt = 0
  while (at < characters.length) {
    const current = tokens[token]
    if (current?.kind === 'any') {
      retryToken = token++
      retryAt = at
    } else if (current !== undefined && matchesToken(current, characters[at] as string)) {
      token++
      at++
    } else if (retryToken >= 0) {
      token = retryToken + 1
      at = ++retryAt
    } else return false
  }
  while (tokens[token]?.kind === 'any') token++
  return token === tokens.length
}

function matchesToken(token: Token, character: string): boolean {
  switch (token.kind) {
    case 'literal':
      return token.text === character
    case 'one':
      return true
    case 'any':
      return false
    case 'class': {
      const point = character.codePointAt(0) ?? 0
      const isIn = token.ranges.some(
        ([low, high]) => (low.codePointAt(0) ?? 0) <= point && point <= (high.codePointAt(0) ?? 0),
      )
      return isIn !== token.negated
    }
  }
}
