import type { Json } from '../../base/index.ts'
import type { Logger, LogLevel } from '../../ports/index.ts'

const rank: { readonly [level in LogLevel]: number } = { debug: 0, info: 1, warn: 2, error: 3 }

/**
 * Logs one JSON object a line to `write` (standard output by default), from `level` on: `{"time","level","message",…fields}`. Fields cannot
 * replace those three.
 */
export function createJsonLogger(
  options: {
    readonly level?: LogLevel
    readonly write?: (line: string) => void
    readonly now?: () => number
  } = {},
): Logger {
  const { level = 'info', write = (line) => void process.stdout.write(line), now = Date.now } = options
  const make = (bound: { readonly [key: string]: Json | undefined }): Logger => ({
    log: (at, message, fields) => {
      if (rank[at] < rank[level]) return
      write(`${JSON.stringify({ ...bound, ...fields, time: new Date(now()).toISOString(), level: at, message })}\n`)
    },
    with: (fields) => make({ ...bound, ...fields }),
  })
  return make({})
}
