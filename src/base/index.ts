/**
 * Values that everything else is built on: errors, digests, durations, versions, paths, bounded concurrency. Pure; imports nothing of ours.
 * @module
 */
export * from './errors.ts'
export * from './bytes.ts'
export * from './compare.ts'
export * from './egress.ts'
export * from './encoding.ts'
export * from './safe-path.ts'
export * from './url.ts'
export * from './digest.ts'
export * from './duration.ts'
export * from './limit.ts'
export * from './line-diff.ts'
export * from './semver.ts'
export * from './version.ts'
