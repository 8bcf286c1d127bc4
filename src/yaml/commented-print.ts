import { formatFloat } from './numbers.ts'
import { escapeDouble, unprintable } from './scalar-text.ts'
import { isTimestamp, resolveScalar } from './scalars.ts'

/** A comment to print, without its `#`. */
export interface PrintedComment {
  readonly comment: string
  /** Behind the value that follows in the list, on its line. */
  readonly inline: boolean
}

/** What to print. Comments stand before the entry or item that they belong to; what is left at the end is printed there. */
export type PrintedNode =
  | {
      readonly kind: 'mapping'
      readonly entries: readonly (PrintedComment | { readonly key: string; readonly value: PrintedNode })[]
    }
  | { readonly kind: 'sequence'; readonly items: readonly (PrintedComment | PrintedNode)[] }
  | { readonly kind: 'scalar'; readonly value: null | boolean | number | bigint | string }
  /** Text that is printed as it is: times, base64 with its tag. */
  | { readonly kind: 'verbatim'; readonly text: string }

/** Columns per level, go-yaml v3's default. */
const indentation = 4
/** Longest key that stands before its colon on one line. */
const maxSimpleKey = 128

/**
 * Documents as go-yaml v3.0.4 encodes nodes with the default indentation (emitterc.go): keys in the order given, block style, lists four
 * columns right of their key, nothing folded, comments on lines of their own before what they belong to.
 */
export function printCommented(documents: readonly PrintedNode[]): string {
  const printer = new CommentedPrinter()
  const parts = documents.map((document) => printer.document(document))
  return `${parts.join('---\n')}${printer.isOpenEnded ? '...\n' : ''}`
}

class CommentedPrinter {
  #out: string[] = []
  /** True after a literal block that keeps the blank lines at its end: only a marker can end it. */
  isOpenEnded = false

  document(node: PrintedNode): string {
    this.#out = []
    this.#node(node, 0, '')
    return this.#out.join('')
  }

  /** Prints a node whose place starts with `lead` (`key:`, `-`, or nothing at the root); `indent` is that of what the node holds. */
  #node(node: PrintedNode, indent: number, lead: string, inline = ''): void {
    const tail = inline === '' ? '\n' : ` ${inline}\n`
    this.isOpenEnded = false
    switch (node.kind) {
      case 'mapping':
        if (isEmpty(node.entries)) this.#out.push(`${lead}${space(lead)}{}${tail}`)
        else this.#mapping(node.entries, indent, lead, tail)
        break
      case 'sequence':
        if (isEmpty(node.items)) this.#out.push(`${lead}${space(lead)}[]${tail}`)
        else this.#sequence(node.items, indent, lead, tail)
        break
      case 'verbatim':
        this.#out.push(`${lead}${space(lead)}${node.text}${tail}`)
        break
      case 'scalar':
        this.#scalar(node.value, indent, lead, inline)
        break
    }
  }

  #scalar(value: null | boolean | number | bigint | string, indent: number, lead: string, inline: string): void {
    const text = printScalar(value)
    const end = inline === '' ? '' : ` ${inline}`
    if (text.startsWith('|')) {
      const literal = String(value)
      const body = literal.endsWith('\n') ? literal.slice(0, -1) : literal
      const lines = body.split('\n').map((line) => (line === '' ? '' : `${' '.repeat(indent)}${line}`))
      this.#out.push(`${lead}${space(lead)}${text}${end}\n${lines.join('\n')}\n`)
      this.isOpenEnded = text.endsWith('+')
    } else this.#out.push(`${lead}${space(lead)}${text}${end}\n`)
  }

  #mapping(
    entries: readonly (PrintedComment | { readonly key: string; readonly value: PrintedNode })[],
    indent: number,
    lead: string,
    tail: string,
  ): void {
    // In a list the first key stands behind the dash, and comments before it before the dash.
    const isItem = lead.endsWith('-')
    if (!isItem && lead !== '') this.#out.push(`${lead}${tail}`)
    let prefix = isItem ? `${lead} ` : ' '.repeat(indent)
    let inline: string[] = []
    let above: string[] = []
    for (const entry of entries) {
      if ('comment' in entry) {
        ;(entry.inline ? inline : above).push(...commentLines(entry.comment))
        continue
      }
      this.#comments(above, indent)
      above = []
      const key = printKey(entry.key)
      const nested = nextIndent(indent)
      if (key.isSimple) this.#node(entry.value, nested, `${prefix}${key.text}:`, inline.join(' '))
      else {
        this.#out.push(`${prefix}? ${key.text}\n`)
        this.#node(entry.value, nested, `${' '.repeat(indent)}:`, inline.join(' '))
      }
      inline = []
      prefix = ' '.repeat(indent)
    }
    this.#comments([...above, ...inline], indent)
  }

  #sequence(items: readonly (PrintedComment | PrintedNode)[], indent: number, lead: string, tail: string): void {
    const isItem = lead.endsWith('-')
    if (!isItem && lead !== '') this.#out.push(`${lead}${tail}`)
    let prefix = isItem ? `${lead} ` : ' '.repeat(indent)
    let inline: string[] = []
    let above: string[] = []
    for (const item of items) {
      if ('comment' in item) {
        ;(item.inline ? inline : above).push(...commentLines(item.comment))
        continue
      }
      const leading =
        item.kind === 'mapping'
          ? leadingComments(item.entries)
          : item.kind === 'sequence'
            ? leadingComments(item.items)
            : []
      this.#comments([...above, ...leading], indent)
      above = []
      const rest: PrintedNode =
        item.kind === 'mapping'
          ? { kind: 'mapping', entries: item.entries.slice(leading.length === 0 ? 0 : countLeading(item.entries)) }
          : item.kind === 'sequence'
            ? { kind: 'sequence', items: item.items.slice(leading.length === 0 ? 0 : countLeading(item.items)) }
            : item
      this.#node(rest, indent + 2, `${prefix}-`, inline.join(' '))
      inline = []
      prefix = ' '.repeat(indent)
    }
    this.#comments([...above, ...inline], indent)
  }

  #comments(lines: readonly string[], indent: number): void {
    for (const line of lines) this.#out.push(`${' '.repeat(indent)}${line}\n`)
  }
}

