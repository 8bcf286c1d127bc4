import {
  COLLECTION_STYLE,
  EVENT_ID,
  SCALAR_STYLE,
  YAMLException,
  getScalarValue,
  parseEvents,
  type Event,
} from 'js-yaml'
import { DiagnosticsError } from '../base/index.ts'
import { defaultYamlLimits, type YamlLimits } from './dialect.ts'
import { lineStarts, offsetOf, positionAt } from './locate.ts'

/** A comment without its `#`. `inline`: behind a value, on its line. */
export interface YamlComment {
  readonly kind: 'comment'
  readonly text: string
  readonly inline: boolean
  /** What it stands behind, if not a value: a key or dash whose value starts on a later line, or the header of the block that follows. */
  readonly behind: 'key' | 'header' | undefined
  /** A blank line follows. */
  readonly blankAfter: boolean
}

/** A scalar as written: `plain` without quotes, so that its text decides its type. */
export interface CommentedScalar {
  readonly kind: 'scalar'
  readonly text: string
  readonly plain: boolean
  readonly style: 'plain' | 'single' | 'double' | 'literal' | 'folded'
  /** As written (`!!str`, `!local`); '' without one. */
  readonly tag: string
}

export interface CommentedPair {
  readonly kind: 'pair'
  readonly key: CommentedScalar
  readonly value: CommentedNode
}

/** A mapping with its comments in the order of the text. */
export interface CommentedMapping {
  readonly kind: 'mapping'
  /** Written in braces. */
  readonly flow: boolean
  readonly entries: readonly (CommentedPair | YamlComment)[]
}

/** A sequence with its comments in the order of the text. */
export interface CommentedSequence {
  readonly kind: 'sequence'
  /** Written in brackets. */
  readonly flow: boolean
  readonly items: readonly (CommentedNode | YamlComment)[]
}

export type CommentedNode = CommentedScalar | CommentedMapping | CommentedSequence

interface FoundComment {
  readonly offset: number
  readonly column: number
  readonly text: string
  readonly inline: boolean
  readonly blankAfter: boolean
}

const STYLES: { readonly [style: number]: CommentedScalar['style'] } = {
  [SCALAR_STYLE.PLAIN]: 'plain',
  [SCALAR_STYLE.SINGLE_QUOTED]: 'single',
  [SCALAR_STYLE.DOUBLE_QUOTED]: 'double',
  [SCALAR_STYLE.LITERAL_BLOCK]: 'literal',
  [SCALAR_STYLE.FOLDED_BLOCK]: 'folded',
}

/**
 * Reads a stream with its comments, each in the collection that it stands in: before the key or item that follows, or, where it is
 * indented as deep as what came before, at that collection's end. Aliases are resolved, anchors gone.
 *
 * @returns the documents' roots; undefined for an empty document.
 * @throws DiagnosticsError with line and column; messages never hold content.
 */
export function readCommented(
  text: string,
  limits: YamlLimits = defaultYamlLimits,
): readonly (CommentedNode | undefined)[] {
  if (text.length > limits.maxLength) throw problem('yaml-too-large', `the YAML is longer than ${limits.maxLength}`)
  let events: readonly Event[]
  try {
    events = parseEvents(text, { maxDepth: limits.maxDepth })
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    throw problem('yaml-syntax', error.reason ?? 'the YAML cannot be read', error.mark)
  }
  return new CommentedReader(text, events, limits).documents()
}

class CommentedReader {
  readonly #text: string
  readonly #events: readonly Event[]
  readonly #limits: YamlLimits
  readonly #starts: readonly number[]
  readonly #comments: readonly FoundComment[]
  readonly #anchors = new Map<string, { readonly node: CommentedNode; readonly size: number }>()
  #at = 0
  #nextComment = 0
  #nodes = 0

  constructor(text: string, events: readonly Event[], limits: YamlLimits) {
    this.#text = text
    this.#events = events
    this.#limits = limits
    this.#starts = lineStarts(text)
    this.#comments = this.#findComments()
  }

