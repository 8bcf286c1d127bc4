import { isSameRepository } from '../sources/index.ts'
import type { PushNotice } from './job.ts'

/** `spec.ref` of a GitRepository. */
export interface GitReference {
  readonly branch?: string
  readonly tag?: string
  readonly semver?: string
  readonly name?: string
  readonly commit?: string
}

/**
 * Whether a push to `pushedRef` can change what `reference` resolves to. Precedence as source-controller 1.9: commit, name, tag, semver,
 * branch. A commit is fixed, but it may have been unreachable until now, so every push to its repository is looked at.
 */
export function isRefAffected(reference: GitReference | undefined, pushedRef: string): boolean {
  if (reference?.commit) return true
  if (reference?.name) return reference.name.replace(/\^\{\}$/, '') === pushedRef
  if (reference?.tag) return pushedRef === `refs/tags/${reference.tag}`
  if (reference?.semver) return pushedRef.startsWith('refs/tags/')
  return pushedRef === `refs/heads/${reference?.branch ?? 'master'}`
}

/** Whether a push concerns a repository: any of the forge's URLs for it names the same one. */
export function isRepositoryMatch(url: string, push: PushNotice): boolean {
  return push.urls.some((candidate) => isSameRepository(url, candidate))
}
