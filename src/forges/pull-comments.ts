import { EngineError } from '../base/index.ts'
import { maxCommentBytes, readUpTo, badRequest } from './pull-call.ts'
import type { CommentWish, KeptComment } from './pull-types.ts'

/** A comment in a list, and whether our own identity wrote it. */
export interface ListedComment {
  readonly id: string
  readonly text: string
  readonly isOwn: boolean
}

/** How a forge keeps the comments of one pull request. */
export interface CommentStore {
  /** Oldest first. */
  readonly list: (page: number) => Promise<readonly ListedComment[]>
  /** Entries of a full page; 0 where only an empty one is the last for sure. */
  readonly perPage: number
  /** Comments that are looked through, where a forge gives all of them at once. */
  readonly most?: number
  readonly create: (body: string) => Promise<string>
  readonly update: (id: string, body: string) => Promise<void>
  readonly remove: (id: string) => Promise<void>
}

/** Comments that are looked through. */
const maxComments = 2000

/** The hidden line that a comment of ours begins with. */
export function hiddenMarker(marker: string): string {
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9:._/]|-(?!-)){0,150}$/.test(marker) || marker.endsWith('-'))
    throw badRequest('a marker has letters, digits and :._/- only')
  return `<!-- sluice:${marker} -->`
}

/** Makes or changes the comment of ours with a marker. See {@link PullRequests.upsertComment}. */
export async function upsertComment(
  store: CommentStore,
  { marker, body, onlyWhereThere = false }: CommentWish,
): Promise<KeptComment> {
  const wanted = `${hiddenMarker(marker)}\n${body}`
  const size = new TextEncoder().encode(wanted).length
  if (size > maxCommentBytes)
    throw new EngineError(`a comment of ${size} bytes is not written: ${maxCommentBytes} are the limit; shorten it`, {
      code: 'comment-too-large',
      data: { size },
    })
  const [first, ...further] = await findOwn(store, marker)
  // Two runs at the same time may each have made one.
  for (const { id } of further) await store.remove(id)
  if (first === undefined && onlyWhereThere) return { id: '', outcome: 'absent' }
  if (first === undefined) return { id: await store.create(wanted), outcome: 'created' }
  if (isSameText(first.text, wanted)) return { id: first.id, outcome: 'unchanged' }
  await store.update(first.id, wanted)
  return { id: first.id, outcome: 'updated' }
}

/** Deletes ours with a marker. @returns whether there was one. */
export async function deleteComment(store: CommentStore, marker: string): Promise<boolean> {
  const found = await findOwn(store, marker)
  for (const { id } of found) await store.remove(id)
  return found.length > 0
}

async function findOwn(store: CommentStore, marker: string): Promise<readonly ListedComment[]> {
  const hidden = hiddenMarker(marker)
  const { entries, isComplete } = await readUpTo(store.most ?? maxComments, store.perPage, store.list)
  // At the very beginning: a comment of ours that quotes a marker further down is another one.
  const isMarked = (text: string): boolean =>
    text.startsWith(hidden) && (text.length === hidden.length || /^\r?\n/.test(text.slice(hidden.length)))
  const found = entries.filter(({ isOwn, text }) => isOwn && isMarked(text))
  // Ours may be among those that were not looked at: another one each time would be worse than none.
  if (found.length === 0 && !isComplete)
    throw new EngineError(`there are more than ${maxComments} comments, and none of ours is among them`, {
      code: 'forge-answer',
    })
  return found
}

/** Forges change line ends and cut white space at the end. */
function isSameText(a: string, b: string): boolean {
  const plain = (text: string): string => text.replaceAll('\r\n', '\n').trimEnd()
  return plain(a) === plain(b)
}
