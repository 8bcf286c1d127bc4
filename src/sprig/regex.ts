import { RE2JS, type Matcher } from 're2js'
import {
  FunctionError,
  goFunction,
  hasInvalidBytes,
  INT,
  nilList,
  STRING,
  stringList,
  STRINGS,
  toWellFormed,
  type GoFunction,
  type Run,
  type Value,
} from '../template/index.ts'

const MAX_PATTERN = 64 << 10
const MAX_CACHED = 500
/** Instructions of a program that is kept. */
const MAX_CACHED_SIZE = 1000
const CACHE_KEY = 'sprig.regex'

/** Compiles a pattern by RE2's rules, once per cache. Throws FunctionError with the message of Go's regexp. */
function compile(run: Run, pattern: string, isMust: boolean): RE2JS {
  let cache = run.cache.get(CACHE_KEY) as Map<string, RE2JS> | undefined
  if (cache === undefined || cache.size > MAX_CACHED) {
    cache = new Map()
    run.cache.set(CACHE_KEY, cache)
  }
  let compiled = cache.get(pattern)
  if (compiled === undefined) {
    compiled = compileFresh(pattern, isMust)
    const size = compiled.programSize()
    // A short pattern can make a large program: `(a|b){1000}`. What it took counts, and only small ones are kept.
    run.allocate(size * 64)
    run.step(size * 64)
    if (size <= MAX_CACHED_SIZE) cache.set(pattern, compiled)
  }
  return compiled
}

function compileFresh(pattern: string, isMust: boolean): RE2JS {
  if (pattern.length > MAX_PATTERN) {
    throw new FunctionError(`the regular expression is longer than ${MAX_PATTERN} characters`)
  }
  try {
    return RE2JS.compile(withoutRepeatedNames(toWellFormed(pattern)))
  } catch (error) {
    throw new FunctionError(parseMessage(error, pattern, isMust), { cause: error })
  }
}

