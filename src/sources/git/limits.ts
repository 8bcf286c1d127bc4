import type { PackLimits } from './pack.ts'

/** Bounds of one Git operation. */
export interface GitLimits extends PackLimits {
  /** Deadline of one operation with all its requests; `spec.timeout` where the source has one. */
  readonly timeoutMs: number
  /** Largest list of references. */
  readonly maxRefsBytes: number
  /** Largest pack in one answer. */
  readonly maxPackBytes: number
}

/** Limits for Node: what a large monorepo needs. */
export const defaultGitLimits: GitLimits = Object.freeze({
  timeoutMs: 60_000,
  maxRefsBytes: 32 << 20,
  maxPackBytes: 256 << 20,
  maxObjects: 2_000_000,
  maxObjectBytes: 64 << 20,
  maxUnpackedBytes: 512 << 20,
})

/** Limits for an isolate with 128 MB. */
export const isolateGitLimits: GitLimits = Object.freeze({
  ...defaultGitLimits,
  maxRefsBytes: 8 << 20,
  maxPackBytes: 24 << 20,
  maxObjects: 400_000,
  maxObjectBytes: 16 << 20,
  maxUnpackedBytes: 48 << 20,
})
