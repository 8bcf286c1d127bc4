import {
  ANY,
  byteLength,
  byteSlice,
  FunctionError,
  goFunction,
  INT,
  isSpace,
  quote,
  sprintf,
  STRING,
  STRING_MAP,
  stringList,
  toBytes,
  toCharacters,
  TypedMap,
  variadicFunction,
  type GoFunction,
  type Run,
} from '../template/index.ts'
import { toStrings, toText } from './convert.ts'
import { swapCase, toLower, toTitle, toUpper, uncapitalize } from './letter-case.ts'
import { toConnectedCase, toPascalCase } from './word-case.ts'
import { abbreviate, wrapText } from './word-wrap.ts'

/** strings.TrimSpace. */
export function trimSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

/** strings.Trim: every leading and trailing character that is in `cutset` goes. */
function trimCharacters(text: string, cutset: string): string {
  const cut = new Set(cutset)
  const chars = toCharacters(text)
  const from = chars.findIndex((ch) => !cut.has(ch))
  return from === -1 ? '' : chars.slice(from, chars.findLastIndex((ch) => !cut.has(ch)) + 1).join('')
}

/** strings.Repeat with its panic. */
export function repeatText(run: Run, text: string, count: number): string {
  if (count < 0) throw new FunctionError('strings: negative Repeat count')
  run.allocate(text.length * count)
  return text.repeat(count)
}

/** strings.ReplaceAll. */
export function replaceAll(run: Run, text: string, old: string, replacement: string): string {
  if (old === replacement) return text
  if (old === '') {
    const chars = toCharacters(text)
    run.allocate((chars.length + 1) * (replacement.length + 1))
    return chars.map((ch) => replacement + ch).join('') + replacement
  }
  const parts = text.split(old)
  if (parts.length === 1) return text
  run.allocate(text.length + parts.length * replacement.length)
  return parts.join(replacement)
}

/** strings.SplitN: at most `limit` parts, all for a negative limit, none for 0. */
export function splitText(run: Run, text: string, separator: string, limit = -1): string[] {
  if (limit === 0) return []
  const parts = separator === '' ? toCharacters(text) : text.split(separator)
  run.allocate(parts.length * 8)
  if (limit < 0 || parts.length <= limit) return parts
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)]
}

function numbered(parts: readonly string[]): TypedMap {
  return new TypedMap(
    STRING_MAP,
    parts.map((part, i) => [`_${i}`, part] as const),
  )
}

function indent(run: Run, spaces: number, text: string): string {
  const pad = repeatText(run, ' ', spaces)
  return pad + replaceAll(run, text, '\n', `\n${pad}`)
}

function truncate(count: number, text: string): string {
  const length = byteLength(text)
  if (count < 0) return length + count > 0 ? byteSlice(text, length + count, length) : text
  return length > count ? byteSlice(text, 0, count) : text
}

function substring(start: number, end: number, text: string): string {
  const length = byteLength(text)
  if (start < 0) return checkedSlice(text, 0, end, length)
  return checkedSlice(text, start, end < 0 || end > length ? length : end, length)
}

/** Go's slicing of a string, with the text of its panics. */
function checkedSlice(text: string, from: number, to: number, length: number): string {
  if (to < 0 || to > length) throw outOfBounds(to < 0 ? `[:${to}]` : `[:${to}] with length ${length}`)
  if (from > to) throw outOfBounds(`[${from}:${to}]`)
  return byteSlice(text, from, to)
}

function outOfBounds(what: string): FunctionError {
  return new FunctionError(`runtime error: slice bounds out of range ${what}`)
}

/** goutils works byte by byte, and writes each byte as a character of its own. */
function byteCharacters(text: string): string[] {
  return Array.from(toBytes(text), (byte) => String.fromCharCode(byte))
}

function deleteWhiteSpace(text: string): string {
  const chars = byteCharacters(text)
  const kept = chars.filter((ch) => !isSpace(ch.charCodeAt(0)))
  return kept.length === chars.length ? text : kept.join('')
}

function initials(text: string): string {
  const chars = byteCharacters(text)
  return chars.filter((ch, i) => !isGap(ch) && (i === 0 || isGap(chars[i - 1]!))).join('')
}

function isGap(ch: string): boolean {
  return isSpace(ch.charCodeAt(0))
}

function textFunction(name: string, change: (text: string) => string): GoFunction {
  return goFunction(name, [STRING], (_run, text) => change(text))
}