/** Go lets a group's name be used again; the first group of the name is the one that `$name` means. */
function withoutRepeatedNames(pattern: string): string {
  const seen = new Set<string>()
  return pattern.replaceAll(/\\.|\(\?P?<(\w+)>/gs, (text, name?: string) => {
    if (name === undefined || !seen.has(name)) {
      if (name !== undefined) seen.add(name)
      return text
    }
    return '('
  })
}

function parseMessage(error: unknown, pattern: string, isMust: boolean): string {
  const text = error instanceof Error ? error.message : String(error)
  const named = text.startsWith('error parsing regexp') ? text : `error parsing regexp: ${text}`
  const message = named.endsWith('trailing backslash at end of expression') ? `${named}: \`\`` : named
  // The panic of MustCompile quotes the pattern, in backquotes where it can.
  if (!isMust) return message
  const quoted = pattern.includes('`') ? JSON.stringify(pattern) : `\`${pattern}\``
  return `regexp: Compile(${quoted}): ${message}`
}

interface Match {
  readonly start: number
  readonly end: number
  readonly matcher: Matcher
}

/**
 * All matches as Go's regexp finds them: an empty match right after another match does not count. The matcher is moved on by
 * the loop, so groups must be read before the next round.
 */
function* matches(run: Run, regex: RE2JS, text: string): Generator<Match> {
  const matcher = regex.matcher(text)
  let previousEnd = -1
  let at = 0
  while (at <= text.length && matcher.find(at)) {
    const start = matcher.start()
    const end = matcher.end()
    run.step(4 + ((end - at) >>> 4))
    if (end > start || start !== previousEnd) yield { start, end, matcher }
    previousEnd = end
    at = end > start ? end : end + characterWidth(text, end)
  }
}

function characterWidth(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
}

/** Go matches an invalid byte as U+FFFD; offsets stay, so results are cut from the original text. */
function searchable(text: string): string {
  return hasInvalidBytes(text) ? toWellFormed(text) : text
}

function findAll(run: Run, regex: RE2JS, text: string, limit: number): Value {
  const found: string[] = []
  if (limit !== 0) {
    for (const match of matches(run, regex, searchable(text))) {
      found.push(text.slice(match.start, match.end))
      if (limit > 0 && found.length >= limit) break
    }
  }
  run.allocate(found.length * 8)
  return found.length === 0 ? nilList(STRINGS) : stringList(found)
}

function findFirst(run: Run, regex: RE2JS, text: string): string {
  run.step(text.length >>> 4)
  const matcher = regex.matcher(searchable(text))
  return matcher.find() ? text.slice(matcher.start(), matcher.end()) : ''
}

type Template = readonly (string | { readonly group: string })[]

/** Go's replacement syntax: `$1`, `$name`, `${name}`, `$$`. An unbraced name takes as many letters, digits and `_` as follow. */
function parseReplacement(replacement: string): Template {
  const parts: (string | { group: string })[] = []
  let at = 0
  for (;;) {
    const dollar = replacement.indexOf('$', at)
    if (dollar === -1) break
    parts.push(replacement.slice(at, dollar))
    const rest = replacement.slice(dollar + 1)
    const name = /^(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u.exec(rest)
    if (rest.startsWith('$')) {
      parts.push('$')
      at = dollar + 2
    } else if (name !== null) {
      parts.push({ group: name[1] ?? name[2]! })
      at = dollar + 1 + name[0].length
    } else {
      parts.push('$')
      at = dollar + 1
    }
  }
  parts.push(replacement.slice(at))
  return parts
}

function expand(template: Template, { matcher }: Match, text: string, names: Record<string, number>): string {
  let out = ''
  for (const part of template) {
    if (typeof part === 'string') {
      out += part
      continue
    }
    const index = /^\d+$/.test(part.group)
      ? Number(part.group)
      : Object.hasOwn(names, part.group)
        ? names[part.group]
        : -1
    if (index === undefined || index < 0 || index > matcher.groupCount()) continue
    const start = matcher.start(index)
    if (start >= 0) out += text.slice(start, matcher.end(index))
  }
  return out
}

function replaceWith(run: Run, regex: RE2JS, text: string, render: (match: Match) => string): string {
  const parts: string[] = []
  let at = 0
  for (const match of matches(run, regex, searchable(text))) {
    const replacement = render(match)
    run.allocate(match.start - at + replacement.length)
    parts.push(text.slice(at, match.start), replacement)
    at = match.end
  }
  return parts.length === 0 ? text : parts.join('') + text.slice(at)
}

function replaceAll(run: Run, regex: RE2JS, text: string, replacement: string): string {
  const template = parseReplacement(replacement)
  const names = regex.namedGroups()
  return replaceWith(run, regex, text, (match) => expand(template, match, text, names))
}

/** Go's Regexp.Split. */
function split(run: Run, regex: RE2JS, text: string, limit: number): Value {
  if (limit === 0) return nilList(STRINGS)
  if (regex.pattern() !== '' && text === '') return stringList([''])
  const parts: string[] = []
  let from = 0
  let end = 0
  for (const match of matches(run, regex, searchable(text))) {
    if (limit > 0 && parts.length === limit - 1) break
    end = match.start
    // A match of nothing at the very start makes no part.
    if (match.end !== 0) parts.push(text.slice(from, end))
    from = match.end
  }
  if (end !== text.length) parts.push(text.slice(from))
  run.allocate(parts.length * 8)
  return stringList(parts)
}

/** A function under its own name, with the panic's message, and as `mustName`, with the error's. */
function both(name: string, make: (name: string, isMust: boolean) => GoFunction): readonly GoFunction[] {
  return [make(name, true), make(`must${name[0]!.toUpperCase()}${name.slice(1)}`, false)]
}

/** Sprig's regular expressions, with RE2's syntax and linear time. */
export const regexFunctions: readonly GoFunction[] = [
  goFunction('regexMatch', [STRING, STRING], (run, pattern, text) => {
    try {
      run.step(text.length >>> 4)
      return compile(run, pattern, false).test(searchable(text))
    } catch (error) {
      // compat(sprig): a bad pattern matches nothing.
      if (error instanceof FunctionError) return false
      throw error
    }
  }),
  goFunction('mustRegexMatch', [STRING, STRING], (run, pattern, text) =>
    compile(run, pattern, false).test(searchable(text)),
  ),
  ...both('regexFind', (name, isMust) =>
    goFunction(name, [STRING, STRING], (run, pattern, text) => findFirst(run, compile(run, pattern, isMust), text)),
  ),
  ...both('regexFindAll', (name, isMust) =>
    goFunction(name, [STRING, STRING, INT], (run, pattern, text, limit) =>
      findAll(run, compile(run, pattern, isMust), text, limit.toNumber()),
    ),
  ),
  ...both('regexReplaceAll', (name, isMust) =>
    goFunction(name, [STRING, STRING, STRING], (run, pattern, text, replacement) =>
      replaceAll(run, compile(run, pattern, isMust), text, replacement),
    ),
  ),
  ...both('regexReplaceAllLiteral', (name, isMust) =>
    goFunction(name, [STRING, STRING, STRING], (run, pattern, text, replacement) =>
      replaceWith(run, compile(run, pattern, isMust), text, () => replacement),
    ),
  ),
  ...both('regexSplit', (name, isMust) =>
    goFunction(name, [STRING, STRING, INT], (run, pattern, text, limit) =>
      split(run, compile(run, pattern, isMust), text, limit.toNumber()),
    ),
  ),
  goFunction('regexQuoteMeta', [STRING], (_run, text) => text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
]
