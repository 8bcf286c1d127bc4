import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import type { ForgeRepository, Webhook } from './types.ts'

const repository = z.object({
  full_name: z.string(),
  clone_url: z.string(),
  html_url: z.string(),
  private: z.boolean(),
  default_branch: z.string().nullish(),
})

/** A webhook as GitHub answers it, and Gitea, whose API follows GitHub's. */
export const hookShape = z.object({
  id: z.number(),
  active: z.boolean(),
  events: z.array(z.string()),
  config: z.object({ url: z.string().nullish() }),
})

/** A repository as GitHub answers it, and Gitea, where an empty one has a branch without a name. @throws EngineError `forge-answer`. */
export function toRepository(title: string, json: unknown): ForgeRepository {
  const found = parseAnswer(title, repository, json)
  const branch = found.default_branch ?? ''
  return {
    id: found.full_name,
    cloneUrl: found.clone_url,
    webUrl: found.html_url,
    isPrivate: found.private,
    ...(branch === '' ? {} : { defaultBranch: branch }),
  }
}

/** What a webhook of either forge says. */
export function toWebhook({ id, active, events, config }: z.infer<typeof hookShape>): Webhook {
  return { id: String(id), url: config.url ?? '', isActive: active, events: events.toSorted() }
}
