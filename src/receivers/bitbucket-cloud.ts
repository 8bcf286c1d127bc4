import { z } from 'zod'
import {
  bitbucketAction,
  bitbucketComment,
  bitbucketPerson,
  cloudComment,
  cloudNotice,
  cloudPullRequest,
} from './bitbucket-changes.ts'
import { notPlanned } from './change-notice.ts'
import {
  boundedText,
  commitId,
  decodeChanges,
  parseWith,
  payloadInvalid,
  presentUrls,
  repositoryUrl,
  type RefChange,
} from './payload.ts'
import type { Decoded } from './types.ts'

const refState = z
  .object({
    type: boundedText(32),
    name: boundedText(1000),
    target: z.object({ hash: commitId.nullish() }).nullish(),
  })
  .nullish()

const pushPayload = z.object({
  push: z.object({ changes: z.array(z.object({ new: refState, old: refState })) }),
  repository: z.object({ links: z.object({ html: z.object({ href: repositoryUrl }).nullish() }).nullish() }),
  actor: z.object({ nickname: boundedText(256).nullish(), display_name: boundedText(256).nullish() }).nullish(),
})

/** Whether an event is one of Bitbucket Cloud, not of the Data Center product. */
export function isBitbucketCloudEvent(event: string): boolean {
  return event === 'repo:push' || event.startsWith('pullrequest:')
}

/** Reads an event of Bitbucket Cloud. Throws a DiagnosticsError `payload-invalid`. */
export function decodeBitbucketCloud(
  facts: Pick<Decoded, 'event' | 'deliveryId'>,
  event: string,
  json: () => unknown,
): Decoded {
  if (event !== 'repo:push') return decodePullRequest(facts, event, json)
  const { push, repository, actor } = parseWith(pushPayload, json())
  const urls = presentUrls([repository.links?.html?.href])
  if (urls.length === 0) throw payloadInvalid([{ field: 'repository', message: 'names no URL of the repository' }])
  const changes = push.changes.flatMap((change): RefChange[] => {
    const state = change.new ?? change.old
    if (state === null || state === undefined) return []
    const ref = `refs/${state.type.includes('tag') ? 'tags' : 'heads'}/${state.name}`
    return [{ ref, before: change.old?.target?.hash, after: change.new?.target?.hash, isDeleted: !change.new }]
  })
  const who = actor?.nickname ?? actor?.display_name ?? undefined
  return decodeChanges(facts, { provider: 'bitbucket', urls, actor: who }, changes)
}

const pullRequestPayload = z.object({
  pullrequest: cloudPullRequest,
  repository: pushPayload.shape.repository,
  actor: bitbucketPerson,
  comment: cloudComment.nullish(),
})

function decodePullRequest(facts: Pick<Decoded, 'event' | 'deliveryId'>, event: string, json: () => unknown): Decoded {
  const action = bitbucketAction(event)
  if (action === undefined)
    return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
  const { pullrequest: pull, repository, actor, comment } = parseWith(pullRequestPayload, json())
  const urls = presentUrls([repository.links?.html?.href])
  if (urls.length === 0) throw payloadInvalid([{ field: 'repository', message: 'names no URL of the repository' }])
  const where = { provider: 'bitbucket', deliveryId: facts.deliveryId, urls, action }
  if (action !== 'commented') {
    const reason = 'Bitbucket Cloud has no refs of pull requests that could be followed'
    return { ...facts, kind: 'ignored', reason, change: cloudNotice(where, pull, actor) }
  }
  if (comment === null || comment === undefined) throw payloadInvalid([{ field: 'comment', message: 'is missing' }])
  const told = bitbucketComment(comment.id, comment.content.raw, comment.user)
  if (typeof told === 'string') return { ...facts, kind: 'ignored', reason: told }
  return { ...facts, kind: 'ignored', reason: notPlanned, change: cloudNotice(where, pull, actor, told) }
}
