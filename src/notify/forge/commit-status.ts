import { nameAndDescription, type NotificationEvent } from '../event.ts'
import { deliver, type Answer } from '../deliver.ts'
import type { NotificationProvider, OutgoingRequest, SendContext, Target } from '../types.ts'
import { requiredCommit } from './commit.ts'

/** How far something has come. */
export type StatusState = 'pending' | 'success' | 'failure'

/** A status of a commit, in no forge's words. */
export interface CommitStatus {
  readonly commit: string
  readonly state: StatusState
  /** What the status is about: statuses of the same context replace each other. */
  readonly context: string
  /** Where a forge shows a name besides the context. */
  readonly name: string
  readonly description: string
  /** Where it leads to. */
  readonly url?: string
  /** Azure DevOps puts a genre beside the context. */
  readonly genre?: string
}

/** The status that stands for a context now, as far as it decides whether the new one says anything else. */
export interface KnownStatus {
  readonly state: string
  readonly description: string
}

/** How a forge takes statuses. All of it is pure. */
export interface StatusApi {
  /** Who asks. @throws EngineError `notify-config`. */
  readonly headers: (target: Target, token: string) => { readonly [name: string]: string }
  /** The question for the statuses of the commit. */
  readonly list: (target: Target, status: CommitStatus) => OutgoingRequest
  /** The latest status of the same context in the answer. */
  readonly latest: (answer: unknown, status: CommitStatus) => KnownStatus | undefined
  readonly create: (target: Target, status: CommitStatus) => OutgoingRequest
  /** The forge's word for a state; undefined: there is none, and such statuses are not sent. */
  readonly stateName: (state: StatusState) => string | undefined
  /** Progress is told too (Gitea alone in Flux). */
  readonly tellsProgress?: boolean
}

/** Bytes of a list of statuses that are read. */
const maxListBytes = 1 << 20

/** A provider that sets commit statuses: progress is skipped, and a status that stands already is not set again. */
export function statusProvider(api: StatusApi): NotificationProvider {
  const format: NotificationProvider['format'] = (event, target) => {
    const status = statusOf(api, event, target)
    return status === undefined ? [] : [api.create(target, status)]
  }
  return {
    isChat: false,
    format,
    send: async (context, event, target) => {
      const status = statusOf(api, event, target)
      if (status !== undefined) await setCommitStatus(context, { api, target, status })
    },
  }
}

/**
 * Sets a status unless the latest of its context says the same. Returns whether it was set.
 *
 * @throws EngineError as {@link deliver}; `notify-config` without a token.
 */
export async function setCommitStatus(
  context: SendContext,
  options: {
    readonly api: StatusApi
    readonly target: Target
    readonly status: CommitStatus
    /** Says nothing new where nothing was said before. */
    readonly onlyWhereKnown?: boolean
  },
): Promise<boolean> {
  const { api, target, status } = options
  const state = api.stateName(status.state)
  if (state === undefined) return false
  const headers = api.headers(target, await tokenOf(context, target))
  const ask = (request: OutgoingRequest): Promise<Answer> =>
    deliver(context, { ...request, headers: { ...request.headers, ...headers } })
  const answer = await ask({ ...api.list(target, status), readBytes: maxListBytes, accept: [404] })
  const known = answer.status === 404 ? undefined : api.latest(parseAnswer(answer.text), status)
  if (known === undefined && options.onlyWhereKnown === true) return false
  if (known?.state === state && known.description === status.description) return false
  await ask(api.create(target, status))
  return true
}

function statusOf(api: StatusApi, event: NotificationEvent, target: Target): CommitStatus | undefined {
  const isProgress = event.reason === 'Progressing'
  if (isProgress && api.tellsProgress !== true) return undefined
  const { name, description } = nameAndDescription(event)
  const { summary } = event.metadata
  return {
    commit: requiredCommit(event),
    state: isProgress ? 'pending' : event.severity === 'error' ? 'failure' : 'success',
    context: target.commitStatus,
    name,
    description,
    genre: summary === undefined ? 'fluxcd' : `fluxcd:${summary}`,
  }
}

/** The token of the Secret, or its password, or that of its GitHub App. */
export async function tokenOf(context: SendContext, target: Target): Promise<string> {
  const token = target.token || target.password
  return token === '' && target.hasAppKeys && context.appToken !== undefined ? await context.appToken() : token
}

/** JSON of a forge; undefined where it is none (a list that was cut off, too). */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The objects of a list, at a field of the answer where one is named. */
export function itemsOf(answer: unknown, field?: string): readonly { readonly [name: string]: unknown }[] {
  const list = field === undefined ? answer : (answer as { readonly [name: string]: unknown } | undefined)?.[field]
  return Array.isArray(list)
    ? (list.filter((item) => typeof item === 'object' && item !== null) as { [name: string]: unknown }[])
    : []
}

/** The first item of the context: forges list the newest first. One without state or description is passed over. */
export function latestOf(
  items: readonly { readonly [name: string]: unknown }[],
  options: { readonly isSame: (item: { readonly [name: string]: unknown }) => boolean; readonly state: string },
): KnownStatus | undefined {
  for (const item of items) {
    const state = item[options.state]
    const { description } = item
    if (typeof state !== 'string' || typeof description !== 'string' || !options.isSame(item)) continue
    return { state, description }
  }
  return undefined
}
