/** Where output goes. `out` is data, `err` is everything that is said about the work. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Whether a person reads them. */
  readonly isOutTerminal: boolean
  readonly isErrTerminal: boolean
  /** Colours are wanted and understood. */
  readonly hasColour: boolean
  /** Columns. */
  readonly width: number
}

interface OutputStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/**
 * The terminal of a process. Colours: not with `NO_COLOR` (https://no-color.org), not on a dumb terminal, not into a pipe; `FORCE_COLOR` asks for
 * them anywhere.
 */
export function createTerminal(
  streams: { readonly stdout: OutputStream; readonly stderr: OutputStream },
  env: { readonly [name: string]: string | undefined },
): Terminal {
  const { stdout, stderr } = streams
  const isSet = (name: string): boolean => (env[name] ?? '') !== ''
  const isOutTerminal = stdout.isTTY === true
  const wantsColour = isSet('FORCE_COLOR') ? env['FORCE_COLOR'] !== '0' : isOutTerminal && env['TERM'] !== 'dumb'
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isOutTerminal,
    isErrTerminal: stderr.isTTY === true,
    hasColour: wantsColour && !isSet('NO_COLOR'),
    width: stdout.columns ?? 120,
  }
}

/**
 * Text that others wrote (messages of conditions, names, values), without what a terminal would take for a command: control characters, the one that
 * begins escape sequences among them, but for newlines and tabs.
 */
export function plainText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (letter) => (letter === '\n' || letter === '\t' ? letter : ''))
}
