import { lookup as resolveName } from 'node:dns'
import { checkEgress, EngineError, type EgressPolicy } from '../../base/index.ts'
import type { KubeConnector } from '../../ports/index.ts'
import { guardedLookup } from './guarded-lookup.ts'
import { createNodeKubeTransport } from './kube-transport.ts'

/** Connections at the same time to one such cluster. */
const maxSockets = 16

/**
 * Opens transports to clusters that tenants name. Their hosts are judged by the egress policy, as those of sources are: by name here, by
 * resolved address at the moment of connecting.
 *
 * @throws (the connector) EngineError `egress-refused`; `kubeconfig-unusable-here` for a proxy.
 */
export function createNodeKubeConnector(options: { readonly egress?: EgressPolicy } = {}): KubeConnector {
  const policy = options.egress ?? {}
  const lookup = guardedLookup(policy, resolveName)
  return (connection) => {
    checkEgress(new URL(connection.server), policy)
    if (connection.proxyUrl !== undefined) {
      throw new EngineError(
        `the kubeconfig of ${connection.cluster} asks for a proxy (proxy-url), which is not supported yet; give a server that can be reached directly`,
        { code: 'kubeconfig-unusable-here', reason: 'ReconciliationFailed' },
      )
    }
    const { cluster, server, serverName, ca, cert, key, token, username } = connection
    const basic =
      username === undefined
        ? undefined
        : `Basic ${Buffer.from(`${username}:${connection.password ?? ''}`).toString('base64')}`
    return createNodeKubeTransport({
      cluster,
      server,
      lookup,
      maxSockets,
      ...(serverName === undefined ? {} : { serverName }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(token === undefined ? {} : { token: () => Promise.resolve(token) }),
      ...(token === undefined && basic !== undefined
        ? { headers: () => Promise.resolve({ authorization: basic }) }
        : {}),
    })
  }
}
