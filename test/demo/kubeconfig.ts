import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import type { ControlPlaneAddress } from '../support/control-plane.ts'

interface Kubeconfig {
  readonly 'current-context'?: string
  readonly contexts?: readonly {
    readonly name: string
    readonly context: { readonly cluster: string; readonly user: string }
  }[]
  readonly clusters?: readonly {
    readonly name: string
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string }
  }[]
  readonly users?: readonly { readonly name: string; readonly user: { readonly token?: string } }[]
}

/** The cluster of a kubeconfig's current context. The demo logs in with a token and needs the CA in the file. */
export async function addressOfKubeconfig(path: string): Promise<ControlPlaneAddress> {
  const config = parse(await readFile(path, 'utf8')) as Kubeconfig
  const context = config.contexts?.find((entry) => entry.name === config['current-context'])?.context
  const cluster = config.clusters?.find((entry) => entry.name === context?.cluster)?.cluster
  const token = config.users?.find((entry) => entry.name === context?.user)?.user.token
  const ca = cluster?.['certificate-authority-data']
  if (cluster === undefined || token === undefined || ca === undefined) {
    throw new RangeError(
      `${path}: the demo needs a current context with certificate-authority-data and a user with a token (kubectl create token)`,
    )
  }
  return {
    server: cluster.server,
    caPem: Buffer.from(ca, 'base64').toString('utf8'),
    token,
    userTokens: {},
    kubeconfigPath: path,
    auditLogPath: '',
  }
}
