/**
 * Turns a parse tree into closures, once; running a template is then calling them with a run state and dot.
 * Variables are resolved to slots and functions to their definitions here; everything that Go reports at execution time
 * (wrong argument counts, undefined variables) becomes code that fails when it is reached.
 * @module
 */
export * from './statements.ts'
