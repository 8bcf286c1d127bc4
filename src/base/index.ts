/**
 * Values that everything else is built on: errors, digests, durations, versions, paths, bounded concurrency. Pure; imports nothing of ours.
 * @module
 */
export * from './errors.ts'
