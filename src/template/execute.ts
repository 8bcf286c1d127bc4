import { Run, type RunOptions } from './run.ts'
import type { TemplateSet } from './template-set.ts'
import type { Value } from './value.ts'

/**
 * Executes the template `name` of `set` with `data` as dot and returns its output. Throws TemplateError: `template-exec` with
 * Go's message, or `template-limit` when a bound was reached. Nothing is kept between calls.
 */
export function executeTemplate(set: TemplateSet, name: string, data: Value, options?: RunOptions): string {
  return new Run(set, options).execute(name, data)
}
