import { z } from 'zod'
import {
  bitbucketAction,
  bitbucketComment,
  bitbucketPerson,
  serverComment,
  serverNotice,
  serverPullRequest,
} from './bitbucket-changes.ts'
import { notPlanned, type ChangeAction } from './change-notice.ts'
import {
  boundedText,
  commitId,
  decodeChanges,
  parseWith,
  payloadInvalid,
  presentUrls,
  refName,
  repositoryUrl,
} from './payload.ts'
import type { Decoded } from './types.ts'

const link = z.object({ href: repositoryUrl })
const repositoryFields = z.object({
  links: z.object({ clone: z.array(link).max(20).nullish(), self: z.array(link).max(20).nullish() }).nullish(),
})
const actor = z.object({ name: boundedText(256).nullish() }).nullish()

const pushPayload = z.object({
  actor,
  repository: repositoryFields,
  changes: z.array(
    z.object({
      ref: z.object({ id: refName }),
      fromHash: commitId.nullish(),
      toHash: commitId.nullish(),
      type: boundedText(32),
    }),
  ),
})

const pullRequestPayload = z.object({
  actor: bitbucketPerson,
  // Events of pull requests name the repository within its end; its links come with it.
  pullRequest: serverPullRequest.and(z.object({ toRef: z.object({ repository: repositoryFields }) })),
  comment: serverComment.nullish(),
})

const noUrl = 'names no URL of the repository (links.clone); use a Receiver object for this version of Bitbucket'

/** Reads an event of Bitbucket Data Center. Throws a DiagnosticsError `payload-invalid`. */
export function decodeBitbucketServer(
  facts: Pick<Decoded, 'event' | 'deliveryId'>,
  event: string,
  json: () => unknown,
): Decoded {
  if (event === 'repo:refs_changed') {
    const payload = parseWith(pushPayload, json())
    const changes = payload.changes.map(({ ref, fromHash, toHash, type }) => ({
      ref: ref.id,
      before: fromHash,
      after: toHash,
      isDeleted: type === 'DELETE',
    }))
    return decodeChanges(facts, repositoryOf(payload.repository, payload.actor), changes)
  }
  const action = bitbucketAction(event)
  if (action !== undefined) return decodePullRequest(facts, { event, action }, parseWith(pullRequestPayload, json()))
  return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
}

/** A pull request moves `refs/pull-requests/<number>/from`, which a source may follow by `spec.ref.name`. */
function decodePullRequest(
  facts: Pick<Decoded, 'event' | 'deliveryId'>,
  what: { readonly event: string; readonly action: ChangeAction },
  payload: z.infer<typeof pullRequestPayload>,
): Decoded {
  const { pullRequest: pull, actor: who, comment } = payload
  const movesRef = what.action === 'opened' || what.action === 'updated'
  // Older versions name no URLs here: what would ask for nothing anyway is no failure of theirs.
  if (!movesRef && urlsOf(pull.toRef.repository).length === 0) return { ...facts, kind: 'ignored', reason: noUrl }
  const repository = repositoryOf(pull.toRef.repository, who)
  const where = { provider: 'bitbucket', deliveryId: facts.deliveryId, urls: repository.urls, action: what.action }
  if (what.action === 'commented') {
    if (comment === null || comment === undefined) throw payloadInvalid([{ field: 'comment', message: 'is missing' }])
    const told = bitbucketComment(comment.id, comment.text, comment.author)
    if (typeof told === 'string') return { ...facts, kind: 'ignored', reason: told }
    return { ...facts, kind: 'ignored', reason: notPlanned, change: serverNotice(where, pull, who, told) }
  }
  const change = serverNotice(where, pull, who)
  const ref = `refs/pull-requests/${pull.id}/from`
  if (!movesRef) return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} move no ref`, ref, change }
  const after = pull.fromRef?.latestCommit === '' ? undefined : pull.fromRef?.latestCommit
  return { ...decodeChanges(facts, repository, [{ ref, after, isDeleted: false }]), change }
}

function repositoryOf(
  repository: z.infer<typeof repositoryFields>,
  who: z.infer<typeof actor>,
): { readonly provider: string; readonly urls: readonly string[]; readonly actor: string | undefined } {
  const urls = urlsOf(repository)
  if (urls.length === 0) throw payloadInvalid([{ field: 'repository', message: noUrl }])
  return { provider: 'bitbucket', urls, actor: who?.name ?? undefined }
}

function urlsOf({ links }: z.infer<typeof repositoryFields>): readonly string[] {
  return presentUrls([...(links?.clone ?? []), ...(links?.self ?? [])].map(({ href }) => href))
}
