import { EngineError } from './errors.ts'

const unitMs: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/**
 * Milliseconds of a duration as Go's `time.ParseDuration` reads it: `1h30m`, `1.5s`, `-2ms`, `0`.
 *
 * @throws EngineError `duration-invalid`.
 */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text)
  if (match === null) {
    if (/^[+-]?0$/.test(text)) return 0
    throw new EngineError(
      `'${text.slice(0, 40)}' is not a duration; write a number and a unit, as in 30s, 10m or 1h30m`,
      { code: 'duration-invalid' },
    )
  }
  let total = 0
  for (const [, number, unit] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    total += Number(number) * (unitMs[unit ?? ''] ?? 0)
  return match[1] === '-' ? -total : total
}

/** Milliseconds as Go prints a duration: `1h30m0s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s'
  const sign = milliseconds < 0 ? '-' : ''
  const ms = Math.abs(milliseconds)
  if (ms < 1) return `${sign}${trim(ms * 1000)}µs`
  if (ms < 1000) return `${sign}${trim(ms)}ms`
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = trim((ms % 60_000) / 1000)
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`
}

function trim(value: number): string {
  return String(Math.round(value * 1e6) / 1e6)
}
