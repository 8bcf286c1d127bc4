import { z } from 'zod'
import {
  changeNotice,
  changeNumber,
  commandOf,
  commentId,
  commentText,
  maybeCommit,
  noCommand,
  shortText,
  type ChangeAction,
  type ChangeComment,
  type ChangeNotice,
} from './change-notice.ts'

/** Somebody at Bitbucket Data Center (`name`) or Cloud (`nickname`). */
export const bitbucketPerson = z.object({ name: shortText, nickname: shortText, display_name: shortText }).nullish()

const serverEnd = z
  .object({
    id: shortText,
    latestCommit: maybeCommit,
    repository: z
      .object({ id: z.number().nullish(), slug: shortText, project: z.object({ key: shortText }).nullish() })
      .nullish(),
  })
  .nullish()

/** A pull request of Data Center beside what its refs need. */
export const serverPullRequest = z.object({
  id: changeNumber,
  draft: z.boolean().nullish(),
  author: z.object({ user: bitbucketPerson }).nullish(),
  fromRef: serverEnd,
  toRef: serverEnd,
  properties: z.object({ mergeCommit: z.object({ id: maybeCommit }).nullish() }).nullish(),
})

/** A comment of Data Center. */
export const serverComment = z.object({ id: commentId, text: commentText, author: bitbucketPerson })

const cloudEnd = z
  .object({
    branch: z.object({ name: shortText }).nullish(),
    commit: z.object({ hash: maybeCommit }).nullish(),
    repository: z.object({ full_name: shortText }).nullish(),
  })
  .nullish()

/** A pull request of Cloud. */
export const cloudPullRequest = z.object({
  id: changeNumber,
  draft: z.boolean().nullish(),
  author: bitbucketPerson,
  source: cloudEnd,
  destination: cloudEnd,
  merge_commit: z.object({ hash: maybeCommit }).nullish(),
})

/** A comment of Cloud. */
export const cloudComment = z.object({
  id: commentId,
  content: z.object({ raw: commentText }),
  user: bitbucketPerson,
})

const serverActions: { readonly [event: string]: ChangeAction } = {
  'pr:opened': 'opened',
  'pr:from_ref_updated': 'updated',
  'pr:modified': 'edited',
  'pr:to_ref_updated': 'edited',
  'pr:reviewer:approved': 'reviewed',
  'pr:reviewer:unapproved': 'reviewed',
  'pr:reviewer:needs_work': 'reviewed',
  'pr:reviewer:changes_requested': 'reviewed',
  'pr:merged': 'merged',
  'pr:declined': 'closed',
  'pr:deleted': 'closed',
  'pr:comment:added': 'commented',
}

const cloudActions: { readonly [event: string]: ChangeAction } = {
  'pullrequest:created': 'opened',
  'pullrequest:updated': 'updated',
  'pullrequest:approved': 'reviewed',
  'pullrequest:unapproved': 'reviewed',
  'pullrequest:changes_request_created': 'reviewed',
  'pullrequest:changes_request_removed': 'reviewed',
  'pullrequest:fulfilled': 'merged',
  'pullrequest:rejected': 'closed',
  'pullrequest:comment_created': 'commented',
}

/** What an event of either product means; undefined: nothing that a plan depends on. */
export function bitbucketAction(event: string): ChangeAction | undefined {
  if (Object.hasOwn(serverActions, event)) return serverActions[event]
  return Object.hasOwn(cloudActions, event) ? cloudActions[event] : undefined
}

type Where = Pick<ChangeNotice, 'provider' | 'deliveryId' | 'urls' | 'action'>
type Person = z.infer<typeof bitbucketPerson>

/** The name by which Bitbucket knows somebody. */
export function bitbucketName(who: Person): string | undefined {
  return who?.name ?? who?.nickname ?? who?.display_name ?? undefined
}

/** Notice of a pull request of Data Center. */
export function serverNotice(
  where: Where,
  pull: z.infer<typeof serverPullRequest>,
  actor: Person,
  comment?: ChangeComment,
): ChangeNotice {
  const { fromRef: head, toRef: base } = pull
  const idOf = (end: typeof head): number | undefined => end?.repository?.id ?? undefined
  const isFork = idOf(base) === undefined ? {} : { isFork: idOf(base) !== idOf(head) }
  const of = (
    end: typeof head,
  ): { readonly [field in 'branch' | 'commit' | 'repository']: string | null | undefined } => {
    const { slug, project } = end?.repository ?? {}
    const repository = slug && project?.key ? `${project.key}/${slug}` : undefined
    return { branch: end?.id, commit: end?.latestCommit, repository }
  }
  return changeNotice(
    { ...where, number: pull.id },
    {
      ...isFork,
      actor: bitbucketName(actor),
      author: bitbucketName(pull.author?.user),
      isDraft: pull.draft,
      base: of(base),
      head: of(head),
      mergeCommit: pull.properties?.mergeCommit?.id,
      comment,
    },
  )
}

/** Notice of a pull request of Cloud. */
export function cloudNotice(
  where: Where,
  pull: z.infer<typeof cloudPullRequest>,
  actor: Person,
  comment?: ChangeComment,
): ChangeNotice {
  const { source: head, destination: base } = pull
  const of = (
    end: typeof head,
  ): { readonly [field in 'branch' | 'commit' | 'repository']: string | null | undefined } => ({
    branch: end?.branch?.name,
    commit: end?.commit?.hash,
    repository: end?.repository?.full_name,
  })
  const name = base?.repository?.full_name
  const isFork = typeof name === 'string' ? { isFork: head?.repository?.full_name !== name } : {}
  return changeNotice(
    { ...where, number: pull.id },
    {
      ...isFork,
      actor: bitbucketName(actor),
      author: bitbucketName(pull.author),
      isDraft: pull.draft,
      base: of(base),
      head: of(head),
      mergeCommit: pull.merge_commit?.hash,
      comment,
    },
  )
}

/** The comment as it stands in a notice; a reason where it holds no command. */
export function bitbucketComment(id: string | number, text: string, author: Person): ChangeComment | string {
  const command = commandOf(text)
  if (command === undefined) return noCommand
  const name = bitbucketName(author)
  return { id: String(id), ...(name === undefined ? {} : { author: name }), command }
}
