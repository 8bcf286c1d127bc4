import { EngineError } from '../base/index.ts'
import { quote } from './quote.ts'
import { byteLength } from './text.ts'

/** The text that a template was parsed from; every node points to it, so that errors can name their place. */
export interface Source {
  /** The name given when the text was parsed; `define`d templates keep the name of their file. */
  readonly name: string
  readonly text: string
}

/** One level of a failed execution, outermost first. Lines are 1-based; the column is Go's: bytes from the line's start, 0-based. */
export interface TemplateFrame {
  /** The name of the text that was parsed (a file). */
  readonly file: string
  readonly line: number
  readonly column: number
  /** The template that was executing. */
  readonly template: string
  /** The source text of the node, as Go prints it. */
  readonly node: string
  /** What went wrong at this level; for all but the innermost frame it is `error calling include`. */
  readonly message: string
}

/** What a limit was about, so that a caller can tell a hostile template from a wrong one. */
export type LimitKind = 'depth' | 'output' | 'steps' | 'time' | 'memory'

/** An error of parsing or executing a template. `message` is Go's own text, printed from `frames` in one place. */
export class TemplateError extends EngineError {
  readonly frames: readonly TemplateFrame[]
  /** The innermost reason, without any place. */
  readonly detail: string
  readonly limit: LimitKind | undefined

  constructor(code: 'template-parse' | 'template-exec' | 'template-limit', message: string, parts: TemplateErrorParts) {
    super(message, {
      code,
      data: {
        frames: parts.frames.map((frame) => ({ ...frame })),
        detail: parts.detail,
        ...(parts.limit === undefined ? {} : { limit: parts.limit }),
      },
      ...(parts.cause === undefined ? {} : { cause: parts.cause }),
    })
    this.frames = parts.frames
    this.detail = parts.detail
    this.limit = parts.limit
  }
}

interface TemplateErrorParts {
  frames: readonly TemplateFrame[]
  detail: string
  limit?: LimitKind | undefined
  cause?: unknown
}

/** The error a template function returns or panics with; the executor adds the place. */
export class FunctionError extends EngineError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, { code: 'template-function', ...(options?.cause === undefined ? {} : { cause: options.cause }) })
  }
}

/** A limit was reached inside a function or the executor; it passes through every level unchanged in kind. */
export class LimitError extends EngineError {
  readonly limit: LimitKind

  constructor(limit: LimitKind, message: string) {
    super(message, { code: 'template-limit', data: { limit } })
    this.limit = limit
  }
}

/** Where a node stands: line from 1, and the column as Go counts it. */
export function position(source: Source, offset: number): { line: number; column: number } {
  const before = source.text.slice(0, offset)
  const lastBreak = before.lastIndexOf('\n')
  let line = 1
  for (let i = before.indexOf('\n'); i !== -1; i = before.indexOf('\n', i + 1)) line++
  return { line, column: byteLength(before.slice(lastBreak + 1)) }
}

/** An error of parsing: `template: NAME:LINE: MESSAGE`. */
export function parseError(source: Source, line: number, detail: string): TemplateError {
  const frame: TemplateFrame = { file: source.name, line, column: 0, template: source.name, node: '', message: detail }
  return new TemplateError('template-parse', `template: ${source.name}:${line}: ${detail}`, { frames: [frame], detail })
}

/** An error of execution at one frame, around an inner error where there is one. Prints the whole chain as Go does. */
export function execError(frame: TemplateFrame, cause?: EngineError): TemplateError {
  const inner = cause instanceof TemplateError ? cause : undefined
  const limit = cause instanceof LimitError ? cause.limit : inner?.limit
  const place = `template: ${frame.file}:${frame.line}:${frame.column}: executing ${quote(frame.template)} at <${frame.node}>`
  const message = `${place}: ${frame.message}${cause === undefined ? '' : `: ${cause.message}`}`
  return new TemplateError(limit === undefined ? 'template-exec' : 'template-limit', message, {
    frames: [frame, ...(inner?.frames ?? [])],
    detail: inner?.detail ?? cause?.message ?? frame.message,
    limit,
    cause,
  })
}
