import type { CryptRule } from './metadata.ts'

/** The comments that a value stands under: of each collection around it those since the last value. */
export type CommentStack = readonly string[][]

/** True when SOPS encrypts a value at this path (sops v3.13, Tree.shouldBeEncrypted). */
export function isCovered(rule: CryptRule, path: readonly string[], stack: CommentStack, isComment: boolean): boolean {
  switch (rule.kind) {
    case 'unencrypted_suffix':
      return !path.some((key) => key.endsWith(rule.suffix))
    case 'encrypted_suffix':
      return path.some((key) => key.endsWith(rule.suffix))
    case 'unencrypted_regex':
      return !path.some((key) => rule.matches(key))
    case 'encrypted_regex':
      return path.some((key) => rule.matches(key))
    case 'unencrypted_comment_regex':
      return !stack.some((comments) => comments.some((comment) => rule.matches(comment)))
    case 'encrypted_comment_regex': {
      // The comment that turns encryption on is itself not encrypted.
      const last = stack.at(-1)
      return stack.some((comments) =>
        comments.some(
          (comment, at) => !(isComment && comments === last && at === comments.length - 1) && rule.matches(comment),
        ),
      )
    }
  }
}
