import { z } from 'zod'
import type { Json } from '../../src/base/index.ts'
import type { ReplanWish } from '../../src/reconcile/index.ts'

/** "Plan this once more": what a run sends whose cluster waits, because what was merged is not what was approved. For no cluster, as a look is. */
export interface ReplanMessage {
  /** Tells messages apart. */
  readonly id: string
  readonly wish: ReplanWish
  /** `again`: the part that was made is lost, and is made anew. */
  readonly reason: 'waits' | 'again'
  /** Milliseconds since 1970 at which it was sent. */
  readonly receivedAt: number
}

/** Older programs keep these messages for the newer one, see `messageVersion`. */
const version = 3

const commit = z.string().regex(/^[0-9a-f]{40}$/)

const schema = z.object({
  version: z.literal(version),
  replan: z.object({
    id: z.string().min(1).max(64),
    wish: z.object({
      cluster: z.string().min(1).max(253),
      url: z.string().min(1).max(2048),
      branch: z
        .string()
        .regex(/^refs\/heads\/./)
        .max(1024),
      base: commit,
      head: commit,
      pullRequest: z.number().int().min(1).exactOptional(),
      waiting: z.array(z.object({ application: z.string().max(800), why: z.string().max(1000) })).max(100),
    }),
    reason: z.enum(['waits', 'again']),
    receivedAt: z.number(),
  }),
})

/** The message as the queue carries it. */
export function encodeReplan(replan: ReplanMessage): Json {
  return JSON.parse(JSON.stringify({ version, replan })) as Json
}

/** Reads a message of the queue; undefined where it is another one. */
export function parseReplan(message: Json): ReplanMessage | undefined {
  const result = schema.safeParse(message)
  return result.success ? result.data.replan : undefined
}
