import type { ApiAnswer, ApiCall, KeptRepository } from './types.ts'

/** Statuses of commits, at the places and with the fields of each forge. */
export function statusRoutes(
  repository: KeptRepository,
  rest: string,
  { method, body }: ApiCall,
): ApiAnswer | undefined {
  const commit = /^\/statuses\/([0-9a-f]+)$/.exec(rest)?.[1]
  if (commit !== undefined && method === 'POST') {
    const text = (field: string): string => (body[field] as string | undefined) ?? ''
    const context = text('context') || text('name')
    repository.statuses.push({ commit, context, state: text('state'), description: text('description') })
    return { status: 201, json: { id: repository.statuses.length } }
  }
  const listed = /^(?:\/repository)?\/commits\/([0-9a-f]+)\/statuses$/.exec(rest)?.[1]
  if (listed === undefined) return undefined
  const found = repository.statuses.filter((one) => one.commit === listed).toReversed()
  return {
    status: 200,
    json: found.map((one) => ({ ...one, name: one.context, sha: one.commit, status: one.state })),
  }
}
