import { EngineError, safeEntryPath, type Json } from '../base/index.ts'
import type { CallWithToken } from './request.ts'

/** Bytes of a comment's body that are written, the marker included. */
export const maxCommentBytes = 60_000
/** Files of a pull request that are listed: GitHub lists no more either. */
export const maxFiles = 3000
/** Bytes of a file that is read at a commit: GitHub's API gives no more. */
export const maxFileBytes = 1 << 20
/** Bytes of an answer with files: lists come with patches. */
export const listBytes = 16 << 20

/** One request to the API of a forge about pull requests. */
export type PullCall = CallWithToken

/** Entries of a list that comes in pages, at most so many. `isComplete`: there are no more. */
export async function readUpTo<T>(
  most: number,
  perPage: number,
  read: (page: number) => Promise<readonly T[]>,
): Promise<{ readonly entries: readonly T[]; readonly isComplete: boolean }> {
  const entries: T[] = []
  for (let page = 1; entries.length < most; page++) {
    const found = await read(page)
    entries.push(...found)
    // A server may be set to give fewer than asked for: then only an empty page is the last for sure.
    if (found.length === 0 || (perPage > 0 && found.length < perPage)) return { entries, isComplete: true }
    if (page >= 200) break
  }
  return { entries: entries.slice(0, most), isComplete: false }
}

/** The error of a request that is not made. */
export function badRequest(message: string): EngineError {
  return new EngineError(message, { code: 'forge-request' })
}

/** The error of a revert that cannot be made. */
export function noRevert(message: string, data: { [key: string]: Json } = {}): EngineError {
  return new EngineError(message, { code: 'forge-revert', data })
}

/** The number as part of a URL. */
export function numberPart(number: number): string {
  if (!Number.isSafeInteger(number) || number < 1) throw badRequest('a pull request has a positive number')
  return String(number)
}

/** An id of a comment as part of a URL. */
export function idPart(id: string): string {
  if (!/^\d{1,19}$/.test(id)) throw badRequest('an id of a comment is a number')
  return id
}

/** A commit, in full: a branch would be another one by the time it is read. */
export function commitPart(commit: string): string {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) throw badRequest('a commit is named by its whole id')
  return commit
}

/** A branch as part of a URL; `separator` stands between the parts of its name. */
export function branchPart(branch: string, separator: '/' | '%2F'): string {
  const parts = branch.split('/')
  if (branch.length > 1024 || parts.some((part) => /^\.{0,2}$/.test(part) || part.includes('..')))
    throw badRequest('this is no name of a branch')
  return parts.map(encodeURIComponent).join(separator)
}

/** A name of somebody as part of a URL. */
export function namePart(name: string): string {
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.@-]{0,254}(?:\[bot\])?$/u.test(name) || name.includes('..'))
    throw badRequest('this is no name of a user or a group')
  return encodeURIComponent(name)
}

/** A path of a file as part of a URL, each name on its own. */
export function pathPart(path: string): string {
  return filePath(path).split('/').map(encodeURIComponent).join('/')
}

/** A path within a repository. @throws EngineError `forge-request`. */
export function filePath(path: string): string {
  try {
    return safeEntryPath(path)
  } catch {
    throw badRequest('this is no path within a repository')
  }
}

/** The error of a question about members that only members get an answer to. */
export function notInside(title: string, right: string): EngineError {
  return new EngineError(`${title} tells only members who else is one; the token needs ${right}`, {
    code: 'forge-forbidden',
  })
}
