import { RE2JS } from 're2js'
import { problem } from '../problems.ts'

/** Elements are selected by regular expressions that may fit anywhere in the text. */
export function elementTest(pattern: string): (text: string) => boolean {
  if (/^[A-Za-z0-9_/:-]*$/.test(pattern)) return (text) => text.includes(pattern)
  try {
    const compiled = RE2JS.compile(pattern)
    return (text) => compiled.matcher(text).find()
  } catch (error) {
    throw problem(
      'kustomize-field-path',
      `${JSON.stringify(pattern)} is no valid regular expression: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
