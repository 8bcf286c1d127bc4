import {
  CHOMPING_MODE,
  EVENT_ID,
  SCALAR_STYLE,
  getScalarValue,
  type Event,
  type MappingEvent,
  type ScalarEvent,
  type SequenceEvent,
} from 'js-yaml'
import { formatFloat } from './numbers.ts'
import { resolveScalar } from './scalars.ts'
import type { YamlDialect, YamlLimits, YamlValue } from './dialect.ts'

/** Where in the text something is wrong. */
export class YamlProblem extends Error {
  readonly code: string
  readonly offset: number

  constructor(code: string, message: string, offset: number) {
    super(message)
    this.name = 'YamlProblem'
    this.code = code
    this.offset = offset
  }
}

/** What a reader wants to know that values do not show. */
export interface YamlNotes {
  /** The scalar at `map[key]` was written as `text`, which is not how its value reads: `1.10`, `0o17`, a null that is written as nothing. */
  text(map: { [key: string]: YamlValue }, key: string, text: string): void
  /** The text at `map[key]` stands in quotes, or as a block. */
  quoted(map: { [key: string]: YamlValue }, key: string): void
  /** The mapping holds a key twice (the first one counts), or one that is not text: with this, it is read all the same. */
  fault(map: { [key: string]: YamlValue }, fault: YamlFault): void
}

/** A fault of a mapping that only matters when it is printed. */
export interface YamlFault {
  readonly code: string
  readonly message: string
  readonly offset: number
}

export interface ComposeOptions {
  readonly dialect: YamlDialect
  readonly maps: boolean
  /** Duplicate keys are errors, as go-yaml's strict reading and every decoding of v3 has it. Else the last one wins. */
  readonly uniqueKeys: boolean
  readonly limits: YamlLimits
  readonly notes?: YamlNotes | undefined
}

const mergeKey = Symbol('<<')
type MappingValue = Map<string, YamlValue> | { [key: string]: YamlValue }
type Key = string | typeof mergeKey
type Anchored = { readonly value: YamlValue; readonly nodes: number }

/** Builds the values of a text's events. One per reading. */
export class Composer {
  readonly #events: readonly Event[]
  readonly #source: string
  readonly #options: ComposeOptions
  readonly #anchors = new Map<string, Anchored>()
  #at: number
  #nodes = 0
  #aliased = 0

  constructor(events: readonly Event[], source: string, options: ComposeOptions, start: number) {
    this.#events = events
    this.#source = source
    this.#options = options
    this.#at = start
  }

  /** Index of the event behind what was composed. */
  get position(): number {
    return this.#at
  }