  documents(): readonly (CommentedNode | undefined)[] {
    const documents: (CommentedNode | undefined)[] = []
    while (this.#at < this.#events.length) {
      if (this.#events[this.#at++]?.type !== EVENT_ID.DOCUMENT) continue
      this.#anchors.clear()
      if (this.#events[this.#at]?.type === EVENT_ID.POP) documents.push(undefined)
      else documents.push(this.#node(this.#nextDocument()))
    }
    return documents
  }

  /** Where the next document starts: comments before it belong to this one. */
  #nextDocument(): number {
    let depth = 1
    for (let at = this.#at; at < this.#events.length; at++) {
      const event = this.#events[at]
      if (event?.type === EVENT_ID.POP) depth -= 1
      else if (event?.type === EVENT_ID.MAPPING || event?.type === EVENT_ID.SEQUENCE) depth += 1
      if (depth > 0) continue
      const next = this.#events
        .slice(at + 1, at + 4)
        .map(offsetOf)
        .find((offset) => offset !== undefined)
      if (next === undefined) return this.#text.length
      const marker = this.#text.lastIndexOf('\n---', next)
      return marker < 0 ? next : marker
    }
    return this.#text.length
  }

  /** Comments are what follows a `#` after a blank outside of scalars. */
  #findComments(): readonly FoundComment[] {
    const found: FoundComment[] = []
    let from = 0
    const scan = (to: number): void => {
      for (const { 0: match, index } of this.#text.slice(from, to).matchAll(/(?<=^|[ \t\n\r])#[^\n\r]*/g)) {
        const offset = from + index
        const { line, column } = positionAt(this.#starts, offset)
        const before = this.#text.slice(this.#starts[line - 1] ?? 0, offset)
        const blankAfter = /^\r?\n[ \t]*\r?\n/.test(
          this.#text.slice(offset + match.length, offset + match.length + 200),
        )
        found.push({ offset, column: column - 1, text: match.slice(1), inline: before.trim() !== '', blankAfter })
      }
    }
    for (const event of this.#events) {
      if (event.type !== EVENT_ID.SCALAR || event.valueStart < 0) continue
      scan(event.valueStart)
      from = Math.max(from, event.valueEnd)
    }
    scan(this.#text.length)
    return found
  }

  #column(offset: number): number {
    return positionAt(this.#starts, offset).column - 1
  }

  /** The comments before an offset that nobody has taken yet. */
  #take(
    before: number,
    wanted: (comment: FoundComment) => boolean = () => true,
    behind: 'key' | 'header' = 'key',
  ): YamlComment[] {
    const taken: YamlComment[] = []
    for (let next = this.#comments[this.#nextComment]; next !== undefined; next = this.#comments[this.#nextComment]) {
      if (next.offset >= before || !wanted(next)) break
      const { text, blankAfter } = next
      taken.push({ kind: 'comment', text, inline: false, behind: next.inline ? behind : undefined, blankAfter })
      this.#nextComment += 1
    }
    return taken
  }

  /** The comment behind what ends at `end`, on its line. */
  #takeInline(end: number): YamlComment[] {
    const next = this.#comments[this.#nextComment]
    if (next === undefined || !next.inline || next.offset < end) return []
    if (/[\n\r]/.test(this.#text.slice(end, next.offset))) return []
    this.#nextComment += 1
    return [{ kind: 'comment', text: next.text, inline: true, behind: undefined, blankAfter: next.blankAfter }]
  }

  /** `limit`: where the next token behind the node is. */
  #node(limit: number): CommentedNode {
    const event = this.#events[this.#at++]
    this.#count(1, event)
    const before = this.#nodes - 1
    let node: CommentedNode
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        node = this.#scalar(event)
        break
      case EVENT_ID.MAPPING:
        node = this.#mapping(limit, event.style === COLLECTION_STYLE.FLOW)
        break
      case EVENT_ID.SEQUENCE:
        node = this.#sequence(event.start, limit, event.style === COLLECTION_STYLE.FLOW)
        break
      case EVENT_ID.ALIAS: {
        const anchored = this.#anchors.get(this.#text.slice(event.anchorStart, event.anchorEnd))
        if (anchored === undefined) throw this.#problemAt('yaml-unknown-alias', 'an alias names no anchor', event)
        this.#count(anchored.size, event)
        return anchored.node
      }
      default:
        return { kind: 'scalar', text: '', plain: true, style: 'plain', tag: '' }
    }
    if (event.anchorStart >= 0)
      this.#anchors.set(this.#text.slice(event.anchorStart, event.anchorEnd), { node, size: this.#nodes - before })
    return node
  }

  #scalar(event: Extract<Event, { type: typeof EVENT_ID.SCALAR }>): CommentedScalar {
    return {
      kind: 'scalar',
      text: event.valueStart < 0 ? '' : getScalarValue(this.#text, event),
      plain: event.style === SCALAR_STYLE.PLAIN,
      style: STYLES[event.style] ?? 'plain',
      tag: event.tagStart < 0 ? '' : this.#text.slice(event.tagStart, event.tagEnd),
    }
  }

  #mapping(limit: number, flow: boolean): CommentedMapping {
    const entries: (CommentedPair | YamlComment)[] = []
    const keys = new Set<string>()
    let column = 0
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
      const keyEvent = this.#events[this.#at]
      const keyStart = offsetOf(keyEvent) ?? limit
      if (entries.length === 0) column = this.#column(keyStart)
      entries.push(...this.#take(keyStart))
      if (keyEvent?.type !== EVENT_ID.SCALAR)
        throw this.#problemAt('yaml-bad-key', 'only text can be a key here', keyEvent)
      this.#at += 1
      const key = this.#scalar(keyEvent)
      if (keys.has(key.text)) throw this.#problemAt('yaml-duplicate-key', 'a key is defined twice; keep one', keyEvent)
      keys.add(key.text)
      const valueEvent = this.#events[this.#at]
      const isScalar = valueEvent?.type === EVENT_ID.SCALAR || valueEvent?.type === EVENT_ID.ALIAS
      if (isScalar) entries.push(...this.#take(offsetOf(valueEvent) ?? keyEvent.valueEnd, undefined, 'header'))
      const value = this.#node(this.#nextToken(limit))
      if (isScalar) entries.push(...this.#takeInline(endOf(valueEvent) ?? keyEvent.valueEnd))
      entries.push({ kind: 'pair', key, value })
    }
    this.#at += 1
    entries.push(...this.#take(limit, (comment) => comment.column >= column && !comment.inline))
    return { kind: 'mapping', flow, entries }
  }

  #sequence(start: number, limit: number, flow: boolean): CommentedSequence {
    const items: (CommentedNode | YamlComment)[] = []
    const column = this.#column(start)
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
      const event = this.#events[this.#at]
      const isScalar = event?.type === EVENT_ID.SCALAR || event?.type === EVENT_ID.ALIAS
      items.push(...this.#take(offsetOf(event) ?? -1))
      const item = this.#node(this.#nextToken(limit))
      const end = isScalar ? endOf(event) : undefined
      if (end !== undefined) items.push(...this.#takeInline(end))
      items.push(item)
    }
    this.#at += 1
    items.push(...this.#take(limit, (comment) => comment.column >= column && !comment.inline))
    return { kind: 'sequence', flow, items }
  }

  /** Where the token behind the node at the current event starts: comments before it may still belong to that node. */
  #nextToken(limit: number): number {
    let depth = 0
    for (let at = this.#at; at < this.#events.length; at++) {
      const type = this.#events[at]?.type
      if (type === EVENT_ID.MAPPING || type === EVENT_ID.SEQUENCE) depth += 1
      else if (type === EVENT_ID.POP) depth -= 1
      if (depth > 0) continue
      const next = this.#events[at + 1]
      return next === undefined || next.type === EVENT_ID.POP ? limit : (offsetOf(next) ?? limit)
    }
    return limit
  }

  #count(nodes: number, event: Event | undefined): void {
    this.#nodes += nodes
    if (this.#nodes > this.#limits.maxAliasedNodes)
      throw this.#problemAt('yaml-too-large', `the YAML has more than ${this.#limits.maxAliasedNodes} nodes`, event)
  }

  #problemAt(code: string, message: string, event: Event | undefined): DiagnosticsError {
    const offset = offsetOf(event)
    if (offset === undefined) return problem(code, message)
    const { line, column } = positionAt(this.#starts, offset)
    return problem(code, message, { line: line - 1, column: column - 1 })
  }
}

function endOf(event: Event | undefined): number | undefined {
  if (event?.type === EVENT_ID.ALIAS) return event.anchorEnd
  if (event?.type !== EVENT_ID.SCALAR || event.valueStart < 0) return undefined
  // The closing quote stands behind the value.
  return event.style === SCALAR_STYLE.PLAIN ? event.valueEnd : event.valueEnd + 1
}

function problem(
  code: string,
  message: string,
  mark?: { readonly line: number; readonly column: number } | null,
): DiagnosticsError {
  return new DiagnosticsError(
    [{ code, message, severity: 'error', ...(mark ? { line: mark.line + 1, column: mark.column + 1 } : {}) }],
    { code },
  )
}
