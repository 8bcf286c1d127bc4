import { checkEgress, EngineError, type EgressPolicy } from '../../base/index.ts'
import type { KubeConnection, KubeConnector } from '../../ports/index.ts'
import { createCloudflareKubeTransport, type CloudflareKubeOptions } from './kube-transport.ts'

/**
 * Opens transports to clusters that tenants name, over the runtime's `fetch`, which trusts public certificates only and carries none of the
 * client's: a kubeconfig that brings certificates is refused, never used without them.
 */
export function createCloudflareKubeConnector(options: {
  readonly fetch: CloudflareKubeOptions['fetch']
  readonly egress?: EgressPolicy
}): KubeConnector {
  return (connection) => {
    checkEgress(new URL(connection.server), options.egress ?? {})
    refuseUnusable(connection)
    const { cluster, server, token, username, password } = connection
    const basic = username === undefined ? undefined : `Basic ${btoa(`${username}:${password ?? ''}`)}`
    const transport = createCloudflareKubeTransport({
      cluster,
      server,
      fetch: options.fetch,
      ...(token === undefined ? {} : { token: () => Promise.resolve(token) }),
      ...(token === undefined && basic !== undefined
        ? { headers: () => Promise.resolve({ authorization: basic }) }
        : {}),
    })
    return { ...transport, close: () => undefined }
  }
}

function refuseUnusable(connection: KubeConnection): void {
  const fields: readonly (keyof KubeConnection)[] = ['ca', 'cert', 'key', 'serverName', 'proxyUrl']
  const used = fields.filter((field) => connection[field] !== undefined)
  if (used.length === 0) return
  throw new EngineError(
    `the kubeconfig of ${connection.cluster} needs ${used.join(', ')}, which Cloudflare Workers cannot use for a connection of their own; give an API server with a public certificate and a token, add the cluster to the deployment's configuration with a binding, or run this deployment on Node`,
    { code: 'kubeconfig-unusable-here', reason: 'ReconciliationFailed' },
  )
}
