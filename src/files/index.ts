/**
 * Trees of files: in memory, as a view of a part of another tree, with paths replaced, filtered, or with links resolved inside
 * the root, the record of what a render read, and the headers of tar archives. Pure and synchronous; content that is not at hand is requested with PendingFiles.
 * @module
 */
export * from './directory-id.ts'
export * from './filter-tree.ts'
export * from './follow-links.ts'
export * from './kept-fingerprints.ts'
export * from './memory-tree.ts'
export * from './missing.ts'
export * from './overlay-tree.ts'
export * from './pending-files.ts'
export * from './record-reads.ts'
export * from './remember-entries.ts'
export * from './resolve-path.ts'
export * from './retry-pending.ts'
export * from './subtree.ts'
export * from './tar-header.ts'
export * from './walk-files.ts'
