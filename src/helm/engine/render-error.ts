import { EngineError } from '../../base/index.ts'
import { LimitError, TemplateError, type TemplateFrame } from '../../template/index.ts'
import { ChartFailure } from './failure.ts'

/** Where a template failed; lines are 1-based, columns bytes from 0. The innermost place comes last in `chain`. */
export interface RenderErrorPlace {
  readonly template: string
  readonly line: number
  readonly column: number
}

/**
 * A chart that does not render. `chain` has every level, outermost first, `detail` the innermost reason alone, `isDeliberate` says that the chart
 * itself refused (`fail`, `required`). The message is Helm's text.
 */
export class HelmRenderError extends EngineError {
  readonly chart: string
  readonly place: RenderErrorPlace
  readonly chain: readonly TemplateFrame[]
  readonly detail: string
  readonly isDeliberate: boolean

  constructor(message: string, parts: HelmRenderErrorParts) {
    super(message, {
      code: parts.isLimit ? 'helm-template-limit' : 'helm-template',
      data: {
        chart: parts.chart,
        ...parts.place,
        detail: parts.detail,
        chain: parts.chain.map((frame) => ({ ...frame })),
        isDeliberate: parts.isDeliberate,
      },
      cause: parts.cause,
    })
    this.chart = parts.chart
    this.place = parts.place
    this.chain = parts.chain
    this.detail = parts.detail
    this.isDeliberate = parts.isDeliberate
  }
}

interface HelmRenderErrorParts {
  readonly chart: string
  readonly place: RenderErrorPlace
  readonly chain: readonly TemplateFrame[]
  readonly detail: string
  readonly isDeliberate: boolean
  readonly isLimit: boolean
  readonly cause: unknown
}

/** The error for a template of `chart` that failed to parse or to execute; anything else passes through. */
export function toRenderError(error: unknown, chart: string, file: string): unknown {
  if (!(error instanceof TemplateError)) return error
  const [outermost] = error.frames
  const failure = deliberateFailure(error)
  return new HelmRenderError(error.code === 'template-parse' ? parseText(error) : execText(error, failure, file), {
    chart,
    place: { template: outermost?.file ?? file, line: outermost?.line ?? 0, column: outermost?.column ?? 0 },
    chain: error.frames,
    detail: failure?.message ?? error.detail,
    isDeliberate: failure !== undefined,
    isLimit: error.limit !== undefined,
    cause: error,
  })
}

function deliberateFailure(error: unknown): ChartFailure | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof ChartFailure) return at
  return undefined
}

/** Helm shows where, and the last part of what Go says. */
function parseText(error: TemplateError): string {
  const [frame] = error.frames
  const place = frame === undefined ? '' : `${frame.file}:${frame.line}`
  return `parse error at (${place}): ${error.detail.slice(error.detail.lastIndexOf(': ') + 1).trimStart()}`
}

/** Helm v4's multi-line trace, or Go's own text where a function's error ends the chain (reformatExecErrorMsg). */
function execText(error: TemplateError, failure: ChartFailure | undefined, file: string): string {
  const [outermost] = error.frames
  if (outermost === undefined) return `execution error in (${file}): ${error.message}`
  if (failure !== undefined) return `execution error at (${placeOf(outermost)}): ${failure.message}`
  const last = innermostCause(error)
  const missing = 'template: no template '
  if (last !== undefined && !(last instanceof LimitError) && !last.message.startsWith(missing)) return error.message
  const levels = error.frames.map((frame, index) => level(frame, index < error.frames.length - 1 || last !== undefined))
  if (last !== undefined && last.message.startsWith(missing)) levels.push(`${last.message}\n`)
  return levels
    .filter((text, index) => text !== levels[index - 1])
    .join('')
    .trim()
}

/** What a function said at the innermost level; undefined where the executor itself failed there. */
function innermostCause(error: TemplateError): EngineError | undefined {
  let at: TemplateError = error
  while (at.cause instanceof TemplateError) at = at.cause
  return at.cause instanceof EngineError ? at.cause : undefined
}

function level(frame: TemplateFrame, hasMore: boolean): string {
  const message = hasMore ? `${frame.message}:` : withoutNext(frame.message)
  return `${placeOf(frame)}\n  executing "${frame.template}" at <${frame.node}>:\n    ${message}\n`
}

/** Helm cuts a message where it believes that the next level's begins. */
function withoutNext(message: string): string {
  const cut = message.indexOf(' template:')
  return cut < 0 ? message : message.slice(0, cut)
}

function placeOf(frame: TemplateFrame): string {
  return `${frame.file}:${frame.line}:${frame.column}`
}
