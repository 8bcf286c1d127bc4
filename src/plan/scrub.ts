import { isSecretName } from './hidden.ts'

/** What stands where something is not shown. */
export const hiddenText = '(hidden)'

/** Shapes of secrets inside texts. They are found by their shape alone, so that what is taken out tells nothing about what is secret. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|SECRET)[A-Z0-9 ]*-----[\s\S]*?(?:-----END [A-Z0-9 ]*-----|$)/g, hiddenText],
  // User names and passwords in URLs, also in those that no parser takes.
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#"'<>]*@/gi, `$1${hiddenText}@`],
  [
    /([?&](?:[\w.-]{0,60}(?:token|secret|key|sig|signature|password|auth|credential)[\w.-]{0,60})=)[^\s&#"'<>]+/gi,
    `$1${hiddenText}`,
  ],
  [/\b(bearer|basic|token)(\s+)[A-Za-z0-9+/_.~-]{8,}=*/gi, `$1$2${hiddenText}`],
  [/\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, hiddenText],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|AKIA|ASIA|AGE-SECRET-KEY-|sk_live_|hvs\.)[\w-]{8,}/g, hiddenText],
]

/**
 * `password: x`, `--api-key=x`, `"token": "x"` in files of configuration and command lines. `platform-credentials: spec.decryption: …` is none: that is a rule for tenants, and the field that it refuses.
 */
const assignment =
  /(?<!\bplatform-(?=credentials: (?:[^\s:]{1,600} )?spec\.(?:decryption|provider): this would use ))((?:pass(?:word|wd|phrase)?|secret|token|credentials?|api[-_]?key|access[-_]?key|private[-_]?key|connection[-_]?string|dsn)[\w.-]{0,40})(["']?[ \t]{0,8}[:=][ \t]{0,8})(?:"[^"\n]*"|'[^'\n]*'|[^\s,;"'][^\n,;]*)/gi

/** A text without what looks like a secret, without letters that steer terminals or turn the direction of reading, and cut to a length. Pure. */
export function scrub(text: string, maxLength: number): string {
  // Longer than what is shown, so that a secret at the edge is recognised; bounded, so that patterns stay quick.
  let result = text.slice(0, maxLength + 4_000)
  for (const [shape, replacement] of shapes) result = result.replace(shape, replacement)
  result = result.replace(assignment, (whole: string, name: string, sign: string) =>
    isSecretName(name) ? `${name}${sign}${hiddenText}` : whole,
  )
  return cut(plain(result), maxLength)
}

/** Letters of a line that are shown where texts are shown whole, and of lines that are looked at together. */
const maxLineLength = 4_000
/** Letters behind a beginning of a key within which its kind stands. */
const keyHeadLength = 200

/**
 * A text of any length without what looks like a secret. It is looked at in pieces of whole lines, so that the patterns stay quick; what is left of a line that is too long for that is told by its mark.
 *
 * @param markOf what stands for the end of a line that is cut, which differs where that differs.
 */
export function scrubLines(text: string, markOf: (rest: string) => string): string {
  const pieces: string[] = []
  let piece: string[] = []
  let length = 0
  const end = (): void => {
    if (piece.length > 0) pieces.push(scrub(piece.join('\n'), 2 * maxLineLength))
    piece = []
    length = 0
  }
  let isInKey = false
  for (const line of text.split('\n')) {
    if (isInKey) {
      isInKey = !line.includes('-----END ')
      continue
    }
    const begin = line.lastIndexOf('-----BEGIN ')
    isInKey =
      begin !== -1 &&
      /PRIVATE KEY|SECRET/.test(line.slice(begin, begin + keyHeadLength)) &&
      !line.slice(begin).includes('-----END ')
    const shown = isInKey ? line.slice(0, begin) + hiddenText : line
    if (length + shown.length > maxLineLength) end()
    if (shown.length > maxLineLength) pieces.push(scrub(shown, maxLineLength) + markOf(shown.slice(maxLineLength)))
    else {
      piece.push(shown)
      length += shown.length + 1
    }
  }
  end()
  return pieces.join('\n')
}

/** Without letters that steer terminals, turn the direction of reading, or cannot be seen. */
export function plain(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, (letter) =>
      letter === '\n' || letter === '\t' ? letter : '',
    )
}

/** At most so many UTF-16 units, never half a letter; says where something was cut. */
export function cut(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength).replace(/[\ud800-\udbff]$/, '')}…` : text
}
