import { EngineError, sha256Hex } from '../base/index.ts'
import type { KubeConfigReference } from '../api/index.ts'
import {
  createClusterCache,
  kubeconfigText,
  parseKubeconfig,
  type ClusterCache,
  type ClusterConnection,
} from '../kube/index.ts'
import type { KubeConnection, KubeTransport } from '../ports/index.ts'
import { parseYaml } from '../yaml/index.ts'
import { configMapConnection } from './cluster-access.ts'
import type { IdentityDeps } from './identity.ts'

/** An open connection to a cluster that an object names, with what is known of it. */
export interface RemoteCluster {
  readonly transport: KubeTransport & { close(): void }
  readonly cache: ClusterCache
  /** Of everything the connection was made from: another one is opened when it changes. */
  readonly digest: string
  /** Milliseconds since 1970 after which the login must be renewed. Undefined: it holds as long as its Secret is the same. */
  readonly renewAt: number | undefined
}

/** Connections that are kept; the one that was opened first goes when there are more. */
const maxRemotes = 500

/**
 * The connection of a `spec.kubeConfig`. What it is made of is read with the deployment's own identity from the namespace of the object; an
 * unchanged one is used again.
 *
 * @throws EngineError `kubeconfig-missing`, `kubeconfig-invalid`, `kubeconfig-not-supported`, `kubeconfig-unusable-here`,
 * `kubeconfig-provider-unsupported`, `egress-refused`. Messages never quote what a Secret holds.
 */
export async function openRemoteCluster(
  ctx: IdentityDeps,
  id: string,
  namespace: string,
  reference: KubeConfigReference,
): Promise<RemoteCluster> {
  const { connect, caches, clock } = ctx.deps
  if (connect === undefined) {
    throw new EngineError('spec.kubeConfig: this deployment cannot connect to clusters that objects name', {
      code: 'kubeconfig-not-supported',
      reason: 'ReconciliationFailed',
    })
  }
  const known = caches.remotes.get(id)
  const isFresh = known !== undefined && (known.renewAt === undefined || clock.now() < known.renewAt)
  if (reference.configMapRef !== undefined) {
    const access = await configMapConnection(ctx, id, namespace, reference.configMapRef.name)
    if (isFresh && known.digest === access.digest) return known
    const login = await access.logIn()
    return keep(ctx, id, {
      transport: connect(login.connection),
      cache: known?.digest === access.digest ? known.cache : createClusterCache(),
      digest: access.digest,
      renewAt: login.renewAt,
    })
  }
  const connection = await secretConnection(ctx, id, namespace, reference)
  const digest = sha256Hex(JSON.stringify(connection))
  if (isFresh && known.digest === digest) return known
  return keep(ctx, id, { transport: connect(connection), cache: createClusterCache(), digest, renewAt: undefined })
}

function keep(ctx: IdentityDeps, id: string, remote: RemoteCluster): RemoteCluster {
  const { remotes } = ctx.deps.caches
  remotes.get(id)?.transport.close()
  remotes.delete(id)
  remotes.set(id, remote)
  const oldest = remotes.keys().next()
  if (remotes.size > maxRemotes && oldest.done !== true) {
    remotes.get(oldest.value)?.transport.close()
    remotes.delete(oldest.value)
  }
  return remote
}

/** The connection of a kubeconfig in a Secret. What would run programs or read files here is left out (see parseKubeconfig). */
async function secretConnection(
  ctx: IdentityDeps,
  id: string,
  namespace: string,
  reference: KubeConfigReference,
): Promise<KubeConnection> {
  const name = reference.secretRef?.name ?? ''
  const key = { apiVersion: 'v1', kind: 'Secret', namespace, name }
  const secret = await ctx.client.get<{ data?: { [key: string]: string } }>(key, { signal: ctx.signal })
  if (secret === undefined) {
    throw new EngineError(
      `spec.kubeConfig: the Secret '${name}' was not found in namespace '${namespace}'; create it with the kubeconfig of the cluster`,
      { code: 'kubeconfig-missing', reason: 'ReconciliationFailed', disposition: 'wait' },
    )
  }
  const data = Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([field, value]) => [field, decodeBase64(value)]),
  )
  const text = kubeconfigText(data, reference.secretRef?.key, name)
  const parsed = parseKubeconfig(text, { parse: (yaml) => parseYaml(yaml, { dialect: 'sigs' }) })
  if (parsed.ignored.length > 0)
    ctx.client.logger.log('warn', 'settings of a kubeconfig are not used', {
      kubeconfig: id,
      ignored: [...parsed.ignored],
    })
  return toConnection(`${id} (${new URL(parsed.server).host})`, parsed)
}

/** A user that the kubeconfig itself impersonates cannot be combined with ours: taken alone, it would be dropped silently. */
function toConnection(cluster: string, parsed: ClusterConnection): KubeConnection {
  const { ignored: _ignored, impersonate, insecureSkipVerify: _insecure, ...connection } = parsed
  if (impersonate !== undefined) {
    throw new EngineError(
      'spec.kubeConfig: the kubeconfig impersonates a user (as); use credentials of that user, or spec.serviceAccountName',
      { code: 'kubeconfig-invalid', reason: 'ReconciliationFailed' },
    )
  }
  return { cluster, ...connection }
}

function decodeBase64(value: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(value), (char) => char.charCodeAt(0)))
}
