import { deliver, type Answer } from '../deliver.ts'
import { unsuitable } from '../errors.ts'
import type { NotificationEvent } from '../event.ts'
import { markdownPost } from '../markdown.ts'
import type { NotificationProvider, OutgoingRequest, Target } from '../types.ts'
import { itemsOf, parseAnswer, tokenOf } from './commit-status.ts'

/** How a forge takes comments on change requests. All of it is pure. */
export interface CommentApi {
  readonly headers: (target: Target, token: string) => { readonly [name: string]: string }
  /** The question who we are, and where the name stands in the answer; undefined where it cannot be asked. */
  readonly self: (target: Target) => { readonly request: OutgoingRequest; readonly field: string } | undefined
  readonly list: (target: Target, change: string) => OutgoingRequest
  /** Whether a comment is ours; `self` is our name, where it is known. */
  readonly isOwn: (comment: { readonly [name: string]: unknown }, self: string | undefined) => boolean
  readonly create: (target: Target, change: string, body: string) => OutgoingRequest
  readonly update: (target: Target, change: string, id: number, body: string) => OutgoingRequest
  /** Begins the hidden mark by which a comment is found again. */
  readonly marker: string
}

/** Bytes of a list of comments that are read: a hundred long ones. */
const maxListBytes = 4 << 20

/** A provider that keeps one comment for each object on the change request that `change_request` of the metadata names. */
export function commentProvider(api: CommentApi): NotificationProvider {
  return {
    isChat: false,
    format: (event, target) => [api.create(target, changeOf(event), bodyOf(api, event, target))],
    send: async (context, event, target) => {
      const change = changeOf(event)
      const body = bodyOf(api, event, target)
      const headers = api.headers(target, await tokenOf(context, target))
      const ask = (request: OutgoingRequest): Promise<Answer> =>
        deliver(context, { ...request, headers: { ...request.headers, ...headers } })
      const id = await findComment(api, { ask, target, change, mark: markOf(api, event, target) })
      await ask(id === undefined ? api.create(target, change, body) : api.update(target, change, id, body))
    },
  }
}

async function findComment(
  api: CommentApi,
  options: {
    readonly ask: (request: OutgoingRequest) => Promise<Answer>
    readonly target: Target
    readonly change: string
    readonly mark: string
  },
): Promise<number | undefined> {
  const { ask, target, change, mark } = options
  const who = api.self(target)
  let self: string | undefined
  if (who !== undefined) {
    const user = parseAnswer((await ask({ ...who.request, readBytes: 65_536 })).text) as
      { readonly [name: string]: unknown } | undefined
    const name = user?.[who.field]
    if (typeof name !== 'string') throw unsuitable('the forge does not say whose token the Secret holds')
    self = name
  }
  // The first hundred: a comment is made when a change request is opened or soon after.
  const answer = await ask({ ...api.list(target, change), readBytes: maxListBytes })
  const found = itemsOf(parseAnswer(answer.text)).find(
    (comment) => typeof comment['body'] === 'string' && comment['body'].includes(mark) && api.isOwn(comment, self),
  )
  return typeof found?.['id'] === 'number' ? found['id'] : undefined
}

function changeOf(event: NotificationEvent): string {
  const change = event.metadata['change_request']
  if (change === undefined) throw unsuitable('missing "change_request" metadata key')
  if (!/^\d{1,15}$/.test(change)) throw unsuitable('"change_request" of the metadata is no number')
  return change
}

function markOf(api: CommentApi, event: NotificationEvent, target: Target): string {
  const { kind, namespace, name } = event.involvedObject
  return `<!-- ${api.marker}:${target.uid}/${kind}/${namespace}/${name} -->`
}

function bodyOf(api: CommentApi, event: NotificationEvent, target: Target): string {
  return `${markOf(api, event, target)}\n\n${markdownPost(event)}`
}

/** A field of a nested object of a comment. */
export function nested(comment: { readonly [name: string]: unknown }, object: string, field: string): unknown {
  return (comment[object] as { readonly [name: string]: unknown } | null | undefined)?.[field]
}
