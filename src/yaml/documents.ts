/** One document of a stream, as text, with the 1-based line that it starts on. */
export interface DocumentText {
  readonly text: string
  readonly line: number
}

/**
 * Splits a manifest as Helm does (Helm v4 pkg/release/util, SplitManifests): at every line that starts with `---`, whatever follows on it
 * up to the first other character than blank. Pieces without content are left out.
 */
export function splitManifest(text: string): readonly string[] {
  return text
    .split(/(?:^|\s*\n)---[ \t]*/)
    .map((piece) => piece.trim())
    .filter((piece) => piece !== '')
}

/**
 * Splits a stream as Kubernetes' YAML reader does (apimachinery util/yaml, YAMLReader): at lines that start with `---` followed by
 * nothing but blanks or a comment.
 */
export function splitDocuments(text: string): readonly DocumentText[] {
  const documents: DocumentText[] = []
  let start = 0
  let startLine = 1
  let line = 1
  for (let at = 0; at <= text.length;) {
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    if (text.startsWith('---', at) && /^---[ \t]*(?:#.*)?\r?$/.test(text.slice(at, end))) {
      if (at > start) documents.push({ text: text.slice(start, at), line: startLine })
      start = Math.min(end + 1, text.length)
      startLine = line + 1
    }
    if (newline < 0) break
    at = newline + 1
    line += 1
  }
  if (start < text.length) documents.push({ text: text.slice(start), line: startLine })
  return documents
}
