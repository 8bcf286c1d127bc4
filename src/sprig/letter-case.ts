import { isDigit, isLetter, isSpace, toCharacters } from '../template/index.ts'

const ascii = /^[\0-\x7f]*$/
const upperLetter = /^\p{Lu}$/u
const lowerLetter = /^\p{Ll}$/u

/** strings.ToUpper: character by character, where the host would turn "ß" into two letters. */
export function toUpper(text: string): string {
  return ascii.test(text) ? text.toUpperCase() : toCharacters(text).map(upperOf).join('')
}

/** strings.ToLower. */
export function toLower(text: string): string {
  return ascii.test(text) ? text.toLowerCase() : toCharacters(text).map(lowerOf).join('')
}

/** unicode.ToUpper of one character. */
export function upperOf(ch: string): string {
  const upper = ch.toUpperCase()
  return upper.length === ch.length ? upper : (toCharacters(upper).length === 1 && upper) || ch
}

/** unicode.ToLower of one character. */
export function lowerOf(ch: string): string {
  // The host lowers this one to two characters.
  if (ch === '\u0130') return 'i'
  return ch.toLowerCase()
}

/** unicode.IsUpper. */
export function isUpper(ch: string): boolean {
  return upperLetter.test(ch)
}

/** unicode.IsLower. */
export function isLower(ch: string): boolean {
  return lowerLetter.test(ch)
}

function isBoundary(rune: number): boolean {
  if (rune < 0x80) return !isLetter(rune) && !isDigit(rune) && rune !== 95
  return !isLetter(rune) && !isDigit(rune) && isSpace(rune)
}

/** strings.Title: the first letter of every word in title case. */
export function toTitle(text: string): string {
  let isStart = true
  let out = ''
  for (const ch of text) {
    out += isStart ? (TITLE[ch] ?? upperOf(ch)) : ch
    isStart = isBoundary(ch.codePointAt(0)!)
  }
  return out
}

// The letters whose title case is not their upper case.
const TITLE: Readonly<Record<string, string>> = {
  Ǆ: 'ǅ',
  ǅ: 'ǅ',
  ǆ: 'ǅ',
  Ǉ: 'ǈ',
  ǈ: 'ǈ',
  ǉ: 'ǈ',
  Ǌ: 'ǋ',
  ǋ: 'ǋ',
  ǌ: 'ǋ',
  Ǳ: 'ǲ',
  ǲ: 'ǲ',
  ǳ: 'ǲ',
}

/** Masterminds/goutils Uncapitalize: the first letter of every word that white space separates in lower case. */
export function uncapitalize(text: string): string {
  let isStart = true
  let out = ''
  for (const ch of text) {
    if (isSpace(ch.codePointAt(0)!)) {
      isStart = true
      out += ch
    } else {
      out += isStart ? lowerOf(ch) : ch
      isStart = false
    }
  }
  return out
}

/** Masterminds/goutils SwapCase: capitals to small letters, small letters to capitals. */
export function swapCase(text: string): string {
  let out = ''
  // After a gap Go asks for title case, which differs from upper case for a few digraphs only.
  let afterGap = true
  for (const ch of text) {
    if (isUpper(ch) || TITLE[ch] === ch) {
      out += lowerOf(ch)
      afterGap = false
    } else if (isLower(ch)) {
      out += afterGap ? (TITLE[ch] ?? upperOf(ch)) : upperOf(ch)
      afterGap = false
    } else {
      out += ch
      afterGap = isSpace(ch.codePointAt(0)!)
    }
  }
  return out
}
