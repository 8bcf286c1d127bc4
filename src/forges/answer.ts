import type { z } from 'zod'
import { EngineError } from '../base/index.ts'

/** An answer as it should be. @throws EngineError `forge-answer` that names fields, never values. */
export function parseAnswer<T>(title: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const fields = result.error.issues.slice(0, 3).map((issue) => issue.path.join('.') || 'the answer')
  throw new EngineError(`the answer of ${title} is not what its documentation promises (${fields.join(', ')})`, {
    code: 'forge-answer',
  })
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