const trimming: readonly GoFunction[] = [
  textFunction('trim', trimSpace),
  goFunction('trimAll', [STRING, STRING], (_run, cutset, text) => trimCharacters(text, cutset)),
  goFunction('trimall', [STRING, STRING], (_run, cutset, text) => trimCharacters(text, cutset)),
  goFunction('trimPrefix', [STRING, STRING], (_run, prefix, text) =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  goFunction('trimSuffix', [STRING, STRING], (_run, suffix, text) =>
    suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  textFunction('nospace', deleteWhiteSpace),
]

const casing: readonly GoFunction[] = [
  textFunction('upper', toUpper),
  textFunction('lower', toLower),
  textFunction('title', toTitle),
  textFunction('untitle', uncapitalize),
  textFunction('swapcase', swapCase),
  textFunction('camelcase', toPascalCase),
  textFunction('snakecase', (text) => toConnectedCase(text, '_')),
  textFunction('kebabcase', (text) => toConnectedCase(text, '-')),
  textFunction('initials', initials),
]

const cutting: readonly GoFunction[] = [
  goFunction('trunc', [INT, STRING], (_run, count, text) => truncate(count.toNumber(), text)),
  goFunction('substr', [INT, INT, STRING], (_run, from, to, text) => substring(from.toNumber(), to.toNumber(), text)),
  goFunction('abbrev', [INT, STRING], (_run, width, text) =>
    width.toNumber() < 4 ? text : abbreviate(text, 0, width.toNumber()),
  ),
  goFunction('abbrevboth', [INT, INT, STRING], (_run, left, right, text) => {
    const [offset, width] = [left.toNumber(), right.toNumber()]
    return width < 4 || (offset > 0 && width < 7) ? text : abbreviate(text, offset, width)
  }),
  goFunction('wrap', [INT, STRING], (run, width, text) => wrapText(text, width.toNumber(), '', false, run)),
  goFunction('wrapWith', [INT, STRING, STRING], (run, width, newline, text) =>
    wrapText(text, width.toNumber(), newline, true, run),
  ),
]

const testing: readonly GoFunction[] = [
  goFunction('contains', [STRING, STRING], (_run, part, text) => text.includes(part)),
  goFunction('hasPrefix', [STRING, STRING], (_run, prefix, text) => text.startsWith(prefix)),
  goFunction('hasSuffix', [STRING, STRING], (_run, suffix, text) => text.endsWith(suffix)),
]

const building: readonly GoFunction[] = [
  goFunction('repeat', [INT, STRING], (run, count, text) => repeatText(run, text, count.toNumber())),
  goFunction('replace', [STRING, STRING, STRING], (run, old, replacement, text) =>
    replaceAll(run, text, old, replacement),
  ),
  goFunction('indent', [INT, STRING], (run, spaces, text) => indent(run, spaces.toNumber(), text)),
  goFunction('nindent', [INT, STRING], (run, spaces, text) => `\n${indent(run, spaces.toNumber(), text)}`),
  goFunction('plural', [STRING, STRING, INT], (_run, one, many, count) => (count.n === 1 ? one : many)),
  variadicFunction('quote', [], ANY, (run, ...args) =>
    args
      .filter((arg) => arg !== null)
      .map((arg) => quote(toText(arg, run)))
      .join(' '),
  ),
  variadicFunction('squote', [], ANY, (run, ...args) =>
    args
      .filter((arg) => arg !== null)
      .map((arg) => sprintf("'%v'", [arg], run))
      .join(' '),
  ),
  variadicFunction('cat', [], ANY, (run, ...args) => {
    const present = args.filter((arg) => arg !== null)
    return sprintf('%v '.repeat(present.length).trim(), present, run)
  }),
  goFunction('toString', [ANY], (run, v) => toText(v, run)),
  goFunction('toStrings', [ANY], (run, v) => toStrings(v, run)),
]

const joining: readonly GoFunction[] = [
  goFunction('join', [STRING, ANY], (run, separator, v) => {
    const parts = toStrings(v, run)
    let size = separator.length * parts.length
    for (const part of parts) size += (part as string).length
    run.allocate(size)
    return parts.join(separator)
  }),
  goFunction('split', [STRING, STRING], (run, separator, text) => numbered(splitText(run, text, separator))),
  goFunction('splitn', [STRING, INT, STRING], (run, separator, limit, text) =>
    numbered(splitText(run, text, separator, limit.toNumber())),
  ),
  goFunction('splitList', [STRING, STRING], (run, separator, text) => stringList(splitText(run, text, separator))),
]

/** Sprig's string functions. */
export const stringFunctions: readonly GoFunction[] = [
  ...trimming,
  ...casing,
  ...cutting,
  ...testing,
  ...building,
  ...joining,
]
