const letter = /\p{L}/u
const digit = /\p{Nd}/u

/**
 * Order of keys as go-yaml v2 prints them (sorter.go, keyList): letters after everything else, runs of digits by their number, else by
 * code point.
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  const x = isAscii(a) ? a : Array.from(a)
  const y = isAscii(b) ? b : Array.from(b)
  const length = Math.min(x.length, y.length)
  for (let i = 0; i < length; i++) {
    const p = x[i] ?? ''
    const q = y[i] ?? ''
    if (p === q) continue
    const isLetterP = isLetter(p)
    const isLetterQ = isLetter(q)
    if (isLetterP && isLetterQ) return codeOf(p) - codeOf(q)
    if (isLetterP || isLetterQ) return isLetterQ ? -1 : 1
    return compareDigits(x, y, i) || codeOf(p) - codeOf(q)
  }
  return x.length - y.length
}

/** Numbers that start at `i`; a leading zero counts only behind other digits than zeros. */
function compareDigits(x: string | readonly string[], y: string | readonly string[], i: number): number {
  let start = 0n
  if (x[i] === '0' || y[i] === '0') {
    for (let j = i - 1; j >= 0 && isDigit(x[j] ?? ''); j--) {
      if (x[j] !== '0') {
        start = 1n
        break
      }
    }
  }
  const [numberX, endX] = readNumber(x, i, start)
  const [numberY, endY] = readNumber(y, i, start)
  if (numberX !== numberY) return numberX < numberY ? -1 : 1
  return endX - endY
}

function readNumber(text: string | readonly string[], from: number, start: bigint): [bigint, number] {
  let value = start
  let at = from
  for (; at < text.length && isDigit(text[at] ?? ''); at++)
    value = BigInt.asIntN(64, value * 10n + BigInt(codeOf(text[at] ?? '0') - 48))
  return [value, at]
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

function isLetter(char: string): boolean {
  const code = codeOf(char)
  return code < 128 ? (code | 32) >= 97 && (code | 32) <= 122 : letter.test(char)
}

function isDigit(char: string): boolean {
  const code = codeOf(char)
  return code < 128 ? code >= 48 && code <= 57 : digit.test(char)
}

function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0
}
