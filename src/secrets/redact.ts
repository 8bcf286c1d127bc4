import { EngineError } from '../base/index.ts'
import { fromBase64, toBase64, utf8Text } from './encoding.ts'

/** Shorter values are part of too much else to be looked for. */
const minLength = 4
/** Lines of a longer value that are looked for one by one. */
const minLineLength = 8
const placeholder = '<redacted>'

/** Knows what must not be said, and takes it out of messages. */
export interface Redactor {
  /** Remembers a value: itself, its lines, its base64 and what it is the base64 of. */
  add(value: string): void
  /** The text without any remembered value. */
  text(text: string): string
  /** The error itself where it says nothing it must not, else one without its cause. */
  error(error: EngineError): EngineError
}

/**
 * The last line of defence: values are kept out of messages where these are made, and what other parts of the engine, or a server, quote of an
 * object is cleaned here. Values of fewer than four characters are not looked for.
 */
export function createRedactor(): Redactor {
  const values = new Set<string>()
  const clean = (text: string): string => {
    let result = text
    for (const value of needles(values)) if (result.includes(value)) result = result.replaceAll(value, placeholder)
    return result
  }
  return {
    add: (value) => {
      if (value.length >= minLength) values.add(value)
    },
    text: clean,
    error: (error) => {
      if (values.size === 0) return error
      const message = clean(error.message)
      const data = JSON.stringify(error.data)
      const cleanData = clean(data)
      if (message === error.message && data === cleanData) return error
      return new EngineError(message, {
        code: error.code,
        disposition: error.disposition,
        ...(error.reason === undefined ? {} : { reason: error.reason }),
        ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
        data: cleanData === data ? error.data : { redacted: true },
      })
    },
  }
}

/** Every spelling of the values, the longest first, so that no part of a long one is left. */
function needles(values: ReadonlySet<string>): readonly string[] {
  const all = new Set<string>()
  for (const value of values) {
    const bytes = new TextEncoder().encode(value)
    all.add(value)
    all.add(JSON.stringify(value).slice(1, -1))
    all.add(toBase64(bytes).replace(/=+$/, ''))
    for (const line of value.split('\n')) if (line.trim().length >= minLineLength) all.add(line.trim())
    const decoded = fromBase64(value)
    const text = decoded === undefined ? undefined : utf8Text(decoded)
    if (text !== undefined && text.length >= minLength) all.add(text)
  }
  return [...all].sort((a, b) => b.length - a.length)
}
