import { z } from 'zod'
import { isEngineError } from '../src/base/index.ts'
import { createWindow, heldWorks, type Settings, type WindowRule } from '../src/reconcile/index.ts'

const name = z.string().min(1).max(253)
const names = z.array(name).min(1).max(100)

/** `WINDOWS`: when work is held back. A window that cannot be read is told with what is wrong with it. */
export const windowsSchema: z.ZodType<readonly WindowRule[]> = z
  .array(
    z
      .strictObject({
        name: z.string().regex(/^[\w][\w .-]{0,62}$/, 'must be a short name, of letters, digits, blanks, "." and "-"'),
        kind: z.enum(['allow', 'deny']),
        when: z.string().min(1).max(100),
        timeZone: z.string().min(1).max(60),
        holds: z.array(z.enum(heldWorks)).min(1).optional(),
        clusters: names.optional(),
        namespaces: names.optional(),
        kinds: z
          .array(z.enum(['Kustomization', 'HelmRelease']))
          .min(1)
          .optional(),
        names: names.optional(),
        override: z.boolean().optional(),
      })
      .superRefine((rule, context) => {
        try {
          createWindow(rule)
        } catch (error) {
          if (!isEngineError(error)) throw error
          context.addIssue({ code: 'custom', path: ['when'], message: error.message })
        }
      }),
  )
  .max(50)

/** Who suspended the deployment, why, and until when (RFC 3339). A text is the reason; `false` is none. */
const suspended = z
  .union([
    z.boolean(),
    z.string().min(1).max(1000),
    z.strictObject({
      by: name.optional(),
      reason: z.string().max(1000).optional(),
      until: z.iso.datetime({ offset: true, error: 'must be a time such as 2026-01-31T18:00:00Z' }).optional(),
    }),
  ])
  .transform((value): Settings['suspended'] => {
    if (typeof value === 'boolean') return value ? {} : undefined
    if (typeof value === 'string') return { reason: value }
    const { until, ...rest } = value
    return { ...rest, ...(until === undefined ? {} : { until: Date.parse(until) }) }
  })

/** Fields of `SETTINGS` about what is held back. */
export const safetySettings = {
  suspended,
  firstRun: z.enum(['plan', 'apply']),
  holdNamespace: z
    .string()
    .regex(/^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/, 'must be the name of a namespace, or empty'),
  pruneGuard: z.strictObject({
    minObjects: z.number().int().min(1).default(20),
    share: z.number().min(0).max(1).default(0.5),
    maxObjects: z.number().int().min(0).default(0),
    kinds: z.array(z.string().min(1).max(63)).max(50).default([]),
  }),
}
