/** White space as Go's unicode.IsSpace has it. */
const leadingSpace = /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/

/**
 * The documents of a rendered file, without empty ones (Helm v4 SplitManifests). Any line that starts with `---` separates, whatever follows it on
 * that line; leading white space of each document is dropped, the rest stays as it is.
 */
export function splitManifests(text: string): string[] {
  const documents: string[] = []
  for (const document of text.replace(leadingSpace, '').split(/^---[ \t]*/m)) {
    const trimmed = document.replace(leadingSpace, '')
    if (trimmed !== '') documents.push(trimmed)
  }
  return documents
}

/** True for text of white space only. */
export function isBlank(text: string): boolean {
  return text.replace(leadingSpace, '') === ''
}
