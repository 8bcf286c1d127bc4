import { z } from 'zod'
import {
  changeNotice,
  changeNumber,
  commandOf,
  commentId,
  commentText,
  maybeCommit,
  noCommand,
  notPlanned,
  shortText,
  type ChangeAction,
  type ChangeNotice,
} from './change-notice.ts'
import { boundedText, commitId, parseWith } from './payload.ts'
import type { Decoded } from './types.ts'

const projectName = z.object({ path_with_namespace: shortText }).nullish()
const user = z.object({ username: shortText }).nullish()
const flag = z.boolean().nullish()
const projectId = z.number().int().nullish()

/** A merge request as its own hook and that of notes describe it. */
const requestFields = {
  iid: changeNumber,
  draft: flag,
  work_in_progress: flag,
  source_branch: shortText,
  target_branch: shortText,
  source_project_id: projectId,
  target_project_id: projectId,
  source: projectName,
  target: projectName,
  last_commit: z.object({ id: commitId.nullish() }).nullish(),
  merge_commit_sha: maybeCommit,
}

/** Payload of a merge request; the project is read by its own schema. */
export const mergeRequestPayload = z.object({
  user,
  object_attributes: z.object({ ...requestFields, action: boundedText(64).nullish(), oldrev: maybeCommit }),
  changes: z.object({ draft: z.object({ current: flag }).nullish() }).nullish(),
})

const notePayload = z.object({
  user,
  object_attributes: z.object({
    id: commentId,
    note: commentText,
    noteable_type: boundedText(64),
    action: boundedText(64).nullish(),
    system: flag,
  }),
  merge_request: z.object(requestFields).nullish(),
})

const actions: { readonly [word: string]: ChangeAction } = {
  open: 'opened',
  reopen: 'reopened',
  close: 'closed',
  merge: 'merged',
  approved: 'reviewed',
  unapproved: 'reviewed',
  approval: 'reviewed',
  unapproval: 'reviewed',
}

type Payload = z.infer<typeof mergeRequestPayload>

/** What a merge request's hook means; undefined: nothing that a plan depends on. */
export function mergeRequestAction({ object_attributes: request, changes }: Payload): ChangeAction | undefined {
  const word = request.action ?? ''
  if (word !== 'update') return Object.hasOwn(actions, word) ? actions[word] : undefined
  if (isText(request.oldrev)) return 'updated'
  const isDraft = changes?.draft?.current
  return typeof isDraft === 'boolean' ? (isDraft ? 'drafted' : 'ready') : 'edited'
}

/** Notice of a merge request. */
export function mergeRequestNotice(
  where: Pick<ChangeNotice, 'provider' | 'deliveryId' | 'urls' | 'action'>,
  payload: {
    readonly request: Omit<Payload['object_attributes'], 'action' | 'oldrev'>
    readonly user: Payload['user']
  },
  comment?: ChangeNotice['comment'],
): ChangeNotice {
  const { request, user: who } = payload
  const { source_project_id: source, target_project_id: target } = request
  return changeNotice(
    { ...where, number: request.iid },
    {
      actor: who?.username,
      isDraft: request.draft ?? request.work_in_progress,
      ...(typeof target === 'number' ? { isFork: source !== target } : {}),
      base: { branch: request.target_branch, repository: request.target?.path_with_namespace },
      head: {
        branch: request.source_branch,
        commit: request.last_commit?.id,
        repository: request.source?.path_with_namespace,
      },
      mergeCommit: request.merge_commit_sha,
      comment,
    },
  )
}

/** Reads a note. Throws a DiagnosticsError `payload-invalid`. */
export function decodeNote(
  facts: Pick<Decoded, 'event' | 'deliveryId'>,
  json: unknown,
  repository: { readonly provider: string; readonly urls: readonly string[] },
): Decoded {
  const { object_attributes: note, merge_request: request, user: who } = parseWith(notePayload, json)
  if (note.noteable_type !== 'MergeRequest' || request === null || request === undefined)
    return { ...facts, kind: 'ignored', reason: 'only notes on merge requests are acted on' }
  // Versions before 16.11 name no action; they tell of new notes, and of edits too.
  if (note.system === true || (isText(note.action) && note.action !== 'create'))
    return { ...facts, kind: 'ignored', reason: 'only new comments can hold a command' }
  const command = commandOf(note.note)
  if (command === undefined) return { ...facts, kind: 'ignored', reason: noCommand }
  const author = who?.username
  const comment = { id: String(note.id), ...(isText(author) ? { author } : {}), command }
  const where = { ...repository, deliveryId: facts.deliveryId, action: 'commented' as const }
  const change = mergeRequestNotice(where, { request, user: who }, comment)
  return { ...facts, kind: 'ignored', reason: notPlanned, change }
}

function isText(text: string | null | undefined): text is string {
  return typeof text === 'string' && text !== ''
}
