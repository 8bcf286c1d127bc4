import { z } from 'zod'
import {
  changeNotice,
  changeNumber,
  commandOf,
  commentId,
  commentText,
  maybeCommit,
  noCommand,
  notPlanned,
  shortText,
  type ChangeAction,
  type ChangeNotice,
} from './change-notice.ts'
import { boundedText, parseWith } from './payload.ts'
import type { Decoded } from './types.ts'

/** `login` at GitHub and Gitea, where older versions say `username`. */
export const person = z.object({ login: shortText, username: shortText }).nullish()

/** One end of a pull request. The repository of a head is null when it was deleted. */
const end = z
  .object({
    ref: shortText,
    sha: maybeCommit,
    repo: z.object({ full_name: shortText, id: z.number().nullish() }).nullish(),
  })
  .nullish()

/** A pull request as GitHub and Gitea describe it. */
export const pullRequestFields = z
  .object({
    user: person,
    draft: z.boolean().nullish(),
    merged: z.boolean().nullish(),
    merge_commit_sha: maybeCommit,
    base: end,
    head: end,
  })
  .nullish()

/** A comment as GitHub and Gitea tell of it: on an issue, which a pull request is too. */
export const commentPayload = z.object({
  action: boundedText(64),
  issue: z.object({ number: changeNumber, user: person, pull_request: z.looseObject({}).nullish() }),
  is_pull: z.boolean().nullish(),
  comment: z.object({ id: commentId, body: commentText, user: person }),
  sender: person,
})

const actions: { readonly [word: string]: ChangeAction } = {
  opened: 'opened',
  reopened: 'reopened',
  synchronize: 'updated',
  synchronized: 'updated',
  edited: 'edited',
  labeled: 'edited',
  unlabeled: 'edited',
  label_updated: 'edited',
  label_cleared: 'edited',
  converted_to_draft: 'drafted',
  ready_for_review: 'ready',
}

/** What an action means; undefined: nothing that a plan depends on. */
export function changeActionOf(word: string, isMerged: boolean): ChangeAction | undefined {
  if (word === 'closed') return isMerged ? 'merged' : 'closed'
  return Object.hasOwn(actions, word) ? actions[word] : undefined
}

/** Notice of a pull request of GitHub or Gitea. */
export function pullRequestNotice(
  where: Pick<ChangeNotice, 'provider' | 'deliveryId' | 'urls' | 'number' | 'action'>,
  pull: z.infer<typeof pullRequestFields>,
  actor: string | undefined,
): ChangeNotice {
  const { base, head } = pull ?? {}
  const of = (
    side: typeof base,
  ): { readonly [field in 'branch' | 'commit' | 'repository']: string | null | undefined } => ({
    branch: side?.ref,
    commit: side?.sha,
    repository: side?.repo?.full_name,
  })
  return changeNotice(where, {
    actor,
    author: pull?.user?.login ?? pull?.user?.username,
    isDraft: pull?.draft,
    ...(isKnown(head, base) ? { isFork: isOtherRepository(head?.repo, base?.repo) } : {}),
    base: of(base),
    head: of(head),
    mergeCommit: pull?.merged === true ? pull.merge_commit_sha : undefined,
  })
}

type End = z.infer<typeof end>

function isKnown(head: End, base: End): boolean {
  return head?.repo !== undefined && base?.repo !== undefined && base.repo !== null
}

function isOtherRepository(
  head: NonNullable<End>['repo'] | undefined,
  base: NonNullable<End>['repo'] | undefined,
): boolean {
  if (head === null || head === undefined) return true
  if (typeof head.id === 'number' && typeof base?.id === 'number') return head.id !== base.id
  return head.full_name !== base?.full_name
}

/** Reads a comment of GitHub or Gitea. Throws a DiagnosticsError `payload-invalid`. */
export function decodeComment(
  facts: Pick<Decoded, 'event' | 'deliveryId'>,
  json: unknown,
  repository: { readonly provider: string; readonly urls: readonly string[] },
): Decoded {
  const { action, issue, comment, is_pull: isPull, sender } = parseWith(commentPayload, json)
  if (isPull !== true && (issue.pull_request === null || issue.pull_request === undefined))
    return { ...facts, kind: 'ignored', reason: 'comments on issues are not acted on' }
  if (action !== 'created') return { ...facts, kind: 'ignored', reason: 'only new comments can hold a command' }
  const command = commandOf(comment.body)
  if (command === undefined) return { ...facts, kind: 'ignored', reason: noCommand }
  const author = comment.user?.login ?? comment.user?.username ?? undefined
  const where = { ...repository, deliveryId: facts.deliveryId, number: issue.number, action: 'commented' as const }
  const change = changeNotice(where, {
    actor: sender?.login ?? sender?.username ?? author,
    author: issue.user?.login ?? issue.user?.username,
    comment: { id: String(comment.id), ...(author === undefined ? {} : { author }), command },
  })
  return { ...facts, kind: 'ignored', reason: notPlanned, change }
}
