import { Webhooks } from '@octokit/webhooks'
import { z } from 'zod'
import {
  boundedText,
  commitId,
  decodeText,
  existingCommit,
  parseJson,
  parseWith,
  payloadInvalid,
  presentUrls,
  refName,
  repositoryUrl,
} from './payload.ts'
import type { Decoded, HeaderReader, Receiver } from './types.ts'

const pushPayload = z.object({
  ref: refName,
  before: commitId.nullish(),
  after: commitId.nullish(),
  repository: z.object({
    clone_url: repositoryUrl,
    ssh_url: repositoryUrl,
    git_url: repositoryUrl,
    html_url: repositoryUrl,
  }),
  pusher: z.object({ name: boundedText(256).nullish() }).nullish(),
  sender: z.object({ login: boundedText(256).nullish() }).nullish(),
})

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
    if (event === 'ping') return { kind: 'ping' }
    if (event === '') throw payloadInvalid([{ field: 'X-GitHub-Event', message: 'the header is missing' }])
    if (event !== 'push') return { kind: 'ignored', reason: `events of type ${event.slice(0, 64)} are not acted on` }
    return decodePush(headers, parseWith(pushPayload, parseJson(payloadText(headers, body))))
  },
}

function decodePush(headers: HeaderReader, payload: z.infer<typeof pushPayload>): Decoded {
  const { repository, ref } = payload
  const urls = presentUrls([repository.clone_url, repository.ssh_url, repository.git_url, repository.html_url])
  if (urls.length === 0) throw payloadInvalid([{ field: 'repository', message: 'names no URL of the repository' }])
  const before = existingCommit(payload.before)
  const after = existingCommit(payload.after)
  const actor = payload.sender?.login ?? payload.pusher?.name ?? undefined
  return {
    kind: 'push',
    notice: {
      provider: 'github',
      deliveryId: headers.get('x-github-delivery')?.slice(0, 256) ?? '',
      urls,
      ref,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(actor === undefined ? {} : { actor }),
    },
  }
}

function signatureOf(headers: HeaderReader): string | undefined {
  const value = headers.get('x-hub-signature-256') ?? ''
  return /^sha256=[0-9a-f]{64}$/.test(value) ? value : undefined
}

function payloadText(headers: HeaderReader, body: Uint8Array): string {
  const text = decodeText(body)
  const type = headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') return text
  const payload = new URLSearchParams(text).get('payload')
  if (payload === null) throw payloadInvalid([{ field: 'payload', message: 'the form has no such field' }])
  return payload
}
