/**
 * The Common Expression Language as Flux offers it: `readyExpr`, `healthCheckExprs`, filters of receivers. Programs are compiled once and
 * evaluated over plain data. Pure, bounded, without eval; regular expressions are RE2's. Sole importer of the CEL library.
 * @module
 */
export { compileCel, compileCelValue, type CelOptions, type CelProgram } from './program.ts'
