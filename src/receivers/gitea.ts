import { z } from 'zod'
import { changeNumber, type ChangeAction } from './change-notice.ts'
import { changeActionOf, decodeComment, person, pullRequestFields, pullRequestNotice } from './github-changes.ts'
import { isHmacForm, verifyHmac } from './hmac.ts'
import {
  boundedText,
  commitId,
  decodeChanges,
  deliveryIdOf,
  eventName,
  existingCommit,
  formPayload,
  parseJson,
  parseWith,
  payloadInvalid,
  presentUrls,
  refName,
  repositoryUrl,
} from './payload.ts'
import type { Decoded, HeaderReader, Receiver } from './types.ts'

const repositoryFields = z.object({ clone_url: repositoryUrl, ssh_url: repositoryUrl, html_url: repositoryUrl })

const pushPayload = z.object({
  ref: refName,
  before: commitId.nullish(),
  after: commitId.nullish(),
  repository: repositoryFields,
  pusher: person,
  sender: person,
})

/** Refs that are made or deleted are told by their short name. */
const refPayload = z.object({
  ref: boundedText(1024),
  ref_type: z.enum(['branch', 'tag']),
  repository: repositoryFields,
  sender: person,
})

const pullRequestPayload = z.object({
  action: boundedText(64),
  number: changeNumber,
  pull_request: pullRequestFields,
  repository: repositoryFields,
  sender: person,
})

const commentRepository = z.object({ repository: repositoryFields })
const pullRequestEvents: readonly string[] = ['pull_request', 'pull_request_sync', 'pull_request_comment']
const reviewEvents: readonly string[] = ['pull_request_approved', 'pull_request_rejected']

/**
 * Gitea and Forgejo. Proof is the HMAC-SHA256 of the JSON in `X-Gitea-Signature` (Forgejo: also `X-Forgejo-Signature`); of a form it is that of the field
 * `payload`, not that of the body.
 */
export const gitea: Receiver = {
  verifyHeaders: (headers, secrets) => Promise.resolve(secrets.length > 0 && signatureOf(headers) !== undefined),

  async verifyBody(headers, body, secrets) {
    const signature = signatureOf(headers)
    if (signature === undefined || body.length === 0) return false
    let signed: Uint8Array
    try {
      signed = new TextEncoder().encode(formPayload(headers, body))
    } catch {
      return false // What is signed is text.
    }
    return verifyHmac(signed, signature, secrets, 'sha256')
  },

  decode(headers, body) {
    const event = headers.get('x-gitea-event') ?? headers.get('x-forgejo-event') ?? ''
    if (event === '') throw payloadInvalid([{ field: 'X-Gitea-Event', message: 'the header is missing' }])
    const facts = {
      event: eventName(event),
      deliveryId: deliveryIdOf(headers.get('x-gitea-delivery') ?? headers.get('x-forgejo-delivery')),
    }
    const json = (): unknown => parseJson(formPayload(headers, body))
    if (event === 'push') return decodePush(facts, json())
    if (event === 'create' || event === 'delete') return decodeRef(facts, json(), event === 'delete')
    // A comment on lines comes as a review, and is no place for a command.
    if (pullRequestEvents.includes(event)) return decodePullRequest(facts, json())
    if (reviewEvents.includes(event)) return decodePullRequest(facts, json(), 'reviewed')
    if (event === 'issue_comment') {
      const payload = json()
      const { provider, urls } = repositoryOf(parseWith(commentRepository, payload).repository, undefined)
      return decodeComment(facts, payload, { provider, urls })
    }
    return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
  },
}

type Facts = Pick<Decoded, 'event' | 'deliveryId'>

function decodePush(facts: Facts, json: unknown): Decoded {
  const { ref, before, after, repository, pusher, sender } = parseWith(pushPayload, json)
  const isDeleted = after !== null && after !== undefined && existingCommit(after) === undefined
  return decodeChanges(facts, repositoryOf(repository, sender ?? pusher), [{ ref, before, after, isDeleted }])
}

function decodeRef(facts: Facts, json: unknown, isDeleted: boolean): Decoded {
  const { ref, ref_type: type, repository, sender } = parseWith(refPayload, json)
  const full = ref.startsWith('refs/') ? ref : `refs/${type === 'tag' ? 'tags' : 'heads'}/${ref}`
  return decodeChanges(facts, repositoryOf(repository, sender), [{ ref: full, isDeleted }])
}

/** A pull request moves `refs/pull/<number>/head`, which a source may follow by `spec.ref.name`. */
function decodePullRequest(facts: Facts, json: unknown, meaning?: ChangeAction): Decoded {
  const payload = parseWith(pullRequestPayload, json)
  const { action: word, number, sender, pull_request: pull } = payload
  const ref = `refs/pull/${number}/head`
  const repository = repositoryOf(payload.repository, sender)
  const action = meaning ?? changeActionOf(word, pull?.merged === true)
  const where = { provider: 'gitea', deliveryId: facts.deliveryId, urls: repository.urls, number }
  const change = action === undefined ? {} : { change: pullRequestNotice({ ...where, action }, pull, repository.actor) }
  if (meaning !== undefined || !['opened', 'reopened', 'synchronized'].includes(word))
    return { ...facts, kind: 'ignored', reason: `'${eventName(word)}' of a pull request moves no ref`, ref, ...change }
  const after = pull?.head?.sha === '' ? undefined : pull?.head?.sha
  return { ...decodeChanges(facts, repository, [{ ref, after, isDeleted: false }]), ...change }
}

function repositoryOf(
  repository: z.infer<typeof repositoryFields>,
  who: z.infer<typeof person>,
): { readonly provider: string; readonly urls: readonly string[]; readonly actor: string | undefined } {
  const urls = presentUrls([repository.clone_url, repository.ssh_url, repository.html_url])
  if (urls.length === 0) throw payloadInvalid([{ field: 'repository', message: 'names no URL of the repository' }])
  return { provider: 'gitea', urls, actor: who?.login ?? who?.username ?? undefined }
}

function signatureOf(headers: HeaderReader): string | undefined {
  const value = headers.get('x-gitea-signature') ?? headers.get('x-forgejo-signature') ?? ''
  return isHmacForm(value, 'sha256') ? value : undefined
}