  /** Where the event starts that was read last. */
  #offset(): number {
    const event = this.#events[this.#at - 1]
    return event !== undefined && 'valueStart' in event ? event.valueStart : 0
  }

  #plain(text: string): YamlValue {
    const value = resolveScalar(text, this.#options.dialect)
    // sigs.k8s.io/yaml reads by way of JSON, which has neither infinities nor NaN.
    if (typeof value === 'number' && !Number.isFinite(value) && this.#options.dialect === 'sigs') {
      const name = Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
      throw new YamlProblem('yaml-not-json', `json: unsupported value: ${name}`, this.#offset())
    }
    return typeof value === 'bigint' && this.#options.maps ? Number(value) : value
  }

  /** The value that starts at the current event. Throws YamlProblem. */
  node(): YamlValue {
    const event = this.#events[this.#at++]
    this.#nodes += 1
    switch (event?.type) {
      case EVENT_ID.SCALAR:
        return this.#anchor(event, this.#nodes - 1, this.#scalar(event))
      case EVENT_ID.SEQUENCE:
        return this.#sequence(event)
      case EVENT_ID.MAPPING:
        return this.#mapping(event)
      case EVENT_ID.ALIAS:
        return this.#alias(this.#source.slice(event.anchorStart, event.anchorEnd), event.anchorStart)
      default:
        return null
    }
  }

  #anchor<T extends YamlValue>(event: ScalarEvent | SequenceEvent | MappingEvent, before: number, value: T): T {
    if (event.anchorStart >= 0) {
      this.#anchors.set(this.#source.slice(event.anchorStart, event.anchorEnd), { value, nodes: this.#nodes - before })
    }
    return value
  }

  #tag(event: ScalarEvent | SequenceEvent | MappingEvent): string {
    return event.tagStart < 0 ? '' : this.#source.slice(event.tagStart, event.tagEnd)
  }

  /** A block scalar whose last line the text's end cuts off has no line break there (libyaml), where YAML 1.2 gives it one. */
  #text(event: ScalarEvent): string {
    const text = getScalarValue(this.#source, event)
    const { style, chomping, indent } = event
    if (style !== SCALAR_STYLE.LITERAL_BLOCK && style !== SCALAR_STYLE.FOLDED_BLOCK) return text
    const source = this.#source
    if (chomping === CHOMPING_MODE.STRIP || event.valueEnd < source.length) return text
    const lastLine = source.length - 1 - Math.max(source.lastIndexOf('\n'), source.lastIndexOf('\r'))
    return lastLine > indent && text.endsWith('\n') ? text.slice(0, -1) : text
  }

  #scalar(event: ScalarEvent): YamlValue {
    const text = this.#text(event)
    const tag = this.#tag(event)
    if (tag === '') return event.style === SCALAR_STYLE.PLAIN ? this.#plain(text) : text
    switch (tag.replace(/^(?:!<tag:yaml\.org,2002:(.*)>)$/, '!!$1')) {
      case '!!str':
      case '!':
        return text
      case '!!binary':
        return decodeBinary(text, event.valueStart)
      case '!!float': {
        const value = resolveScalar(text, this.#options.dialect)
        return typeof value === 'bigint' ? Number(value) : value
      }
      default:
        return tag.startsWith('!!') || event.style === SCALAR_STYLE.PLAIN ? this.#plain(text) : text
    }
  }

  #sequence(event: SequenceEvent): YamlValue {
    const before = this.#nodes - 1
    const items: YamlValue[] = []
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) items.push(this.node())
    this.#at += 1
    return this.#anchor(event, before, items)
  }

  #mapping(event: MappingEvent): YamlValue {
    const before = this.#nodes - 1
    const target: MappingValue = this.#options.maps ? new Map<string, YamlValue>() : {}
    const merges: YamlValue[] = []
    const { notes } = this.#options
    while (this.#events[this.#at]?.type !== EVENT_ID.POP) {
      const keyEvent = this.#events[this.#at]
      const key = this.#key(target)
      const valueEvent = this.#events[this.#at]
      const value = this.node()
      if (key === mergeKey) {
        merges.push(...(Array.isArray(value) ? value : [value]))
        continue
      }
      if (this.#options.uniqueKeys && hasKey(target, key)) {
        const offset = keyEvent !== undefined && 'valueStart' in keyEvent ? keyEvent.valueStart : event.start
        this.#fault(
          target,
          'yaml-duplicate-key',
          `mapping key ${JSON.stringify(key)} already defined; keep one of them`,
          offset,
        )
        continue
      }
      putKey(target, key, value)
      if (notes !== undefined && valueEvent?.type === EVENT_ID.SCALAR && !(target instanceof Map))
        this.#noteText(target, key, value, valueEvent)
    }
    this.#at += 1
    for (const merge of merges) this.#merge(target, merge, event.start)
    return this.#anchor(event, before, target)
  }

  /** A fault is noted where somebody wants to know, else it ends the reading. */
  #fault(target: MappingValue, code: string, message: string, offset: number): void {
    const { notes } = this.#options
    if (notes === undefined || target instanceof Map) throw new YamlProblem(code, message, offset)
    notes.fault(target, { code, message, offset })
  }

  #noteText(target: { [key: string]: YamlValue }, key: string, value: YamlValue, event: ScalarEvent): void {
    if (event.style !== SCALAR_STYLE.PLAIN) {
      this.#options.notes?.quoted(target, key)
      return
    }
    if (typeof value === 'object' && value !== null) return
    const text = getScalarValue(this.#source, event)
    if (text !== String(value)) this.#options.notes?.text(target, key, text)
  }

  /** What the mapping has itself wins over what is merged in; of several merged mappings the first wins. */
  #merge(target: MappingValue, source: YamlValue, offset: number): void {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) {
      throw new YamlProblem('yaml-bad-merge', "map merge requires map or sequence of maps as the value of '<<'", offset)
    }
    const entries = source instanceof Map ? source.entries() : Object.entries(source)
    for (const [key, value] of entries) if (!hasKey(target, key)) putKey(target, key, value)
  }

  /** Keys that are not text become the text that Go gives them in JSON; go-yaml v3 refuses them there. */
  #key(target: MappingValue): Key {
    const event = this.#events[this.#at]
    if (
      event?.type === EVENT_ID.SCALAR &&
      event.style === SCALAR_STYLE.PLAIN &&
      event.tagStart < 0 &&
      getScalarValue(this.#source, event) === '<<'
    ) {
      this.#at += 1
      return mergeKey
    }
    const offset = event !== undefined && 'valueStart' in event ? event.valueStart : 0
    const key = this.node()
    if (key === null && this.#options.dialect === 'sigs')
      throw new YamlProblem('yaml-bad-key', this.#nullKeyProblem(), offset)
    if (this.#options.dialect === 'kyaml' && key !== null && typeof key !== 'object') {
      const text = event?.type === EVENT_ID.SCALAR ? getScalarValue(this.#source, event) : String(key)
      const isText = typeof key === 'string' && (text === key || event?.type !== EVENT_ID.SCALAR)
      if (!isText) this.#fault(target, 'yaml-key-not-text', `the key ${text} is not text; quote it`, offset)
      return text
    }
    if (typeof key === 'string') return key
    if (typeof key === 'boolean' || typeof key === 'bigint') return String(key)
    if (typeof key === 'number') return Number.isInteger(key) ? String(key) : formatFloat(Math.fround(key))
    throw new YamlProblem(
      'yaml-bad-key',
      key === null ? 'a mapping key is empty; write it as text' : 'a mapping key must be a scalar',
      offset,
    )
  }

  /** sigs.k8s.io/yaml's words, which show the value, too: tables and lists are left out. */
  #nullKeyProblem(): string {
    const value = this.node()
    const prefix = 'unsupported map key of type: %!s(<nil>), key: <nil>, value: '
    if (value === null) return `${prefix}<nil>`
    if (typeof value === 'string') return prefix + JSON.stringify(value)
    return prefix + (typeof value === 'object' ? '…' : String(value))
  }

  #alias(name: string, offset: number): YamlValue {
    const anchored = this.#anchors.get(name)
    if (anchored === undefined)
      throw new YamlProblem('yaml-unknown-anchor', `unknown anchor '${name}' referenced`, offset)
    this.#aliased += anchored.nodes
    this.#nodes += anchored.nodes - 1
    if (this.#aliased > this.#options.limits.maxAliasedNodes)
      throw new YamlProblem('yaml-excessive-aliasing', 'document contains excessive aliasing', offset)
    return copy(anchored.value)
  }
}

function hasKey(target: MappingValue, key: string): boolean {
  return target instanceof Map ? target.has(key) : Object.hasOwn(target, key)
}

function putKey(target: MappingValue, key: string, value: YamlValue): void {
  if (target instanceof Map) target.set(key, value)
  else if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}

/** Aliases give copies, as decoding in Go does: changing one must not change the other. */
function copy(value: YamlValue): YamlValue {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copy)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, copy(item)]))
  const result: { [key: string]: YamlValue } = {}
  for (const [key, item] of Object.entries(value)) putKey(result, key, copy(item))
  return result
}

function decodeBinary(text: string, offset: number): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text.replaceAll(/\s/g, '')), (char) => char.charCodeAt(0)))
  } catch {
    throw new YamlProblem('yaml-bad-binary', '!!binary value contains invalid base64 data', offset)
  }
}
