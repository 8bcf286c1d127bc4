import { apiVersions, type Alert, type Provider } from '../../api/index.ts'
import { isEngineError } from '../../base/index.ts'
import type { NotifyContext } from './run-events.ts'
import type { AlertName } from './store.ts'
import { resolveProvider, type ResolvedProvider } from './target.ts'

/** Alerts and Providers as a dispatch sees them: read once, and only when they are asked for. */
export interface Lookup {
  alerts(): Promise<readonly Alert[]>
  /** One of them, also where it was made after they were read. */
  alert(name: AlertName): Promise<Alert | undefined>
  /** The Provider that an Alert names, in its own namespace; undefined where there is none. */
  provider(alert: Alert): Promise<Provider | undefined>
  /** @throws EngineError as resolveProvider. */
  resolved(provider: Provider): Promise<ResolvedProvider>
}

/** Reads from the cluster of the run with the deployment's own identity, as notification-controller does. */
export function createLookup(ctx: NotifyContext): Lookup {
  const providers = new Map<string, Promise<Provider | undefined>>()
  const resolved = new Map<string, Promise<ResolvedProvider>>()
  let alerts: Promise<readonly Alert[]> | undefined
  const once = <T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> => {
    const existing = known.get(key)
    if (existing !== undefined) return existing
    const made = make()
    known.set(key, made)
    return made
  }
  return {
    alerts: () => (alerts ??= listAlerts(ctx)),
    alert: async ({ namespace, name }) => {
      const known = await alerts?.catch(() => [])
      const found = known?.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
      const key = { apiVersion: apiVersions.Alert, kind: 'Alert', namespace, name }
      return found ?? ctx.client.get<Alert>(key, { signal: ctx.signal })
    },
    provider: (alert) => {
      const { namespace = '' } = alert.metadata
      const { name } = alert.spec.providerRef
      return once(providers, `${namespace}/${name}`, async () => {
        const key = { apiVersion: apiVersions.Provider, kind: 'Provider', namespace, name }
        return ctx.client.get<Provider>(key, { signal: ctx.signal })
      })
    },
    resolved: (provider) => {
      const { namespace = '', name } = provider.metadata
      return once(resolved, `${namespace}/${name}`, () => resolveProvider(ctx, provider))
    },
  }
}

/** All Alerts of the namespaces that are looked at; none where the cluster does not know the kind. */
async function listAlerts(ctx: NotifyContext): Promise<readonly Alert[]> {
  const { namespaces } = ctx.deps.settings
  const scopes: readonly { namespace?: string }[] =
    namespaces.length === 0 ? [{}] : namespaces.map((namespace) => ({ namespace }))
  const kind = { apiVersion: apiVersions.Alert, kind: 'Alert' } as const
  try {
    const lists = await Promise.all(
      scopes.map((scope) => ctx.client.list<Alert>(kind, { ...scope, signal: ctx.signal })),
    )
    return lists.flatMap(({ items }) => items.map((item) => ({ ...item, ...kind })))
  } catch (error) {
    if (isEngineError(error) && (error.code === 'kube-not-found' || error.code === 'kube-kind-unknown')) return []
    throw error
  }
}
