import { z } from 'zod'
import { matchesAnySecret } from './constant-time.ts'
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
  project: z.object({
    git_http_url: repositoryUrl,
    git_ssh_url: repositoryUrl,
    http_url: repositoryUrl,
    ssh_url: repositoryUrl,
    url: repositoryUrl,
    web_url: repositoryUrl,
  }),
  user_username: boundedText(256).nullish(),
  user_name: boundedText(256).nullish(),
})

const pushEvents: readonly string[] = ['Push Hook', 'Tag Push Hook']

/**
 * GitLab. Proof is the secret token itself in `X-Gitlab-Token`, so the body need not be read to refuse a stranger. A branch and a tag
 * come as different events of the same format. GitLab has no ping; its test button sends a push.
 */
export const gitlab: Receiver = {
  async verifyHeaders(headers, secrets) {
    const token = headers.get('x-gitlab-token') ?? ''
    return token !== '' && matchesAnySecret(token, secrets)
  },

  verifyBody: () => Promise.resolve(true),

  decode(headers, body) {
    const event = headers.get('x-gitlab-event') ?? ''
    if (event === '') throw payloadInvalid([{ field: 'X-Gitlab-Event', message: 'the header is missing' }])
    if (event === 'System Hook') return decodeSystemHook(headers, body)
    if (!pushEvents.includes(event))
      return { kind: 'ignored', reason: `events of type ${event.slice(0, 64)} are not acted on` }
    return decodePush(headers, parseJson(decodeText(body)))
  },
}

/** Hooks of a whole instance send every event under one name; the payload says which it is. */
function decodeSystemHook(headers: HeaderReader, body: Uint8Array): Decoded {
  const payload = parseJson(decodeText(body))
  const { event_name: name } = parseWith(z.object({ event_name: boundedText(64) }), payload)
  if (name !== 'push' && name !== 'tag_push')
    return { kind: 'ignored', reason: `system events of type ${name} are not acted on` }
  return decodePush(headers, payload)
}

function decodePush(headers: HeaderReader, json: unknown): Decoded {
  const payload = parseWith(pushPayload, json)
  const { project } = payload
  const urls = presentUrls([
    project.git_http_url,
    project.git_ssh_url,
    project.http_url,
    project.ssh_url,
    project.url,
    project.web_url,
  ])
  if (urls.length === 0) throw payloadInvalid([{ field: 'project', message: 'names no URL of the repository' }])
  const before = existingCommit(payload.before)
  const after = existingCommit(payload.after)
  const actor = payload.user_username ?? payload.user_name ?? undefined
  return {
    kind: 'push',
    notice: {
      provider: 'gitlab',
      // The first stays the same when GitLab tries again; older versions send only the second.
      deliveryId: (headers.get('idempotency-key') ?? headers.get('x-gitlab-event-uuid') ?? '').slice(0, 256),
      urls,
      ref: payload.ref,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(actor === undefined ? {} : { actor }),
    },
  }
}
