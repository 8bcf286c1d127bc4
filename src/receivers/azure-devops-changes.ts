import { z } from 'zod'
import {
  changeNotice,
  changeNumber,
  commentId,
  commentText,
  maybeCommit,
  shortText,
  type ChangeAction,
  type ChangeCommand,
  type ChangeNotice,
} from './change-notice.ts'
import { boundedText, repositoryUrl } from './payload.ts'

/** URLs of a repository of Azure DevOps. */
export const azureRepository = z.object({
  id: shortText,
  remoteUrl: repositoryUrl,
  sshUrl: repositoryUrl,
  webUrl: repositoryUrl,
})

/** The event of a comment on a pull request. */
export const commentEvent = 'ms.vss-code.git-pullrequest-comment-event'

const person = z.object({ uniqueName: shortText, displayName: shortText }).nullish()
const commit = z.object({ commitId: maybeCommit }).nullish()

/** A pull request as service hooks describe it. */
export const azurePullRequest = z.object({
  pullRequestId: changeNumber,
  status: boundedText(64).nullish(),
  isDraft: z.boolean().nullish(),
  createdBy: person,
  sourceRefName: shortText,
  targetRefName: shortText,
  repository: azureRepository,
  forkSource: z.object({ repository: z.object({ id: shortText, name: shortText }).nullish() }).nullish(),
  lastMergeSourceCommit: commit,
  lastMergeTargetCommit: commit,
  lastMergeCommit: commit,
})

export type AzurePullRequest = z.infer<typeof azurePullRequest>

/** A comment and its pull request. */
export const azureComment = z.object({
  comment: z.object({
    id: commentId,
    content: commentText.nullish(),
    author: person,
    isDeleted: z.boolean().nullish(),
    _links: z.object({ self: z.object({ href: repositoryUrl }).nullish() }).nullish(),
  }),
  pullRequest: azurePullRequest,
})

/** What an update means by the state after it. */
export function azureAction(status: string | null | undefined): ChangeAction {
  if (status === 'completed') return 'merged'
  return status === 'abandoned' ? 'closed' : 'updated'
}

/** Notice of a pull request. `comment`: with the command in it. */
export function azureNotice(
  where: Pick<ChangeNotice, 'provider' | 'deliveryId' | 'urls' | 'action'>,
  pull: AzurePullRequest,
  comment?: Pick<z.infer<typeof azureComment>['comment'], 'id' | 'author' | '_links'> & {
    readonly command: ChangeCommand
  },
): ChangeNotice {
  const nameOf = (who: z.infer<typeof person>): string | undefined => who?.uniqueName ?? who?.displayName ?? undefined
  const commenter = nameOf(comment?.author)
  return changeNotice(
    { ...where, number: pull.pullRequestId },
    {
      actor: commenter,
      author: nameOf(pull.createdBy),
      isDraft: pull.isDraft,
      isFork: pull.forkSource !== null && pull.forkSource !== undefined,
      base: { branch: pull.targetRefName, commit: pull.lastMergeTargetCommit?.commitId },
      head: {
        branch: pull.sourceRefName,
        commit: pull.lastMergeSourceCommit?.commitId,
        repository: pull.forkSource?.repository?.name,
      },
      mergeCommit: where.action === 'merged' ? pull.lastMergeCommit?.commitId : undefined,
      comment:
        comment === undefined
          ? undefined
          : {
              id: commentPath(comment.id, comment._links?.self?.href),
              ...(commenter === undefined ? {} : { author: commenter }),
              command: comment.command,
            },
    },
  )
}

/** Comments are numbered within their thread: `<thread>/<comment>`, where the payload names the thread. */
function commentPath(id: string | number, link: string | null | undefined): string {
  const thread = /\/threads\/(\d{1,15})\/comments\/\d{1,15}$/.exec(link ?? '')?.[1]
  return thread === undefined ? String(id) : `${thread}/${id}`
}
