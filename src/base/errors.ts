/** What the caller should do about an error: try again, wait for something else to change, ask a human, or report a defect of ours. */
export type Disposition = 'retry' | 'wait' | 'stall' | 'bug'

/** Values that survive `JSON.stringify` unchanged. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Everything an EngineError carries besides its message. */
export interface EngineErrorOptions {
  /** Stable identifier, kebab-case, unique per failure mode: `kustomize-missing-resource`. */
  code: string
  /** Defaults to `stall`: most bad input stays bad until somebody changes it. */
  disposition?: Disposition
  /** The condition reason that Flux would report (`BuildFailed`, `ArtifactFailed`, …), where one exists. */
  reason?: string
  /** Facts for machines. Never put a credential or a Secret's value here. */
  data?: { [key: string]: Json }
  /** Milliseconds after which a retry makes sense, where the other side said so. */
  retryAfterMs?: number
  cause?: unknown
}

/**
 * The one error type of the engine. `message` says what is wrong and what to do, and never carries a secret.
 * Unknown things that were caught become one through {@link toEngineError} at the outer boundaries only.
 */
export class EngineError extends Error {
  readonly code: string
  readonly disposition: Disposition
  readonly reason: string | undefined
  readonly data: { [key: string]: Json }
  readonly retryAfterMs: number | undefined

  constructor(message: string, options: EngineErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EngineError'
    this.code = options.code
    this.disposition = options.disposition ?? 'stall'
    this.reason = options.reason
    this.data = options.data ?? {}
    this.retryAfterMs = options.retryAfterMs
  }

  /** The error without its stack, for logs and answers. */
  toJSON(): {
    code: string
    message: string
    disposition: Disposition
    reason?: string
    data: { [key: string]: Json }
  } {
    return {
      code: this.code,
      message: this.message,
      disposition: this.disposition,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      data: this.data,
    }
  }
}

/** True for an EngineError, also one made by another copy of this module (a bundle, a worker). */
export function isEngineError(value: unknown): value is EngineError {
  return value instanceof Error && value.name === 'EngineError' && typeof (value as EngineError).code === 'string'
}

/** Wraps anything caught as an EngineError; an EngineError passes through. Anything else is a `bug` unless `options` says otherwise. */
export function toEngineError(value: unknown, options?: Partial<EngineErrorOptions>): EngineError {
  if (isEngineError(value)) return value
  const message = value instanceof Error ? value.message : String(value)
  return new EngineError(message, { code: 'unexpected', disposition: 'bug', ...options, cause: value })
}

/** One finding about user input: where it is and what to do about it. Positions are 1-based. */
export interface Diagnostic {
  code: string
  message: string
  severity: 'error' | 'warning'
  /** Path inside the source tree. */
  file?: string
  line?: number
  column?: number
  /** Field path inside the document, `spec.template.spec.containers[0].image`. */
  field?: string
  /** `Kind/namespace/name` of the object concerned. */
  object?: string
}

/** An EngineError for bad input that carries every finding, not only the first. `message` is the findings, one a line. */
export class DiagnosticsError extends EngineError {
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[], options: EngineErrorOptions) {
    super(diagnostics.map(formatDiagnostic).join('\n'), options)
    this.diagnostics = diagnostics
  }
}

/** `file:line:column: object: field: message`, leaving out what is not known. */
export function formatDiagnostic(d: Diagnostic): string {
  let place = d.file ?? ''
  if (d.line !== undefined) place += `:${d.line}${d.column === undefined ? '' : `:${d.column}`}`
  return [place, d.object, d.field, d.message].filter((part) => part !== undefined && part !== '').join(': ')
}
