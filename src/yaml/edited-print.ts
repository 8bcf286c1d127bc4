import { allowsBlock, allowsPlain, allowsSingle, literalHeader } from './commented-print.ts'
import type {
  CommentedMapping,
  CommentedNode,
  CommentedScalar,
  CommentedSequence,
  YamlComment,
} from './commented-read.ts'
import { escapeDouble } from './scalar-text.ts'
import { isTimestamp, resolveScalar } from './scalars.ts'

/** JSON, with `bigint` for large integers. */
type Plain = null | boolean | number | bigint | string | Plain[] | { [key: string]: Plain }

/** What became of a place: a scalar with another text, or something else as a whole. */
export type YamlEdit = { readonly text: string } | 'replaced'

/** What was changed at `container[key]`; undefined where nothing was. */
export type EditAt = (container: object, key: string | number) => YamlEdit | undefined

/** Columns per level, as kyaml sets it; lists stand at the column of their key. */
const indentation = 2

/**
 * A document that was read with its comments, after `value`, the same document as plain data, was changed: printed as kyaml 0.21 prints its
 * nodes (go-yaml v3 with an indentation of two and compact lists). Styles, comments and the order of keys stay; a scalar keeps its style and its
 * type, which is written as a tag where the new text has another one; keys that were added come last. Not for folded scalars and anchors.
 */
export function printEdited(node: CommentedNode, value: unknown, edit: EditAt): string {
  const printer = new EditedPrinter(edit)
  printer.node(node, value as Plain, { container: [value], key: 0 }, '', 0, [])
  return printer.text
}

interface Place {
  readonly container: object
  readonly key: string | number
}

class EditedPrinter {
  text = ''
  readonly #edit: EditAt

  constructor(edit: EditAt) {
    this.#edit = edit
  }

  /** Prints what stands behind `lead` (`key:`, `-` or nothing), whose own column is `column`. */
  node(
    node: CommentedNode | undefined,
    value: Plain,
    place: Place,
    lead: string,
    column: number,
    comments: readonly YamlComment[],
  ): void {
    const tail = comments.map((one) => ` #${one.text}`).join('')
    const edit = this.#edit(place.container, place.key)
    const space = lead === '' ? '' : ' '
    if (node === undefined || edit === 'replaced' || node.kind !== kindOf(value)) {
      this.#fresh(value, lead, column, tail)
    } else if (node.kind === 'scalar') {
      const width = lead === '' ? column : column + indentation
      this.text += `${lead}${space}${printScalar(node, edit, { flow: false, indent: width, tail })}\n`
    } else if (node.flow || isEmpty(node)) {
      this.text += `${lead}${space}${this.#flow(node, value)}${tail}\n`
    } else if (node.kind === 'mapping') this.#mapping(node, value as { [key: string]: Plain }, lead, column)
    else this.#sequence(node, value as Plain[], lead, column)
  }