function leadingComments(entries: readonly object[]): string[] {
  return entries
    .slice(0, countLeading(entries))
    .flatMap((entry) => ('comment' in entry ? commentLines(String(entry.comment)) : []))
}

/** Comments on lines of their own at the start; an inline one stays where it is. */
function countLeading(entries: readonly object[]): number {
  const first = entries.findIndex((entry) => !('comment' in entry) || ('inline' in entry && entry.inline === true))
  return first < 0 ? entries.length : first
}

/** Each line of a comment gets its `#`, so that none of its text can become content. */
function commentLines(comment: string): string[] {
  const [first = '', ...others] = comment.split(/\r\n|[\n\r\x85\u2028\u2029]/)
  return [`#${first}`, ...others.map((line) => (line.startsWith('#') ? line : `# ${line}`))]
}

function isEmpty(entries: readonly object[]): boolean {
  return entries.every((entry) => 'comment' in entry)
}

function space(lead: string): string {
  return lead === '' ? '' : ' '
}

/** Everything below a key starts at the next multiple of the indentation. */
function nextIndent(indent: number): number {
  return indentation * Math.floor((indent + indentation) / indentation)
}

function printKey(key: string): { readonly text: string; readonly isSimple: boolean } {
  const isMultiline = /[\n\r\x85\u2028\u2029]/.test(key)
  const text = printScalar(key)
  const length = new TextEncoder().encode(key).length
  // A key on one line cannot be a block, so that it is quoted.
  return { text: text.startsWith('|') ? escapeDouble(key) : text, isSimple: !isMultiline && length <= maxSimpleKey }
}

const base60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
const oldBoolean = /^(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/

/** A scalar on one line, or the header of a literal block. */
function printScalar(value: null | boolean | number | bigint | string): string {
  if (value === null) return 'null'
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return formatFloat(value)
  // What go-yaml makes of the text of a merge key on its way through a node.
  if (value === '<<') return '!!merge <<'
  const isText = typeof resolveScalar(value, 'kyaml') === 'string' && !isTimestamp(value)
  const canBePlain = isText && !base60.test(value) && !oldBoolean.test(value)
  if (value.includes('\n')) return allowsBlock(value) ? literalHeader(value, indentation) : escapeDouble(value)
  if (!canBePlain) return escapeDouble(value)
  if (allowsPlain(value)) return value
  return allowsSingle(value) ? `'${value.replaceAll("'", "''")}'` : escapeDouble(value)
}

/** True for a text that needs no quotes in a block. */
export function allowsPlain(text: string): boolean {
  if (/^[ \n]|[ \n]$/.test(text) || /^(?:---|\.\.\.)/.test(text)) return false
  if (/^[#,[\]{}&*!|>'"%@`]/.test(text) || /^[?:-](?:[ \t]|$)/.test(text)) return false
  return !/:(?:[ \t]|$)/.test(text) && !/[ \t]#/.test(text) && allowsSingle(text) && !/[\r\x85\u2028\u2029]/.test(text)
}

/** True for a text that single quotes can hold. */
export function allowsSingle(text: string): boolean {
  return !text.includes('\t') && !hasSpecial(text) && !/[\n\r\x85\u2028\u2029] | [\n\r\x85\u2028\u2029]/.test(text)
}

/** True for a text that a literal block can hold. */
export function allowsBlock(text: string): boolean {
  return !hasSpecial(text.replaceAll('\t', '')) && !text.endsWith(' ') && !/ [\n\r\x85\u2028\u2029]/.test(text)
}

function hasSpecial(text: string): boolean {
  return unprintable.test(text)
}

/** The header of a literal block: how its lines are indented where they start with blanks, and what becomes of its end. */
export function literalHeader(text: string, indent: number): string {
  const hint = /^[ \n]/.test(text) ? String(indent) : ''
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : ''
  return `|${hint}${chomp}`
}
