import { applySetToPlain } from './set.ts'
import type { Values } from './values.ts'

/**
 * Sets the value at a target path as Flux does for `valuesFrom[].targetPath` (fluxcd/pkg chartutil v1.27, ReplacePathValue): the text is read as by
 * `--set`, as text where it stands in quotes, and verbatim with `literal`. Changes `values`, and tables that it shares, and returns it.
 *
 * @throws EngineError `set-syntax`. Its message may quote the value.
 */
export function setValue(
  values: Values,
  path: string,
  text: string,
  options: { readonly literal?: boolean } = {},
): Values {
  if (options.literal === true) {
    applySetToPlain(`${path}=${text.replace(/[\\,[\]{}]/g, '\\$&')}`, values, { kind: 'string' })
    return values
  }
  const isQuoted = (quote: string): boolean => text.startsWith(quote) && text.endsWith(quote)
  if (isQuoted("'") || isQuoted('"')) {
    applySetToPlain(`${path}=${text.replace(/^['"]+|['"]+$/g, '')}`, values, { kind: 'string' })
  } else applySetToPlain(`${path}=${text}`, values, { kind: 'typed' })
  return values
}

/** What a set line says, as values of its own. @throws EngineError `set-syntax`. */
export function parseSet(line: string, kind: 'typed' | 'string' | 'literal' | 'json' = 'typed'): Values {
  const values: Values = {}
  applySetToPlain(line, values, { kind })
  return values
}