  #mapping(node: CommentedMapping, value: { [key: string]: Plain }, lead: string, column: number): void {
    const start = this.#open(node.entries, lead, column, column + (lead === '' ? 0 : indentation))
    let { prefix } = start
    const { at } = start
    const pad = ' '.repeat(at)
    const seen = new Set<string>()
    let pending: YamlComment[] = []
    const print = (key: string, printedKey: string, child: CommentedNode | undefined): void => {
      const inline = pending.filter(isBehindValue)
      this.#above(pending, prefix, at)
      pending = []
      seen.add(key)
      this.node(child, value[key] ?? null, { container: value, key }, `${prefix}${printedKey}:`, at, inline)
      prefix = pad
    }
    for (const entry of node.entries.slice(start.skip)) {
      if (entry.kind === 'comment') pending.push(entry)
      else print(entry.key.text, printScalar(entry.key, undefined, KEY), entry.value)
    }
    for (const key of Object.keys(value)) if (!seen.has(key)) print(key, freshScalar(key, KEY), undefined)
    this.#above(pending, pad, at, false)
  }

  #sequence(node: CommentedSequence, value: Plain[], lead: string, column: number): void {
    const isItem = lead.endsWith('-')
    const start = this.#open(node.items, lead, column, isItem ? column + indentation : column)
    let { prefix } = start
    const { at } = start
    const pad = ' '.repeat(at)
    let index = 0
    let pending: YamlComment[] = []
    const print = (child: CommentedNode | undefined): void => {
      const inline = pending.filter(isBehindValue)
      this.#above(pending, prefix, at)
      pending = []
      this.node(child, value[index] ?? null, { container: value, key: index }, `${prefix}-`, at, inline)
      index += 1
      prefix = pad
    }
    for (const item of node.items.slice(start.skip)) {
      if (item.kind === 'comment') pending.push(item)
      else print(item)
    }
    while (index < value.length) print(undefined)
    this.#above(pending, pad, at, false)
  }

  /** Starts a collection in block style: on the line of a dash, else below its key, with the comments that stand on the line of the key. */
  #open(
    entries: readonly object[],
    lead: string,
    column: number,
    below: number,
  ): { prefix: string; at: number; skip: number } {
    let skip = 0
    let tail = ''
    for (; skip < entries.length; skip++) {
      const entry = entries[skip] as YamlComment
      if (entry.kind !== 'comment' || entry.behind !== 'key') break
      tail += ` #${entry.text}`
    }
    if (lead === '') return { prefix: '', at: column, skip }
    if (lead.endsWith('-') && tail === '') return { prefix: `${lead} `, at: column + indentation, skip }
    this.text += `${lead}${tail}\n`
    return { prefix: ' '.repeat(below), at: below, skip }
  }

  /** Comments on lines of their own. Behind a dash there is no room for them: they go above it. */
  #above(comments: readonly YamlComment[], prefix: string, at: number, withBlanks = true): void {
    const column = prefix.trim() === '' ? at : prefix.search(/\S/)
    for (const { text, blankAfter } of comments.filter((one) => !isBehindValue(one)))
      this.text += `${' '.repeat(column)}#${text}\n${blankAfter && withBlanks ? '\n' : ''}`
  }

  #flow(node: CommentedNode, value: Plain): string {
    if (node.kind === 'scalar') return printScalar(node, undefined, FLOW)
    const child = (one: CommentedNode | undefined, inner: Plain, container: object, key: string | number): string => {
      const edit = this.#edit(container, key)
      if (one === undefined || edit === 'replaced' || one.kind !== kindOf(inner)) return freshFlow(inner)
      return one.kind === 'scalar' ? printScalar(one, edit, FLOW) : this.#flow(one, inner)
    }
    if (node.kind === 'sequence') {
      const items = node.items.filter((one): one is CommentedNode => one.kind !== 'comment')
      const list = value as Plain[]
      return `[${list.map((inner, index) => child(items[index], inner, list, index)).join(', ')}]`
    }
    const map = value as { [key: string]: Plain }
    const pairs = new Map(node.entries.flatMap((one) => (one.kind === 'pair' ? [[one.key.text, one] as const] : [])))
    return `{${Object.keys(map)
      .map((key) => {
        const pair = pairs.get(key)
        const name = pair === undefined ? freshScalar(key, FLOW) : printScalar(pair.key, undefined, FLOW)
        return `${name}: ${child(pair?.value, map[key] ?? null, map, key)}`
      })
      .join(', ')}}`
  }

  /** What was not there before: in block style. */
  #fresh(value: Plain, lead: string, column: number, tail: string): void {
    const space = lead === '' ? '' : ' '
    if (typeof value !== 'object' || value === null) {
      this.text += `${lead}${space}${freshScalar(value, { flow: false, indent: column + indentation, tail })}\n`
      return
    }
    const isList = Array.isArray(value)
    if (Object.keys(value).length === 0) {
      this.text += `${lead}${space}${isList ? '[]' : '{}'}${tail}\n`
      return
    }
    const node: CommentedNode = isList
      ? { kind: 'sequence', flow: false, items: [] }
      : { kind: 'mapping', flow: false, entries: [] }
    if (node.kind === 'sequence') this.#sequence(node, value as Plain[], lead, column)
    else this.#mapping(node, value as { [key: string]: Plain }, lead, column)
  }
}

