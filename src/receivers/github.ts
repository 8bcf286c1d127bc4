import { Webhooks } from '@octokit/webhooks'
import { z } from 'zod'
import { changeNumber, notPlanned } from './change-notice.ts'
import { changeActionOf, decodeComment, pullRequestFields, pullRequestNotice } from './github-changes.ts'
import {
  boundedText,
  commitId,
  decodeChanges,
  decodeText,
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
import { parseSignature, verifyHmac } from './hmac.ts'
import { refIn, tokenOf } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
import { refuse } from './refusal.ts'
import type { Decoded, HeaderReader, Receiver } from './types.ts'

const repositoryFields = z.object({
  clone_url: repositoryUrl,
  ssh_url: repositoryUrl,
  git_url: repositoryUrl,
  html_url: repositoryUrl,
})
const sender = z.object({ login: boundedText(256).nullish() }).nullish()

const pushPayload = z.object({
  ref: refName,
  before: commitId.nullish(),
  after: commitId.nullish(),
  deleted: z.boolean().nullish(),
  repository: repositoryFields,
  pusher: z.object({ name: boundedText(256).nullish() }).nullish(),
  sender,
})

const pullRequestPayload = z.object({
  action: boundedText(64),
  number: changeNumber,
  before: commitId.nullish(),
  pull_request: pullRequestFields,
  repository: repositoryFields,
  sender,
})

const reviewPayload = z.object({
  action: boundedText(64),
  pull_request: z.object({ number: changeNumber }).and(pullRequestFields.unwrap().unwrap()),
  repository: repositoryFields,
  sender,
})

const commentRepository = z.object({ repository: repositoryFields })

/**
 * GitHub (and what speaks its format). Proof is the HMAC-SHA256 of the body in `X-Hub-Signature-256`; the older SHA-1 header is not
 * accepted. The body is JSON, or a form with the JSON in `payload`, as chosen when the webhook was created.
 */
export const github: Receiver = {
  verifyHeaders: (headers, secrets) => Promise.resolve(secrets.length > 0 && signatureOf(headers) !== undefined),

  async verifyBody(headers, body, secrets) {
    const signature = signatureOf(headers)
    if (signature === undefined || body.length === 0) return false
    let text: string
    try {
      text = decodeText(body)
    } catch {
      return false // What is signed is text; bytes that are not cannot have been.
    }
    const results = await Promise.all(secrets.map((secret) => new Webhooks({ secret }).verify(text, signature)))
    return results.includes(true)
  },

  decode(headers, body) {
    const event = headers.get('x-github-event') ?? ''
    if (event === '') throw payloadInvalid([{ field: 'X-GitHub-Event', message: 'the header is missing' }])
    const facts = { event: eventName(event), deliveryId: deliveryIdOf(headers.get('x-github-delivery')) }
    if (event === 'ping') return { ...facts, kind: 'ping' }
    if (event === 'push') return decodePush(facts, parseWith(pushPayload, parseJson(formPayload(headers, body))))
    if (event === 'pull_request')
      return decodePullRequest(facts, parseWith(pullRequestPayload, parseJson(formPayload(headers, body))))
    if (event === 'pull_request_review')
      return decodeReview(facts, parseWith(reviewPayload, parseJson(formPayload(headers, body))))
    if (event === 'issue_comment') {
      const json = parseJson(formPayload(headers, body))
      const urls = urlsOf(parseWith(commentRepository, json).repository)
      return decodeComment(facts, json, { provider: 'github', urls })
    }
    return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
  },
}

/** The same of a Receiver object `github`. Every event counts that `spec.events` allows, also `ping`. */
export const githubHook: HookType = {
  type: 'github',
  hasEvents: true,
  verifyHeaders: async (headers) => {
    if (signatureOf(headers) === undefined) throw refuse('the X-Hub-Signature-256 header is missing or malformed')
  },
  verify: async ({ headers, body }, access) => {
    const { signature = '' } = parseSignature(headers.get('x-hub-signature-256'), ['sha256']) ?? {}
    if (!(await verifyHmac(body, signature, [tokenOf(access)], 'sha256')))
      throw refuse('the X-Hub-Signature-256 header does not match the body')
    let text: string
    try {
      text = formPayload(headers, body)
    } catch {
      throw refuse('the body is no payload of GitHub')
    }
    return {
      event: eventName(headers.get('x-github-event')),
      deliveryId: deliveryIdOf(headers.get('x-github-delivery')),
      ...refIn(text),
    }
  },
}

type Facts = Pick<Decoded, 'event' | 'deliveryId'>

function decodePush(facts: Facts, payload: z.infer<typeof pushPayload>): Decoded {
  const { ref, before, after, deleted } = payload
  const actor = payload.sender?.login ?? payload.pusher?.name ?? undefined
  const isDeleted = deleted === true || (after !== null && after !== undefined && existingCommit(after) === undefined)
  return decodeChanges(facts, { provider: 'github', urls: urlsOf(payload.repository), actor }, [
    { ref, before, after, isDeleted },
  ])
}

/** A pull request moves `refs/pull/<number>/head`, which a source may follow by `spec.ref.name`. */
function decodePullRequest(facts: Facts, payload: z.infer<typeof pullRequestPayload>): Decoded {
  const { action: word, number, repository, pull_request: pull } = payload
  const ref = `refs/pull/${number}/head`
  const action = changeActionOf(word, pull?.merged === true)
  const urls = urlsOf(repository)
  const actor = payload.sender?.login ?? undefined
  const where = { provider: 'github', deliveryId: facts.deliveryId, urls, number }
  const change = action === undefined ? {} : { change: pullRequestNotice({ ...where, action }, pull, actor) }
  if (!['opened', 'reopened', 'synchronize'].includes(word))
    return { ...facts, kind: 'ignored', reason: `'${eventName(word)}' of a pull request moves no ref`, ref, ...change }
  const after = pull?.head?.sha === '' ? undefined : pull?.head?.sha
  const changes = [{ ref, before: payload.before, after, isDeleted: false }]
  return { ...decodeChanges(facts, { provider: 'github', urls, actor }, changes), ...change }
}

function decodeReview(facts: Facts, payload: z.infer<typeof reviewPayload>): Decoded {
  const { pull_request: pull, repository } = payload
  const where = { provider: 'github', deliveryId: facts.deliveryId, urls: urlsOf(repository), number: pull.number }
  const change = pullRequestNotice({ ...where, action: 'reviewed' }, pull, payload.sender?.login ?? undefined)
  return { ...facts, kind: 'ignored', reason: notPlanned, change }
}

function urlsOf(repository: z.infer<typeof repositoryFields>): readonly string[] {
  const urls = presentUrls([repository.clone_url, repository.ssh_url, repository.git_url, repository.html_url])
  if (urls.length === 0) throw payloadInvalid([{ field: 'repository', message: 'names no URL of the repository' }])
  return urls
}

function signatureOf(headers: HeaderReader): string | undefined {
  const value = headers.get('x-hub-signature-256') ?? ''
  return /^sha256=[0-9a-f]{64}$/.test(value) ? value : undefined
}
