import { EVENT_ID, SCALAR_STYLE, YAMLException, parseEvents, type Event } from 'js-yaml'
import { DiagnosticsError, type Diagnostic } from '../base/index.ts'
import { Composer, YamlProblem, type YamlNotes } from './compose.ts'
import { defaultYamlLimits, type YamlDialect, type YamlLimits, type YamlMapValue, type YamlValue } from './dialect.ts'
import { indentContinuations } from './indent-continuations.ts'
import { findPath, lineStarts, offsetOf, positionAt } from './locate.ts'

export interface ParseOptions {
  readonly dialect: YamlDialect
  /** Path that diagnostics name. */
  readonly file?: string
  /** Duplicate keys are errors. Default: true for `kyaml`, false for `sigs` (the last one wins), as in Go. */
  readonly strict?: boolean
  /** Mappings become Maps instead of objects, and all numbers float64. */
  readonly maps?: boolean
  readonly limits?: Partial<YamlLimits>
  /** Only the first document is read, as Go's decoders do: what stands behind it may be anything. */
  readonly first?: boolean
  /** The line of the text in its file, where it is a part of one; default 1. */
  readonly firstLine?: number
  /** Asked to be told what values do not show; for objects, not for `maps`. */
  readonly notes?: YamlNotes
}

/** One document of a stream. */
export interface YamlDocument {
  readonly value: YamlValue
  /** 1-based line of the first content. */
  readonly line: number
  /** True for a document without content (nothing, or comments only). */
  readonly empty: boolean
  /** 1-based line of what lies at a path: of its key, in a mapping. Undefined where nothing is there. */
  lineOf(path: readonly (string | number)[]): number | undefined
}

