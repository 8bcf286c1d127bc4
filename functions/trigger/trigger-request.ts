import { z } from 'zod'
import { EngineError } from '../../src/base/index.ts'
import type { ObjectKey, TriggerTarget } from '../../src/reconcile/index.ts'

const text = z.string().min(1).max(253)
const objectKey = z.strictObject({ kind: text, namespace: text, name: text })
const maxObjects = 100

const schema = z
  .strictObject({
    /** What is to be done; `reconcile` where it is left out. */
    action: z.enum(['reconcile', 'suspend', 'resume', 'retry', 'pin', 'unpin', 'approve']).optional(),
    /** One cluster; all of them where it is left out. */
    cluster: text.optional(),
    source: objectKey.optional(),
    object: objectKey.optional(),
    objects: z.array(objectKey).min(1).max(maxObjects).optional(),
    all: z.literal(true).optional(),
    /** Only say what would change. */
    plan: z.literal(true).optional(),
    /** HelmRelease: one install or upgrade, whatever its state. */
    force: z.literal(true).optional(),
    /** `retry`: what failed in this run. */
    run: z
      .string()
      .regex(/^[0-9a-z]{10,64}$/, 'must be the id of a run')
      .optional(),
    /** `approve`: the id of a plan; or what waits for approval, as it waits: all of the cluster, or the objects that are named. */
    planId: z
      .string()
      .regex(/^[0-9a-z]{8,64}$/, 'must be the id of a plan')
      .optional(),
    waiting: z.literal(true).optional(),
    /** `pin`: a commit, a digest or a version of a chart. */
    revision: z.string().min(1).max(200).optional(),
    /** Kustomization, HelmRelease: whatever windows say, and why. */
    override: z.string().min(1).max(1000).optional(),
    /** `suspend`, `pin`: why, and until when (RFC 3339, or a duration). */
    reason: z.string().min(1).max(1000).optional(),
    until: z.string().min(1).max(64).optional(),
    /** Seconds to wait for the end of the run. */
    wait: z.number().min(0).max(300).optional(),
    /** Who asks, for the record. */
    actor: text.optional(),
  })
  .superRefine((wish, context) => {
    const complain = (message: string): void => context.addIssue({ code: 'custom', message })
    const named = [wish.source, wish.object, wish.objects, wish.all].filter((one) => one !== undefined).length
    const action = wish.action ?? 'reconcile'
    if (named > 1) complain('name at most one of source, object, objects and all')
    if ((wish.reason !== undefined || wish.until !== undefined) && action !== 'suspend' && action !== 'pin')
      complain('reason and until belong to the actions suspend and pin')
    if ((wish.revision !== undefined) !== (action === 'pin'))
      complain('revision belongs to the action pin, which needs it')
    if (wish.override !== undefined && (action !== 'reconcile' || wish.plan === true || objectsOf(wish).length === 0))
      complain('override belongs to the reconciliation of objects that are named')
    if (wish.plan === true && action !== 'reconcile') complain('only a reconciliation can be planned')
    if (wish.force === true && (action !== 'reconcile' || (wish.object ?? wish.objects) === undefined))
      complain('force belongs to the reconciliation of objects that are named')
    if (wish.run !== undefined && action !== 'retry') complain('run belongs to the action retry')
    const isOfChanges = wish.planId !== undefined || wish.waiting === true
    if (
      isOfChanges &&
      (action !== 'approve' || wish.all === true || (wish.planId !== undefined && wish.waiting === true))
    )
      complain('planId and waiting belong to the action approve, one of them')
    if (wish.planId !== undefined && named > 0) complain('a plan is approved as a whole, or on one cluster')
    const isOfCluster = wish.all === true && (action === 'suspend' || action === 'resume' || action === 'approve')
    if (!['reconcile', 'retry'].includes(action) && !isOfCluster && !isOfChanges && objectsOf(wish).length === 0)
      complain(
        `name the objects to ${action}: source, object or objects${action.includes('pin') ? '' : ', or all of the cluster'}`,
      )
  })

/** What a trigger asks for. */
export type TriggerWish = z.infer<typeof schema>

/**
 * Reads the body of `POST /trigger`; an empty one asks for everything everywhere.
 *
 * @throws EngineError `request-invalid` with every finding.
 */
export function parseTrigger(body: Uint8Array): TriggerWish {
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(new TextDecoder().decode(body))
  } catch {
    throw new EngineError('the body is not JSON', { code: 'request-invalid' })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const findings = result.error.issues
    .slice(0, 20)
    .map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
  throw new EngineError(findings.join('\n').slice(0, 2000), { code: 'request-invalid' })
}

/** The objects that a wish names one by one. */
export function objectsOf(wish: Pick<TriggerWish, 'source' | 'object' | 'objects'>): readonly ObjectKey[] {
  if (wish.objects !== undefined) return wish.objects
  const one = wish.object ?? wish.source
  return one === undefined ? [] : [one]
}

/** Whether a wish is about the switch of whole clusters. */
export function isOfCluster({ action, all }: TriggerWish): boolean {
  return all === true && (action === 'suspend' || action === 'resume' || action === 'approve')
}

/** Whether a wish approves changes: a plan, or what waits. */
export function isOfChanges({ planId, waiting }: TriggerWish): boolean {
  return planId !== undefined || waiting === true
}

/** What a run is to look at. */
export function targetOf(wish: TriggerWish): TriggerTarget {
  if (wish.source !== undefined) return { source: wish.source }
  if (wish.object !== undefined) return { object: wish.object }
  if (wish.objects !== undefined) return { objects: wish.objects }
  return 'cluster'
}
