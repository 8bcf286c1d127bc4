/**
 * The functions that Go's text/template has by itself. `and`, `or` and `call` are known to the compiler.
 * @module
 */
import { goFunction, VALUE, type GoFunction } from '../function.ts'
import { isTrue } from '../value.ts'
import { collectionBuiltins } from './collections.ts'
import { comparisons } from './compare.ts'
import { printingBuiltins } from './printing.ts'
import { AND, CALL, OR } from './special.ts'

export { escapeHtml, escapeJs, escapeQuery } from './printing.ts'

/** Every builtin of Go 1.26 text/template. */
export const builtinFunctions: readonly GoFunction[] = [
  AND,
  OR,
  CALL,
  goFunction('not', [VALUE], (_run, arg) => !isTrue(arg)),
  ...comparisons,
  ...collectionBuiltins,
  ...printingBuiltins,
]
