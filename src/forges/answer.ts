import type { z } from 'zod'
import { EngineError } from '../base/index.ts'
import type { PullComment, PullRequest } from './pull-types.ts'

/** An answer as it should be. @throws EngineError `forge-answer` that names fields, never values. */
export function parseAnswer<T>(title: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const fields = result.error.issues.slice(0, 3).map((issue) => issue.path.join('.') || 'the answer')
  throw new EngineError(`the answer of ${title} is not what its documentation promises (${fields.join(', ')})`, {
    code: 'forge-answer',
  })
}

/**
 * A time of an answer in milliseconds since 1970, at the latest that it can mean: where it has whole seconds, the end of that second. Undefined where none is said: also the year 1 and the beginning of 1970, by which programs mean
 * that something has not happened.
 */
export function timeOf(said: string | null | undefined): number | undefined {
  const parts = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(said ?? '')
  const at = Date.parse(parts?.[0] ?? '')
  if (!(at > 0)) return undefined
  return parts?.[1] === undefined ? at + 999 : at
}

/** When a comment was written, where the answer says it. */
export function writtenAt(said: string | null | undefined): Pick<PullComment, 'createdAt'> {
  const createdAt = timeOf(said)
  return createdAt === undefined ? {} : { createdAt }
}

/** When a pull request was merged, where the answer says it. */
export function mergedAt(said: string | null | undefined): Pick<PullRequest, 'mergedAt'> {
  const at = timeOf(said)
  return at === undefined ? {} : { mergedAt: at }
}

/** Pages of a list are read until one is not full, at most so many. */
export const maxPages = 10
/** Entries of a page. */
export const pageSize = 100

/** All entries of a list that comes in pages. */
export async function readPages<T>(read: (page: number) => Promise<readonly T[]>): Promise<readonly T[]> {
  const all: T[] = []
  for (let page = 1; page <= maxPages; page++) {
    const entries = await read(page)
    all.push(...entries)
    if (entries.length < pageSize) return all
  }
  throw new EngineError('there are too many webhooks; remove those that nobody needs', { code: 'forge-answer' })
}

/** The endpoint under which the API of a host lies. */
export function apiBase(target: { readonly host: string; readonly api?: string }, path: string): string {
  return (target.api ?? `${target.host.replace(/\/+$/, '')}${path}`).replace(/\/+$/, '')
}

/** `https://host/owner/name.git`, as all forges have it. */
export function cloneUrlOf(target: { readonly host: string; readonly owner: string; readonly name: string }): string {
  return `${target.host.replace(/\/+$/, '')}/${target.owner}/${target.name}.git`
}
