/**
 * The command line: one file per command; each parses flags, calls the engine and prints. `main.ts` is the program.
 * @module
 */
export { DiskTree } from './disk-tree.ts'
export { kustomizeCommand } from './kustomize.ts'
