import { z } from 'zod'
import type { Json } from '../../src/base/index.ts'

/** "Look at this pull request": what travels through the queue for no cluster. It says where to look and why; everything else is asked at the forge. */
export interface LookMessage {
  /** Tells messages apart. */
  readonly id: string
  readonly provider: string
  /** Every URL under which the forge knows the base repository. */
  readonly urls: readonly string[]
  readonly number: number
  readonly reason: 'delivery' | 'command' | 'again'
  /** With reason `command`: the comment, which is read again at the forge. */
  readonly comment?: string
  /** Milliseconds since 1970 at which it came in. */
  readonly receivedAt: number
}

/** Messages for no cluster came with version 2 of what is in the queue: older programs keep them for the newer one. */
const version = 2

const schema = z.object({
  version: z.literal(version),
  look: z.object({
    id: z.string().min(1).max(64),
    provider: z.string().max(64),
    urls: z.array(z.string().max(2048)).min(1).max(20),
    number: z.number().int().min(1),
    reason: z.enum(['delivery', 'command', 'again']),
    comment: z.string().min(1).max(256).exactOptional(),
    receivedAt: z.number(),
  }),
})

/** The message as the queue carries it. */
export function encodeLook(look: LookMessage): Json {
  return JSON.parse(JSON.stringify({ version, look })) as Json
}

/** Reads a message of the queue; undefined where it is another one. */
export function parseLook(message: Json): LookMessage | undefined {
  const result = schema.safeParse(message)
  return result.success ? result.data.look : undefined
}
