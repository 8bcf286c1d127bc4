import type { KubeClient } from '../kube/index.ts'
import type { RunContext } from './context.ts'

/** The client that acts for an object: as its service account, or the default one, or as the deployment itself. */
export function identityOf(
  ctx: RunContext,
  object: {
    readonly metadata: { readonly namespace?: string }
    readonly spec: { readonly serviceAccountName?: string }
  },
): KubeClient {
  const account = object.spec.serviceAccountName ?? ctx.deps.settings.defaultServiceAccount
  if (account === '') return ctx.client
  return ctx.client.as(`system:serviceaccount:${object.metadata.namespace ?? ''}:${account}`)
}