/** What was read of a stream. With an error the documents before it are there. */
export interface ParsedYaml {
  readonly documents: readonly YamlDocument[]
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Reads a stream of YAML documents. Never throws for what is in the text: errors are diagnostics with line and column.
 * Bytes must be UTF-8; a byte order mark is dropped.
 */
export function parseDocuments(input: string | Uint8Array, options: ParseOptions): ParsedYaml {
  const limits = { ...defaultYamlLimits, ...options.limits }
  const fail = (code: string, message: string, line?: number, column?: number): ParsedYaml => ({
    documents: [],
    diagnostics: [diagnostic(options, code, message, line, column)],
  })
  if (input.length > limits.maxLength)
    return fail('yaml-too-large', `the YAML is ${input.length} bytes long, more than the ${limits.maxLength} allowed`)
  let text: string
  try {
    text = typeof input === 'string' ? input : new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(input)
  } catch {
    return fail('yaml-not-utf8', 'invalid UTF-8; save the file as UTF-8')
  }
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
  let events: Event[]
  try {
    ;({ events, text } = readEvents(text, limits))
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const before = options.first === true ? documentBefore(text, error) : undefined
    if (before !== undefined) return parseDocuments(before, options)
    return fail(
      'yaml-syntax',
      error.reason ?? error.message,
      error.mark === undefined ? undefined : error.mark.line + (options.firstLine ?? 1),
      error.mark === undefined ? undefined : error.mark.column + 1,
    )
  }
  return composeDocuments(text, events, options, limits)
}

/** The part of a text before the place of an error, where a whole document ends there or earlier; undefined where none does. */
function documentBefore(text: string, error: YAMLException): string | undefined {
  const position = error.mark?.position
  if (position === undefined) return undefined
  // With this reason the document has ended, and something else stands behind it. go-yaml lets a block collection end only where a line
  // starts left of it.
  if (error.reason?.startsWith('end of the stream') === true) {
    const root = /^(?!\s*(?:#|$|---|%))( *)(\S)/m.exec(text)
    const isFlow = '[{"\''.includes(root?.[2] ?? ' ')
    const ends = isFlow || (error.mark?.column ?? 0) < (root?.[1]?.length ?? 0)
    if (ends && position < text.length) return text.slice(0, position)
  }
  const marks = [...text.slice(0, position).matchAll(/\n(?:---|\.\.\.)(?=\s)/g)]
  const first = marks.find((one) => /^(?!\s*(?:#|$|---|%))/m.test(text.slice(0, one.index)))
  return first === undefined ? undefined : text.slice(0, first.index + 1)
}

/** Lines of one text that are moved to the right, see {@link readEvents}. */
const maxMovedLines = 500

/**
 * The events of a text. libyaml lets the lines inside quotes and brackets start anywhere, js-yaml wants them deeper than what holds them; their
 * leading blanks mean nothing, so all such lines that can be told are moved to the right at once, then one by one those that are still refused,
 * and the text is read again.
 */
function readEvents(original: string, limits: YamlLimits): { events: Event[]; text: string } {
  let text = original
  for (let moved = 0; ; moved++) {
    try {
      return { events: parseEvents(text, { maxDepth: limits.maxDepth }), text }
    } catch (error) {
      const position =
        error instanceof YAMLException && error.reason === 'deficient indentation' ? error.mark?.position : undefined
      if (position === undefined || moved === maxMovedLines) throw error
      const indented = moved === 0 ? indentContinuations(text) : text
      if (indented !== text) {
        text = indented
        continue
      }
      const start = text.lastIndexOf('\n', position - 1) + 1
      text = `${text.slice(0, start)}${' '.repeat(64)}${text.slice(start)}`
    }
  }
}

/**
 * The events with the indentation of a document that is one block scalar with an indicator (`|2`): libyaml counts from column 0, YAML 1.2, and so
 * js-yaml, from -1.
 */
function withRootIndent(events: readonly Event[], start: number, text: string): readonly Event[] {
  const root = events[start]
  if (root?.type !== EVENT_ID.SCALAR) return events
  if (root.style !== SCALAR_STYLE.LITERAL_BLOCK && root.style !== SCALAR_STYLE.FOLDED_BLOCK) return events
  const header = text.slice(text.lastIndexOf('\n', root.valueStart - 2) + 1, root.valueStart)
  return /[|>][-+]?[1-9]/.test(header) ? events.with(start, { ...root, indent: root.indent + 1 }) : events
}

function composeDocuments(
  text: string,
  events: readonly Event[],
  options: ParseOptions,
  limits: YamlLimits,
): ParsedYaml {
  let starts: readonly number[] | undefined
  const position = (offset: number): { line: number; column: number } =>
    positionAt((starts ??= lineStarts(text)), offset, options.firstLine)
  const composeOptions = {
    dialect: options.dialect,
    maps: options.maps === true,
    uniqueKeys: options.strict ?? options.dialect === 'kyaml',
    limits,
    notes: options.notes,
  }
  const documents: YamlDocument[] = []
  const diagnostics: Diagnostic[] = []
  for (let at = 0; at < events.length;) {
    if (events[at]?.type !== EVENT_ID.DOCUMENT) {
      at += 1
      continue
    }
    const start = at + 1
    const offset = offsetOf(events[start])
    try {
      const composer = new Composer(withRootIndent(events, start, text), text, composeOptions, start)
      const value = events[start]?.type === EVENT_ID.POP ? null : composer.node()
      at = Math.max(composer.position, start)
      documents.push({
        value,
        get line() {
          return offset === undefined ? (options.firstLine ?? 1) : position(offset).line
        },
        empty: offset === undefined,
        lineOf: (path) => {
          const found = findPath(events, text, start, path)
          return found === undefined ? undefined : position(found).line
        },
      })
      if (options.first === true) break
    } catch (error) {
      if (!(error instanceof YamlProblem)) throw error
      const { line, column } = position(Math.max(0, error.offset))
      diagnostics.push(diagnostic(options, error.code, error.message, line, column))
      break
    }
  }
  return { documents, diagnostics }
}

/**
 * The value of a text's first document, as Go's `yaml.Unmarshal` reads it; null where there is none.
 *
 * @throws DiagnosticsError with the place of the error.
 */
export function parseYaml(input: string | Uint8Array, options: ParseOptions & { readonly maps: true }): YamlMapValue
export function parseYaml(input: string | Uint8Array, options: ParseOptions): YamlValue
export function parseYaml(input: string | Uint8Array, options: ParseOptions): YamlValue {
  const { documents, diagnostics } = parseDocuments(input, options)
  if (documents.length === 0 && diagnostics.length > 0)
    throw new DiagnosticsError(diagnostics, { code: diagnostics[0]?.code ?? 'yaml-syntax' })
  return documents[0]?.value ?? null
}

function diagnostic(options: ParseOptions, code: string, message: string, line?: number, column?: number): Diagnostic {
  return {
    code,
    message,
    severity: 'error',
    ...(options.file === undefined ? {} : { file: options.file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  }
}
