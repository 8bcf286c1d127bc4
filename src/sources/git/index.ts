/**
 * GitRepository over HTTP(S): reference resolution, partial clones over protocol v2, artifacts with Flux's ignore rules. The wire codec, pack reader and
 * inflater are pure; isomorphic-git serves servers that speak only protocol version 1. Matches fluxcd/pkg git/gogit and source-controller 1.9.
 * @module
 */
export * from './artifact.ts'
export { openBranch, type BranchChange, type GitBranch } from './branch.ts'
export { makeCommits, type NewCommit, type NewCommits, type Signature } from './commit-pack.ts'
export { openOwnBranch, type OwnBranch } from './own-branch.ts'
export { GitObjectCache } from './cache.ts'
export type { GitObjectCacheOptions } from './cache.ts'
export * from './credentials.ts'
export { gitHubAppToken } from './github-app.ts'
export { isInHistory, type InHistory } from './history.ts'
export * from './limits.ts'
export * from './provider-credentials.ts'
export type { GitDeps } from './remote.ts'
export * from './repository-url.ts'
export { resolveRevision } from './revision.ts'
export type { GitVerification } from './verify/verify.ts'
export type { GitReference, ResolveOptions, ResolvedRevision } from './revision.ts'
