import { z } from 'zod'
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
  actor,
  pullRequest: z.object({
    id: z.number().int().min(1),
    fromRef: z.object({ latestCommit: commitId.nullish() }).nullish(),
    toRef: z.object({ repository: repositoryFields }),
  }),
})

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
  // A pull request moves `refs/pull-requests/<number>/from`, which a source may follow by `spec.ref.name`.
  if (event === 'pr:opened' || event === 'pr:from_ref_updated') {
    const { pullRequest, actor: who } = parseWith(pullRequestPayload, json())
    const ref = `refs/pull-requests/${pullRequest.id}/from`
    return decodeChanges(facts, repositoryOf(pullRequest.toRef.repository, who), [
      { ref, after: pullRequest.fromRef?.latestCommit, isDeleted: false },
    ])
  }
  return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
}

function repositoryOf(
  repository: z.infer<typeof repositoryFields>,
  who: z.infer<typeof actor>,
): { readonly provider: string; readonly urls: readonly string[]; readonly actor: string | undefined } {
  const { clone, self } = repository.links ?? {}
  const urls = presentUrls([...(clone ?? []), ...(self ?? [])].map(({ href }) => href))
  if (urls.length === 0) {
    const message = 'names no URL of the repository (links.clone); use a Receiver object for this version of Bitbucket'
    throw payloadInvalid([{ field: 'repository', message }])
  }
  return { provider: 'bitbucket', urls, actor: who?.name ?? undefined }
}
