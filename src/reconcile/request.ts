import { annotations, apiVersions, fieldManagers, type KubeObject } from '../api/index.ts'
import { EngineError } from '../base/index.ts'
import type { ObjectKey } from './job.ts'
import type { RequestContext } from './suspension.ts'

/** What is asked of an object besides a look. */
export interface ReconcileRequest {
  /** HelmRelease: one install or upgrade, whatever the state (`flux reconcile hr --force`). */
  readonly force?: boolean
  /** HelmRelease: forget the failures so far (`flux reconcile hr --reset`). */
  readonly reset?: boolean
}

/** What was asked, and what the object said before. */
export interface RequestedReconciliation {
  /** The value of `reconcile.fluxcd.io/requestedAt`. */
  readonly requestedAt: string
  /** `.status.lastHandledReconcileAt` before: it changes when the request was handled. */
  readonly handledBefore: string | undefined
  readonly object: KubeObject
}

/** Kinds that are looked at on request; a HelmRepository of type oci is not. */
const requestable = [
  'GitRepository',
  'OCIRepository',
  'HelmRepository',
  'HelmChart',
  'Bucket',
  'Kustomization',
  'HelmRelease',
] as const

interface Requestable extends KubeObject {
  readonly spec?: { readonly suspend?: boolean; readonly type?: string }
  readonly status?: { readonly lastHandledReconcileAt?: string }
}

/**
 * Asks for a look at an object with the annotation that Flux uses (`flux reconcile`, flux2 2.9): whoever serves the cluster takes it up, a deployment
 * with its next scan.
 *
 * Effects: one PATCH of annotations. @throws EngineError `not-found`, `suspended`, `kind-not-reconciled`, those of the client.
 */
export async function requestReconciliation(
  ctx: RequestContext,
  key: ObjectKey,
  request: ReconcileRequest = {},
): Promise<RequestedReconciliation> {
  const kind = requestable.find((one) => one === key.kind)
  if (kind === undefined) {
    throw new EngineError(`objects of kind ${key.kind} are not reconciled; those of ${requestable.join(', ')} are`, {
      code: 'kind-not-reconciled',
    })
  }
  const address = { ...key, apiVersion: apiVersions[kind] }
  const before = await ctx.client.get<Requestable>(address, { signal: ctx.signal })
  const name = `${key.kind} '${key.namespace}/${key.name}'`
  if (before === undefined) throw new EngineError(`${name} was not found`, { code: 'not-found', disposition: 'wait' })
  if (before.spec?.suspend === true)
    throw new EngineError(`${name} is suspended; resume it first`, { code: 'suspended', disposition: 'wait' })
  if (kind === 'HelmRepository' && before.spec?.type === 'oci') {
    throw new EngineError(`${name} is of type oci: there is nothing to look at, its charts are asked for one by one`, {
      code: 'kind-not-reconciled',
    })
  }
  const requestedAt = new Date(ctx.clock.now()).toISOString()
  const isRelease = kind === 'HelmRelease'
  const wanted = {
    [annotations.requestedAt]: requestedAt,
    ...(isRelease && request.force === true ? { [annotations.forceAt]: requestedAt } : {}),
    ...(isRelease && request.reset === true ? { [annotations.resetAt]: requestedAt } : {}),
  }
  const object = await ctx.client.patch<Requestable>(
    address,
    { type: 'merge', body: { metadata: { annotations: wanted } } },
    { fieldManager: fieldManagers.operator, signal: ctx.signal },
  )
  return { requestedAt, handledBefore: before.status?.lastHandledReconcileAt, object }
}
