import { builtinFunctions, functionTable, type FunctionTable } from '../../template/index.ts'
import { sprigFunctions } from '../../sprig/index.ts'
import { durationFunctions } from './durations.ts'
import { lateBoundFunctions } from './late-bound.ts'
import { serialisers } from './serialise.ts'

/** Functions of Sprig that would show a chart the environment of the process that renders it. */
const REMOVED: ReadonlySet<string> = new Set(['env', 'expandenv'])

/**
 * Everything a chart's templates may call (Helm v4.3.1, funcMap and initFunMap): Go's builtins, Sprig without `env` and `expandenv`, Helm's own.
 */
export function helmFunctions(): FunctionTable {
  return FUNCTIONS
}

const FUNCTIONS: FunctionTable = functionTable(
  builtinFunctions,
  sprigFunctions.filter((fn) => !REMOVED.has(fn.name)),
  serialisers,
  durationFunctions,
  lateBoundFunctions(() => FUNCTIONS),
)
