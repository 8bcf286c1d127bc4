/**
 * The doors to the outside, as types only: what the engine needs from a platform. `src/platforms/<name>` implements them,
 * `test/contract` holds one suite per port that every implementation passes.
 * @module
 */
export type * from './file-tree.ts'
export type * from './http.ts'
export type * from './kube.ts'
export type * from './queue.ts'
export type * from './runtime.ts'
export type * from './ssh.ts'
export type * from './state.ts'
