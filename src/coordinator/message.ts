import { z } from 'zod'
import { EngineError, type Json } from '../base/index.ts'
import { severities } from '../plan/index.ts'
import type { Job } from '../reconcile/index.ts'

/** What travels through the queue: a job, and how it came to be there. */
export interface JobMessage {
  readonly job: Job
  /** Jobs that were merged into this one; their runs end with its outcome. */
  readonly merged?: readonly Job[]
  /** How many times this run has been continued after waiting for something (health, mostly). */
  readonly followUp?: number
}

/**
 * Version of what is in the queue. Counted up when an older program would misread a message: a new kind of job, or a field that must not be
 * ignored. A message without one is of version 1. Version 2: jobs that plan a change, and messages that are for no cluster. Version 3: messages
 * that ask for a plan after a merge.
 */
export const messageVersion = 3

const objectKey = z.object({ kind: z.string(), namespace: z.string(), name: z.string() })

const jobSchema = z.object({
  kind: z.enum(['push', 'scan', 'trigger']),
  runId: z.string().min(1).max(64),
  cluster: z.string().min(1).max(253),
  receivedAt: z.number(),
  push: z
    .object({
      provider: z.string(),
      deliveryId: z.string(),
      urls: z.array(z.string()),
      ref: z.string(),
      before: z.string().optional(),
      after: z.string().optional(),
      actor: z.string().optional(),
    })
    .optional(),
  target: z
    .union([
      z.literal('cluster'),
      z.object({ source: objectKey }),
      z.object({ object: objectKey }),
      z.object({ objects: z.array(objectKey) }),
    ])
    .optional(),
  actor: z.string().optional(),
  plan: z.literal(true).optional(),
  change: z
    .object({
      plan: z.string().min(1).max(64),
      urls: z.array(z.string()),
      repository: z.string(),
      pullRequest: z.number().int().optional(),
      branch: z.string(),
      base: z.string(),
      head: z.string(),
      headRef: z.string().optional(),
      live: z.enum(['read', 'denied']),
      secrets: z.enum(['used', 'withheld']),
      severities: z.record(z.string(), z.enum(severities)).optional(),
      // An older program plans it like any other.
      afterMerge: z.literal(true).optional(),
      manifests: z.literal(true).optional(),
    })
    .optional(),
})

const messageSchema = z.object({
  job: jobSchema,
  merged: z.array(jobSchema).optional(),
  followUp: z.number().int().optional(),
})

/**
 * Reads a message of the queue. Throws EngineError `message-newer` for one that a newer version of the deployment has written, which is to be
 * kept for it, and `message-invalid` for one that no version can have meant.
 */
export function parseMessage(message: Json): JobMessage {
  const version = versionOf(message)
  if (version > messageVersion) {
    throw new EngineError(
      `a message of the queue has version ${version}, and this program knows versions up to ${messageVersion}: it is kept for the newer program that wrote it`,
      { code: 'message-newer', disposition: 'wait' },
    )
  }
  const result = messageSchema.safeParse(message)
  if (!result.success) {
    const fields = result.error.issues.map((issue) => issue.path.join('.')).join(', ')
    throw new EngineError(`a message of the queue is not a job of this version (wrong: ${fields})`, {
      code: 'message-invalid',
    })
  }
  return result.data as JobMessage // Only the difference between absent and undefined is lost on the schema's type.
}

/** The message as the queue carries it, in the oldest version that understands it: after a rollback the older program goes on with what it knows. */
export function encodeMessage(message: JobMessage): Json {
  const hasChange = [message.job, ...(message.merged ?? [])].some((job) => job.change !== undefined)
  return JSON.parse(JSON.stringify({ version: hasChange ? 2 : 1, ...message })) as Json
}

/** The cluster that a message is for, also one of a newer version; undefined where it does not say. */
export function clusterOfMessage(message: Json): string | undefined {
  const { job } = (message ?? {}) as { readonly job?: { readonly cluster?: unknown } | null }
  return typeof job?.cluster === 'string' ? job.cluster : undefined
}

function versionOf(message: Json): number {
  const { version } = (message ?? {}) as { readonly version?: unknown }
  return typeof version === 'number' && Number.isSafeInteger(version) ? version : 1
}
