import { RE2JS } from 're2js'
import type { Gvk } from '../resources/index.ts'
import { problem } from './problems.ts'
import type { Selector } from './types.ts'

/** A selector whose expressions are compiled. A part that is not given fits everything. */
export interface CompiledSelector {
  gvk(gvk: Gvk): boolean
  name(name: string): boolean
  namespace(namespace: string): boolean
}

/** Compiles the expressions of a selector (RE2, anchored). Throws `kustomize-selector-invalid` naming the one that is wrong. */
export function compileSelector(selector: Selector): CompiledSelector {
  const group = matcher('group', selector.group)
  const version = matcher('version', selector.version)
  const kind = matcher('kind', selector.kind)
  return {
    gvk: (gvk) => group(gvk.group) && version(gvk.version) && kind(gvk.kind),
    name: matcher('name', selector.name),
    namespace: matcher('namespace', selector.namespace),
  }
}

/** Text without a character that means something in an expression; it matches only itself. */
const LITERAL = /^[A-Za-z0-9_/:-]*$/

function matcher(field: string, pattern: string | undefined): (text: string) => boolean {
  if (!pattern) return () => true
  if (LITERAL.test(pattern)) return (text) => text === pattern
  try {
    const compiled = RE2JS.compile(`^(?:${pattern})$`)
    return (text) => compiled.matcher(text).find()
  } catch (error) {
    throw problem(
      'kustomize-selector-invalid',
      `${field} ${JSON.stringify(pattern)} is no valid regular expression: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
