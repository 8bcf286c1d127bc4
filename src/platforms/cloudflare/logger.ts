import type { Json } from '../../base/index.ts'
import type { Logger, LogLevel } from '../../ports/index.ts'

const rank: { readonly [level in LogLevel]: number } = { debug: 0, info: 1, warn: 2, error: 3 }

/** Logs one JSON object a line, from `level` on, to the console, where Workers Logs indexes its fields. */
export function createConsoleLogger(
  options: { readonly level?: LogLevel; readonly write?: (line: string) => void } = {},
): Logger {
  const { level = 'info', write = (line) => console.log(line) } = options
  const make = (bound: { readonly [key: string]: Json | undefined }): Logger => ({
    log: (at, message, fields) => {
      if (rank[at] < rank[level]) return
      write(JSON.stringify({ ...bound, ...fields, level: at, message }))
    },
    with: (fields) => make({ ...bound, ...fields }),
  })
  return make({})
}