/** On the line of the value that follows it here: behind that, or behind the header of a block. */
function isBehindValue(comment: YamlComment): boolean {
  return comment.inline || comment.behind === 'header'
}

function kindOf(value: Plain): CommentedNode['kind'] {
  return typeof value !== 'object' || value === null ? 'scalar' : Array.isArray(value) ? 'sequence' : 'mapping'
}

function isEmpty(node: CommentedMapping | CommentedSequence): boolean {
  return (node.kind === 'mapping' ? node.entries : node.items).every((one) => one.kind === 'comment')
}

interface ScalarPlace {
  readonly flow: boolean
  /** Column of the lines of a block. */
  readonly indent: number
  /** A comment behind it. */
  readonly tail: string
}

const FLOW: ScalarPlace = { flow: true, indent: 0, tail: '' }
const KEY: ScalarPlace = { flow: true, indent: 0, tail: '' }

function printScalar(node: CommentedScalar, edit: YamlEdit | undefined, place: ScalarPlace): string {
  const text = edit === undefined || edit === 'replaced' ? node.text : edit.text
  if (node.tag !== '') return `${node.tag} ${printStyled(text, node.style, place)}`
  if (node.style !== 'plain') return printStyled(text, node.style, place)
  if (edit === undefined) return printStyled(text, 'plain', place)
  const before = typeOf(node.text)
  const after = typeOf(text)
  if (before === after) return printStyled(text, 'plain', place)
  return before === 'str' ? printStyled(text, 'double', place) : `!!${before} ${printStyled(text, 'plain', place)}`
}

/** The tag that a plain scalar has without saying so. */
function typeOf(text: string): string {
  if (isTimestamp(text)) return 'timestamp'
  const value = resolveScalar(text, 'kyaml')
  if (typeof value === 'string') return 'str'
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'bigint' || /^[-+]?(?:0[xXoObB])?[0-9a-fA-F_]+$/.test(text) ? 'int' : 'float'
}

/** A scalar that has no style of its own yet; text that would be something else is quoted. */
function freshScalar(value: null | boolean | number | bigint | string, place: ScalarPlace): string {
  if (value === null) return `null${place.tail}`
  if (typeof value !== 'string') return `${String(value)}${place.tail}`
  return printStyled(value, typeOf(value) === 'str' ? 'plain' : 'double', place)
}

function freshFlow(value: Plain): string {
  if (typeof value !== 'object' || value === null) return freshScalar(value, FLOW)
  if (Array.isArray(value)) return `[${value.map(freshFlow).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, item]) => `${freshScalar(key, FLOW)}: ${freshFlow(item)}`)
    .join(', ')}}`
}

/** A text in the style that is wanted, or in the next one that can hold it. */
function printStyled(text: string, style: CommentedScalar['style'], place: ScalarPlace): string {
  const { flow, tail } = place
  const isMultiline = text.includes('\n')
  const wantsBlock = style === 'literal' || style === 'folded' || (style === 'plain' && isMultiline)
  if (wantsBlock && !flow && text !== '' && allowsBlock(text)) return printLiteral(text, place)
  if (style === 'plain' && !isMultiline && allowsPlain(text) && !(flow && (text === '' || /[,?[\]{}]/.test(text))))
    return text + tail
  if (style !== 'double' && !isMultiline && allowsSingle(text)) return `'${text.replaceAll("'", "''")}'${tail}`
  return escapeDouble(text) + tail
}

function printLiteral(text: string, { indent, tail }: ScalarPlace): string {
  const body = text.endsWith('\n') ? text.slice(0, -1) : text
  const lines = body.split('\n').map((line) => (line === '' ? '' : `${' '.repeat(indent)}${line}`))
  return `${literalHeader(text, indentation)}${tail}\n${lines.join('\n')}`
}
