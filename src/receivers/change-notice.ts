import { z } from 'zod'
import { boundedText, commitId, existingCommit } from './payload.ts'

/** What happened to a pull (merge) request, in no forge's words. `reviewed`: an approval was given or taken back. `edited`: base, title, labels. */
export type ChangeAction =
  'opened' | 'updated' | 'reopened' | 'edited' | 'drafted' | 'ready' | 'reviewed' | 'merged' | 'closed' | 'commented'

/** Commands that a comment may hold. */
export const changeCommands = ['plan', 'apply'] as const

/** A command of a comment: `/apply production`. */
export interface ChangeCommand {
  readonly name: (typeof changeCommands)[number]
  /** What stands behind the name, word by word. */
  readonly words: readonly string[]
}

/** One end of a pull request as a payload tells it. */
export interface ChangeEnd {
  /** Short name of the branch. */
  readonly branch?: string
  readonly commit?: string
  /** Name or id of the repository. */
  readonly repository?: string
}

/**
 * What a verified delivery says of a pull request. It only says "look at this one": number and repository say where to look, and whatever matters (commits, fork, author, state, who commented what) is asked at the forge.
 * All other fields are for the record.
 */
export interface ChangeNotice {
  readonly provider: string
  readonly deliveryId: string
  /** Every URL under which the forge knows the base repository. */
  readonly urls: readonly string[]
  readonly number: number
  readonly action: ChangeAction
  /** Who did it. */
  readonly actor?: string
  /** Who opened the pull request. */
  readonly author?: string
  readonly isDraft?: boolean
  /** The head lies in another repository; true also where that one is gone. */
  readonly isFork?: boolean
  readonly base?: ChangeEnd
  readonly head?: ChangeEnd
  readonly mergeCommit?: string
  /** With action `commented`: the comment with a command. */
  readonly comment?: ChangeComment
}

/** A comment with a command. Its text and its author are read again at the forge before anything is done. */
export interface ChangeComment {
  /** The forge's id of it, with which it is read there. */
  readonly id: string
  readonly author?: string
  readonly command: ChangeCommand
}

/** Number of a pull request. */
export const changeNumber = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)

/** Text of a comment. GitLab allows the most, a million characters; bodies are bounded before. */
export const commentText = z.string().max(1 << 20)

/** Ids of comments: numbers, or texts where a forge has those. */
export const commentId = z.union([z.number().int().min(0).max(Number.MAX_SAFE_INTEGER), boundedText(128)])

/** Name of a person, a branch, a repository. */
export const shortText = boundedText(1024).nullish()

/** A commit where a payload may leave it out, or empty. */
export const maybeCommit = z.union([commitId, z.literal('')]).nullish()

const maxWords = 8
const maxWordLength = 100
/** Lines of a comment that are looked at for a command. */
const maxLines = 200

/**
 * The command of a comment: the first line that begins with `/plan` or `/apply`. Quoted lines and blocks of code hold none, so that an answer to a comment does not repeat its command.
 *
 * @returns undefined where there is none, or where what follows it is too long to be meant.
 */
export function commandOf(text: string): ChangeCommand | undefined {
  let isCode = false
  for (const line of text.split(/\r?\n/, maxLines)) {
    if (/^ {0,3}(?:```|~~~)/.test(line)) isCode = !isCode
    if (isCode) continue
    const [, found, rest = ''] = /^\/(plan|apply)(?:[ \t]+(.*))?$/.exec(line.trimEnd()) ?? []
    const name = changeCommands.find((command) => command === found)
    if (name === undefined) continue
    const words = rest.split(/[ \t]+/).filter((word) => word !== '')
    const isMeant = words.length <= maxWords && words.every((word) => word.length <= maxWordLength && isPlain(word))
    return isMeant ? { name, words } : undefined
  }
  return undefined
}

function isPlain(word: string): boolean {
  return !/[\p{Cc}\p{Cf}]/u.test(word)
}

/** Facts of a payload as decoders find them, before what is missing is left out. */
export interface ChangeFacts {
  readonly actor?: string | null | undefined
  readonly author?: string | null | undefined
  readonly isDraft?: boolean | null | undefined
  readonly isFork?: boolean | undefined
  readonly base?: EndFacts
  readonly head?: EndFacts
  readonly mergeCommit?: string | null | undefined
  readonly comment?: ChangeComment | undefined
}

interface EndFacts {
  readonly branch?: string | null | undefined
  readonly commit?: string | null | undefined
  readonly repository?: string | null | undefined
}

/** A notice with the facts that are there. */
export function changeNotice(
  where: Pick<ChangeNotice, 'provider' | 'deliveryId' | 'urls' | 'number' | 'action'>,
  facts: ChangeFacts,
): ChangeNotice {
  const { actor, author, isDraft, isFork, comment } = facts
  const mergeCommit = realCommit(facts.mergeCommit)
  const base = end(facts.base)
  const head = end(facts.head)
  return {
    ...where,
    ...(isText(actor) ? { actor } : {}),
    ...(isText(author) ? { author } : {}),
    ...(typeof isDraft === 'boolean' ? { isDraft } : {}),
    ...(isFork === undefined ? {} : { isFork }),
    ...(base === undefined ? {} : { base }),
    ...(head === undefined ? {} : { head }),
    ...(mergeCommit === undefined ? {} : { mergeCommit }),
    ...(comment === undefined ? {} : { comment }),
  }
}

function end(facts: EndFacts | undefined): ChangeEnd | undefined {
  const branch = facts?.branch?.replace(/^refs\/heads\//, '')
  const commit = realCommit(facts?.commit)
  const { repository } = facts ?? {}
  if (!isText(branch) && commit === undefined && !isText(repository)) return undefined
  return {
    ...(isText(branch) ? { branch } : {}),
    ...(commit === undefined ? {} : { commit }),
    ...(isText(repository) ? { repository } : {}),
  }
}

function realCommit(id: string | null | undefined): string | undefined {
  return id === '' ? undefined : existingCommit(id)
}

function isText(text: string | null | undefined): text is string {
  return typeof text === 'string' && text !== ''
}

/** Why a comment without a command is passed over. */
export const noCommand = 'the comment holds no command (/plan, /apply)'
/** What becomes of notices of pull requests that move no ref, where nobody plans them. */
export const notPlanned = 'pull requests are planned where PLANS has a rule for their repository'
