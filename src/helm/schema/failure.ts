/** What is wrong with a value, and what was wrong below that. Groups and references print only where they hold several. */
export interface Failure {
  readonly kind: 'keyword' | 'group' | 'reference'
  readonly path: readonly string[]
  readonly message: string
  readonly causes: readonly Failure[]
}

/** A failure of one keyword. */
export function failure(path: readonly string[], message: string, causes: readonly Failure[] = []): Failure {
  return { kind: 'keyword', path, message, causes }
}

/** Failures as Helm prints them: one a line, indented below what they belong to (santhosh-tekuri/jsonschema v6, Error). */
export function printFailures(failures: readonly Failure[]): string {
  const lines: string[] = []
  for (const item of failures) print(item, 0, lines)
  return lines.join('\n')
}

function print(item: Failure, indent: number, lines: string[]): void {
  const isHidden = item.kind === 'reference' && item.causes.length === 1
  if (!isHidden) lines.push(`${'  '.repeat(indent)}- at ${quote(pointer(item.path))}: ${item.message}`)
  for (const cause of item.causes) print(cause, isHidden ? indent : indent + 1, lines)
}

function pointer(path: readonly string[]): string {
  return path.map((token) => `/${token.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** A text in single quotes. */
export function quote(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

/** Names in single quotes, separated by commas. */
export function quoteAll(names: readonly string[]): string {
  return names.map(quote).join(', ')
}

/** A number with thousands set apart, as Go's English message printer shows it. */
export function numberText(value: number): string {
  const text = String(value)
  return /^-?\d{4,}(?:\.|$)/.test(text) ? text.replace(/\d(?=(?:\d{3})+(?:\.|$))/g, '$&,') : text
}
