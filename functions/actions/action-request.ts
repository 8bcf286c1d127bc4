import { z } from 'zod'
import { apiVersions, type Kind } from '../../src/api/index.ts'
import { EngineError } from '../../src/base/index.ts'
import { paths } from '../../src/ui/index.ts'
import type { Action, ActionTarget } from '../authorize-action.ts'
import { isPlanId } from '../plans/records.ts'

const name = z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a name of Kubernetes')
const text = z.string().max(1000)

const schema = z.strictObject({
  csrf: z.string().max(400).optional(),
  cluster: z.string().min(1).max(253).optional(),
  kind: z.enum(Object.keys(apiVersions) as [Kind, ...Kind[]]).optional(),
  namespace: name.optional(),
  name: name.optional(),
  run: z
    .string()
    .regex(/^[0-9a-z]{10,64}$/, 'must be the id of a run')
    .optional(),
  reason: text.optional(),
  until: z.string().max(64).optional(),
  revision: z.string().max(200).optional(),
  plan: z.string().refine(isPlanId, 'must be the id of a plan').optional(),
  waiting: z.literal('yes').optional(),
  /** What the page showed that the form comes from: of a plan its reference, of what waits since when. */
  seen: z.string().max(200).optional(),
  source: z.literal('yes').optional(),
  mode: z.enum(['force']).optional(),
  confirmed: z.literal('yes').optional(),
})

/** The fields of a form, as far as they were filled in. */
export type ActionFields = z.infer<typeof schema>

/** What somebody asks for from a page. */
export interface ActionRequest {
  readonly action: Action
  readonly target: ActionTarget
  readonly fields: ActionFields
}

/** Actions of each sort of target. */
const ofObject: ReadonlySet<Action> = new Set(['reconcile', 'retry', 'suspend', 'resume', 'pin', 'unpin', 'approve'])
const ofCluster: ReadonlySet<Action> = new Set(['reconcile', 'suspend', 'resume', 'approve'])
const ofPlan: ReadonlySet<Action> = new Set(['revert', 'approve'])
const ofRun: ReadonlySet<Action> = new Set(['abort', 'retry'])

/**
 * Reads a form. Fields that are empty count as left out.
 *
 * @throws EngineError `request-invalid` with every finding.
 */
export function parseActionForm(action: Action, form: URLSearchParams): ActionRequest {
  const twice = [...form.keys()].find((key) => form.getAll(key).length > 1)
  if (twice !== undefined) throw invalid(`${twice.slice(0, 50)} is given twice`)
  const given = [...form].map(([key, value]) => [key, value.trim()] as const).filter(([, value]) => value !== '')
  const result = schema.safeParse(Object.fromEntries(given))
  if (!result.success) {
    const findings = result.error.issues
      .slice(0, 10)
      .map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '))
    throw invalid(findings.join('\n').slice(0, 1_000))
  }
  const fields = result.data
  return { action, fields, target: targetOf(action, fields) }
}

function targetOf(action: Action, fields: ActionFields): ActionTarget {
  const { cluster, kind, namespace, name: object, plan, run } = fields
  if (run !== undefined && ofRun.has(action)) return { run }
  if (plan !== undefined && cluster === undefined && ofPlan.has(action)) return { plan }
  if (cluster !== undefined && kind !== undefined && namespace !== undefined && object !== undefined) {
    if (ofObject.has(action)) return { cluster, kind, namespace, name: object }
  } else if (cluster !== undefined && kind === undefined && object === undefined && ofCluster.has(action)) {
    return { cluster }
  }
  throw invalid(`the form does not say what to ${action}`)
}

/** The page of what an action is about. */
export function pageOf(target: ActionTarget): string {
  if ('run' in target) return paths.run(target.run)
  if ('plan' in target) return paths.plan(target.plan)
  if ('kind' in target) return paths.object(target.cluster, `${target.kind}/${target.namespace}/${target.name}`)
  return paths.cluster(target.cluster)
}

/** What an action is about, for people. */
export function nameOf(target: ActionTarget): string {
  if ('run' in target) return `run ${target.run}`
  if ('plan' in target) return `plan ${target.plan}`
  if ('kind' in target) return `${target.kind} ${target.namespace}/${target.name} in ${target.cluster}`
  return `the cluster ${target.cluster}`
}

function invalid(message: string): EngineError {
  return new EngineError(message, { code: 'request-invalid' })
}
