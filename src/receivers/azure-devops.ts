import { z } from 'zod'
import { fromBase64, utf8Text } from '../base/index.ts'
import {
  azureAction,
  azureComment,
  azureNotice,
  azurePullRequest,
  azureRepository,
  commentEvent,
  type AzurePullRequest,
} from './azure-devops-changes.ts'
import { commandOf, noCommand, notPlanned } from './change-notice.ts'
import { matchesAnySecret } from './constant-time.ts'
import {
  boundedText,
  commitId,
  decodeChanges,
  decodeText,
  deliveryIdOf,
  eventName,
  existingCommit,
  parseJson,
  parseWith,
  payloadInvalid,
  presentUrls,
  refName,
} from './payload.ts'
import type { Decoded, HeaderReader, Receiver } from './types.ts'

const envelope = z.object({ id: boundedText(256).nullish(), eventType: boundedText(128), resource: z.unknown() })

const pushResource = z.object({
  refUpdates: z.array(z.object({ name: refName, oldObjectId: commitId.nullish(), newObjectId: commitId.nullish() })),
  repository: azureRepository,
  pushedBy: z.object({ uniqueName: boundedText(256).nullish(), displayName: boundedText(256).nullish() }).nullish(),
})

/**
 * Service hooks of Azure DevOps. Proof is the password of basic authentication, as it was set for the subscription; the user name may be any. The hook must send all details of the
 * resource.
 */
export const azuredevops: Receiver = {
  async verifyHeaders(headers, secrets) {
    const password = passwordOf(headers)
    return password !== undefined && matchesAnySecret(password, secrets)
  },

  verifyBody: () => Promise.resolve(true),

  decode(_headers, body) {
    const { id, eventType, resource } = parseWith(envelope, parseJson(decodeText(body)))
    const facts = { event: eventName(eventType), deliveryId: deliveryIdOf(id) }
    if (eventType === 'git.push') return decodePush(facts, resource)
    if (eventType === 'git.pullrequest.created' || eventType === 'git.pullrequest.updated')
      return decodePullRequest(facts, eventType, parseWith(azurePullRequest, resource))
    if (eventType === 'git.pullrequest.merged') return decodeMerge(facts, parseWith(azurePullRequest, resource))
    if (eventType === commentEvent) return decodeComment(facts, resource)
    return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
  },
}

type Facts = Pick<Decoded, 'event' | 'deliveryId'>

function decodePush(facts: Facts, resource: unknown): Decoded {
  const { refUpdates, repository, pushedBy } = parseWith(pushResource, resource)
  const actor = pushedBy?.uniqueName ?? pushedBy?.displayName ?? undefined
  const changes = refUpdates.map(({ name, oldObjectId, newObjectId }) => ({
    ref: name,
    before: oldObjectId,
    after: newObjectId,
    isDeleted: newObjectId !== null && newObjectId !== undefined && existingCommit(newObjectId) === undefined,
  }))
  return decodeChanges(facts, { provider: 'azuredevops', urls: urlsOf(repository), actor }, changes)
}

/** A pull request moves `refs/pull/<number>/merge`, which a source may follow by `spec.ref.name`. */
function decodePullRequest(facts: Facts, event: string, pull: AzurePullRequest): Decoded {
  const { pullRequestId, status, repository, lastMergeCommit } = pull
  const ref = `refs/pull/${pullRequestId}/merge`
  const urls = urlsOf(repository)
  const action = event === 'git.pullrequest.created' ? 'opened' : azureAction(status)
  const change = azureNotice({ provider: 'azuredevops', deliveryId: facts.deliveryId, urls, action }, pull)
  if (typeof status === 'string' && status !== 'active')
    return {
      ...facts,
      kind: 'ignored',
      reason: `a pull request that is ${eventName(status)} moves no ref`,
      ref,
      change,
    }
  const after = lastMergeCommit?.commitId === '' ? undefined : lastMergeCommit?.commitId
  return { ...decodeChanges(facts, { provider: 'azuredevops', urls }, [{ ref, after, isDeleted: false }]), change }
}

/** Azure DevOps tells of every attempt to merge for a try, too: only what is completed is merged. */
function decodeMerge(facts: Facts, pull: AzurePullRequest): Decoded {
  const where = { provider: 'azuredevops', deliveryId: facts.deliveryId, urls: urlsOf(pull.repository) }
  const action = pull.status === 'completed' ? 'merged' : 'updated'
  return { ...facts, kind: 'ignored', reason: notPlanned, change: azureNotice({ ...where, action }, pull) }
}

function decodeComment(facts: Facts, resource: unknown): Decoded {
  const { comment, pullRequest: pull } = parseWith(azureComment, resource)
  const command = commandOf(comment.content ?? '')
  if (command === undefined || comment.isDeleted === true) return { ...facts, kind: 'ignored', reason: noCommand }
  const where = { provider: 'azuredevops', deliveryId: facts.deliveryId, urls: urlsOf(pull.repository) }
  const change = azureNotice({ ...where, action: 'commented' }, pull, { ...comment, command })
  return { ...facts, kind: 'ignored', reason: notPlanned, change }
}

/** The URLs of a repository; the one for SSH has another host and path, and is told only by some versions. */
function urlsOf(repository: z.infer<typeof azureRepository>): readonly string[] {
  const { remoteUrl, sshUrl, webUrl } = repository
  const [, path] = /^https:\/\/(?:[^@/]*@)?dev\.azure\.com\/([^/]+\/[^/]+\/_git\/[^/?#]+)$/.exec(remoteUrl ?? '') ?? []
  const ssh = path === undefined ? undefined : `ssh://git@ssh.dev.azure.com/v3/${path.replace('/_git/', '/')}`
  const urls = presentUrls([remoteUrl, sshUrl, webUrl, ssh])
  if (urls.length === 0) {
    const message = "names no URL of the repository: let the service hook send 'all' details of the resource"
    throw payloadInvalid([{ field: 'resource.repository', message }])
  }
  return urls
}

function passwordOf(headers: HeaderReader): string | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/]{1,2048}={0,2})$/i.exec(headers.get('authorization') ?? '')?.[1]
  const bytes = encoded === undefined ? undefined : fromBase64(encoded)
  const text = bytes === undefined ? undefined : utf8Text(bytes)
  const at = text?.indexOf(':') ?? -1
  const password = at < 0 ? undefined : text?.slice(at + 1)
  return password === '' ? undefined : password
}
