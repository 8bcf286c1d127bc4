import { EngineError, toEngineError } from '../base/index.ts'
import type {
  ClusterAccess,
  ClusterAccessProviders,
  ClusterAccessRequest,
  Clock,
  KubeTransport,
} from '../ports/index.ts'
import { createLoginTransport } from './login-transport.ts'

/** A managed cluster, and what of its address the configuration says. */
export interface ManagedCluster {
  /** Name in the configuration. */
  readonly name: string
  readonly provider: ClusterAccessRequest['provider']
  /** ARN (aws), resource id (azure) or full name (gcp). */
  readonly cluster: string
  /** Left out: the cloud is asked. */
  readonly server?: string
  readonly ca?: string
}

/** Carries requests to the address, without credentials. */
export type OpenTransport = (place: { readonly server: string; readonly ca?: string }) => KubeTransport

/** How long an address that the cloud told is used. */
const placeMs = 3_600_000
/** A token that ends in less than this is not used any more. */
const marginMs = 300_000
const askTimeoutMs = 20_000

interface Opened {
  readonly place: { readonly server: string; readonly ca?: string }
  readonly transport: KubeTransport
  readonly until: number
  access: ClusterAccess
}

/**
 * A transport to a cluster of EKS, GKE or AKS, as whom the deployment is at the cloud; identities are impersonated. The address and certificate authority that the cloud tells are asked for at the
 * first request, each hour, and after a request that got no answer.
 *
 * @throws (send) EngineError `cluster-login-failed` (`retry`) with what the cloud said; messages carry no credential.
 */
export function createCloudTransport(
  managed: ManagedCluster,
  deps: { readonly access: ClusterAccessProviders; readonly open: OpenTransport; readonly clock: Clock },
): KubeTransport {
  const { access, open, clock } = deps
  let known: Opened | undefined
  const ask = async (place: { readonly server?: string; readonly ca?: string }): Promise<ClusterAccess> => {
    const { name, provider, cluster } = managed
    const logIn = access[provider]
    try {
      if (logIn === undefined) throw new EngineError(`no logins at ${provider}`, { code: 'cloud-login-failed' })
      return await logIn({
        provider,
        cluster,
        ...(place.server === undefined ? {} : { address: place.server, trustsSystem: place.ca === undefined }),
        ...(place.ca === undefined ? {} : { ca: place.ca }),
        signal: AbortSignal.timeout(askTimeoutMs),
      })
    } catch (caught) {
      const { message } = toEngineError(caught)
      throw new EngineError(`cluster '${name}': the login at ${provider} failed: ${message}`, {
        code: 'cluster-login-failed',
        disposition: 'retry',
        data: { cluster: name, provider },
        cause: caught,
      })
    }
  }
  const opened = async (): Promise<Opened> => {
    const now = clock.now()
    if (known !== undefined && now < known.until) {
      if (now > known.access.expiresAt - marginMs) known.access = await ask(known.place)
      return known
    }
    const told = await ask(managed)
    const place = { server: told.server, ...(told.ca === undefined ? {} : { ca: told.ca }) }
    const isSame = JSON.stringify(known?.place) === JSON.stringify(place)
    // Requests of the old one that are under way end by themselves; its idle connections do too.
    const transport = known !== undefined && isSame ? known.transport : open(place)
    known = { place, transport, until: now + placeMs, access: told }
    return known
  }
  const carrier: KubeTransport = {
    cluster: managed.name,
    send: async (request) => {
      const { transport } = await opened()
      try {
        return await transport.send(request)
      } catch (error) {
        if (!request.signal.aborted) known = undefined
        throw error
      }
    },
  }
  return createLoginTransport(carrier, async (as) => ({
    token: (await opened()).access.token,
    ...(as === undefined ? {} : { impersonate: as }),
  }))
}
