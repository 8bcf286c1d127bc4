import { EngineError } from '../../src/base/index.ts'
import type { KubeTransport } from '../../src/ports/index.ts'
import { createKubeconfigTransport, createNodeKubeTransport } from '../../src/platforms/node/index.ts'
import { gatewayHeaders } from '../cluster-headers.ts'
import type { ClusterConfig, ReadSetting } from '../config.ts'
import { connectAs, type DeploymentLogins } from '../deployment-logins.ts'

/** Connects to a cluster from Node. The token is read for each request, so that one replaced in its file is used at once. */
export async function connectFromNode(
  cluster: ClusterConfig,
  read: ReadSetting,
  logins: DeploymentLogins,
): Promise<KubeTransport> {
  if (cluster.kubeconfig !== undefined)
    return createKubeconfigTransport({ cluster: cluster.name, ...cluster.kubeconfig })
  const secret = (name: string): string => {
    const value = read(name)
    if (value !== undefined && value !== '') return value
    throw new EngineError(`cluster '${cluster.name}': there is no secret ${name}`, {
      code: 'secret-missing',
      disposition: 'retry',
    })
  }
  const { tokenSecret, clientCertSecret, clientKeySecret } = cluster
  const headers = gatewayHeaders(cluster, read)
  const base = {
    cluster: cluster.name,
    ...(headers === undefined ? {} : { headers }),
    ...(cluster.serverName === undefined ? {} : { serverName: cluster.serverName }),
    ...(cluster.insecureSkipVerify === undefined ? {} : { insecureSkipVerify: cluster.insecureSkipVerify }),
  }
  if (cluster.identity !== undefined)
    return connectAs(cluster, logins, (place) => createNodeKubeTransport({ ...base, ...place }))
  return createNodeKubeTransport({
    ...base,
    server: cluster.server ?? '',
    ...(cluster.ca === undefined ? {} : { ca: cluster.ca }),
    ...(clientCertSecret === undefined ? {} : { cert: secret(clientCertSecret) }),
    ...(clientKeySecret === undefined ? {} : { key: secret(clientKeySecret) }),
    ...(tokenSecret === undefined ? {} : { token: () => Promise.resolve(secret(tokenSecret).trim()) }),
  })
}
