import { z } from 'zod'
import { utf8Text } from '../base/index.ts'
import { isHeaderEqual, matchesAnySecret } from './constant-time.ts'
import { decodeNote, mergeRequestAction, mergeRequestNotice, mergeRequestPayload } from './gitlab-changes.ts'
import { refIn, tokenOf } from './hook-payload.ts'
import type { HookType } from './hook-types.ts'
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
  repositoryUrl,
} from './payload.ts'
import { refuse } from './refusal.ts'
import type { Decoded, Receiver } from './types.ts'

const projectFields = z.object({
  git_http_url: repositoryUrl,
  git_ssh_url: repositoryUrl,
  http_url: repositoryUrl,
  ssh_url: repositoryUrl,
  url: repositoryUrl,
  web_url: repositoryUrl,
})

const pushPayload = z.object({
  ref: refName,
  before: commitId.nullish(),
  after: commitId.nullish(),
  project: projectFields,
  user_username: boundedText(256).nullish(),
  user_name: boundedText(256).nullish(),
})

const projectPayload = z.object({ project: projectFields })

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
    const facts = {
      event: eventName(event),
      // The first stays the same when GitLab tries again; older versions send only the second.
      deliveryId: deliveryIdOf(headers.get('idempotency-key') ?? headers.get('x-gitlab-event-uuid')),
    }
    if (event === 'System Hook') return decodeSystemHook(facts, body)
    if (event === 'Merge Request Hook') return decodeMergeRequest(facts, parseJson(decodeText(body)))
    if (event === 'Note Hook') return decodeNoteHook(facts, parseJson(decodeText(body)))
    if (!pushEvents.includes(event))
      return { ...facts, kind: 'ignored', reason: `events of type ${facts.event} are not acted on` }
    return decodePush(facts, parseJson(decodeText(body)))
  },
}

/** The same of a Receiver object `gitlab`. Every event counts that `spec.events` allows. */
export const gitlabHook: HookType = {
  type: 'gitlab',
  hasEvents: true,
  verifyHeaders: async (headers, access) => {
    if (!(await isHeaderEqual(headers.get('x-gitlab-token') ?? '', tokenOf(access))))
      throw refuse('the X-Gitlab-Token header does not match the token')
  },
  verify: async ({ headers, body }) => ({
    event: eventName(headers.get('x-gitlab-event')),
    deliveryId: deliveryIdOf(headers.get('idempotency-key') ?? headers.get('x-gitlab-event-uuid')),
    ...refIn(utf8Text(body) ?? ''),
  }),
}

type Facts = Pick<Decoded, 'event' | 'deliveryId'>

/** Hooks of a whole instance send every event under one name; the payload says which it is. */
function decodeSystemHook(facts: Facts, body: Uint8Array): Decoded {
  const payload = parseJson(decodeText(body))
  const { event_name: name, object_kind: kind } = parseWith(
    z.object({ event_name: boundedText(64).nullish(), object_kind: boundedText(64).nullish() }),
    payload,
  )
  if (kind === 'note') return decodeNoteHook(facts, payload)
  if (kind === 'merge_request') return decodeMergeRequest(facts, payload)
  if (name !== 'push' && name !== 'tag_push')
    return { ...facts, kind: 'ignored', reason: `system events of type ${name ?? kind ?? '?'} are not acted on` }
  return decodePush(facts, payload)
}

function decodePush(facts: Facts, json: unknown): Decoded {
  const payload = parseWith(pushPayload, json)
  const { ref, before, after } = payload
  const actor = payload.user_username ?? payload.user_name ?? undefined
  const isDeleted = after !== null && after !== undefined && existingCommit(after) === undefined
  return decodeChanges(facts, { provider: 'gitlab', urls: urlsOf(payload.project), actor }, [
    { ref, before, after, isDeleted },
  ])
}

/** A merge request moves `refs/merge-requests/<number>/head`, which a source may follow by `spec.ref.name`. */
function decodeMergeRequest(facts: Facts, json: unknown): Decoded {
  const { project } = parseWith(projectPayload, json)
  const payload = parseWith(mergeRequestPayload, json)
  const { user, object_attributes: request } = payload
  const action = mergeRequestAction(payload)
  const where = { provider: 'gitlab', deliveryId: facts.deliveryId, urls: urlsOf(project) }
  const change = action === undefined ? {} : { change: mergeRequestNotice({ ...where, action }, { request, user }) }
  const ref = `refs/merge-requests/${request.iid}/head`
  // An update without `oldrev` changed a title or a label.
  const isMoved = ['open', 'reopen'].includes(request.action ?? '') || (request.action === 'update' && request.oldrev)
  if (!isMoved)
    return {
      ...facts,
      kind: 'ignored',
      reason: `'${eventName(request.action)}' of a merge request moves no ref`,
      ref,
      ...change,
    }
  const repository = { provider: 'gitlab', urls: where.urls, actor: user?.username ?? undefined }
  const before = request.oldrev === '' ? undefined : request.oldrev
  const changes = [{ ref, before, after: request.last_commit?.id, isDeleted: false }]
  return { ...decodeChanges(facts, repository, changes), ...change }
}

function decodeNoteHook(facts: Facts, json: unknown): Decoded {
  const { project } = parseWith(projectPayload, json)
  return decodeNote(facts, json, { provider: 'gitlab', urls: urlsOf(project) })
}

function urlsOf(project: z.infer<typeof projectFields>): readonly string[] {
  const urls = presentUrls([
    project.git_http_url,
    project.git_ssh_url,
    project.http_url,
    project.ssh_url,
    project.url,
    project.web_url,
  ])
  if (urls.length === 0) throw payloadInvalid([{ field: 'project', message: 'names no URL of the repository' }])
  return urls
}
