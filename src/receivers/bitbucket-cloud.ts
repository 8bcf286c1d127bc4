import { z } from 'zod'
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
  if (event !== 'repo:push')
    return { ...facts, kind: 'ignored', reason: 'Bitbucket Cloud has no refs of pull requests that could be followed' }
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
