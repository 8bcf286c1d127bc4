/** A literal that was blanked out, with its place in the text. */
export interface Literal {
  readonly kind: 'string' | 'regexp'
  /** Position of the opening quote or slash. */
  readonly start: number
  /** Position behind the closing one, flags included. */
  readonly end: number
}

/** Source text in which comments and the contents of literals are blank, so that words in them do not count as code. Places stay the same. */
export interface MaskedText {
  readonly code: string
  readonly literals: readonly Literal[]
}

/** What stands before a slash that starts a regular expression and not a division. */
const beforeRegExp = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))\s*$/

/** Blanks comments, strings, templates (not the expressions in them) and regular expressions of TypeScript source. */
export function maskText(source: string): MaskedText {
  const out = source.split('')
  const literals: Literal[] = []
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i++) if (out[i] !== '\n') out[i] = ' '
  }
  /** Depths of braces at which a template's expression ends. */
  const templates: number[] = []
  let depth = 0
  let i = 0
  while (i < source.length) {
    const char = source[i]
    const pair = source.slice(i, i + 2)
    let end = i + 1
    if (pair === '//') {
      end = indexOrEnd(source, '\n', i)
      blank(i, end)
    } else if (pair === '/*') {
      end = Math.min(source.length, indexOrEnd(source, '*/', i + 2) + 2)
      blank(i, end)
    } else if (char === "'" || char === '"') {
      end = endOfString(source, i)
      literals.push({ kind: 'string', start: i, end })
      blank(i + 1, end - 1)
    } else if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop()
      const found = endOfTemplatePart(source, i + 1)
      if (found.opens) templates.push(depth)
      end = found.end
      blank(i + 1, found.opens ? end - 2 : end - 1)
      if (found.opens) blank(end - 2, end)
      if (char === '}') blank(i, i + 1)
    } else if (char === '/' && beforeRegExp.test(out.slice(Math.max(0, i - 30), i).join(''))) {
      end = endOfRegExp(source, i) ?? end
      if (end > i + 1) {
        literals.push({ kind: 'regexp', start: i, end })
        blank(i + 1, end - 1)
      }
    } else if (char === '{') {
      depth += 1
    } else if (char === '}') {
      depth -= 1
    }
    i = end
  }
  return { code: out.join(''), literals }
}

function indexOrEnd(source: string, wanted: string, from: number): number {
  const index = source.indexOf(wanted, from)
  return index === -1 ? source.length : index
}

function endOfString(source: string, start: number): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === '\\') i += 1
    else if (source[i] === source[start]) return i + 1
    // Text of JSX may hold a lone apostrophe; a string never goes over a line.
    else if (source[i] === '\n') return i
  }
  return source.length
}

function endOfTemplatePart(source: string, from: number): { readonly end: number; readonly opens: boolean } {
  for (let i = from; i < source.length; i++) {
    if (source[i] === '\\') i += 1
    else if (source[i] === '`') return { end: i + 1, opens: false }
    else if (source[i] === '$' && source[i + 1] === '{') return { end: i + 2, opens: true }
  }
  return { end: source.length, opens: false }
}

function endOfRegExp(source: string, start: number): number | undefined {
  let inClass = false
  for (let i = start + 1; i < source.length && source[i] !== '\n'; i++) {
    const char = source[i]
    if (char === '\\') i += 1
    else if (char === '[') inClass = true
    else if (char === ']') inClass = false
    else if (char === '/' && !inClass) return i + 1 + (/^[a-z]*/.exec(source.slice(i + 1))?.[0].length ?? 0)
  }
  return undefined
}
