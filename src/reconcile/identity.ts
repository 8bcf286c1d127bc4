import { EngineError } from '../base/index.ts'
import type { KubeConfigReference } from '../api/index.ts'
import { createKubeClient, type KubeClient, type RequestCounter } from '../kube/index.ts'
import type { EngineDeps } from './job.ts'
import { openRemoteCluster, type RemoteCluster } from './remote-cluster.ts'
import { identityFor } from './tenancy.ts'

/** The parts of a Kustomization or HelmRelease that say where and as whom its objects are applied. */
export interface Applier {
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: { readonly serviceAccountName?: string; readonly kubeConfig?: KubeConfigReference }
}

/** The identities of one run. Clusters that objects name are connected to once for all of them. */
export interface Identities {
  /**
   * The client for everything that an object's objects need: reading, dry-runs, writes, health, releases. It acts as the tenant's identity, or else as the object's service
   * account, or the default one, in the namespace of the object, on the cluster of the run or the one that `spec.kubeConfig` names.
   *
   * @throws EngineError of {@link openRemoteCluster}, `tenancy-refused` for an object that is nobody's.
   */
  of(object: Applier): Promise<KubeClient>
  /** Names the cluster that an object's objects are in: objects of the same name in different ones have nothing to do with each other. */
  clusterOf(object: Applier): string
}

/** What making them needs. `client` is the deployment's own, on the cluster of the run. */
export interface IdentityDeps {
  readonly deps: EngineDeps
  readonly client: KubeClient
  readonly signal: AbortSignal
}

/** Makes the identities of one run. Requests to other clusters are counted with the run's. */
export function createIdentities(ctx: IdentityDeps): Identities {
  const remotes = new Map<string, Promise<KubeClient>>()
  const remoteClient = (object: Applier, reference: KubeConfigReference): Promise<KubeClient> => {
    const id = remoteId(object, reference)
    const known = remotes.get(id)
    if (known !== undefined) return known
    const opened = openRemoteCluster(ctx, id, object.metadata.namespace ?? '', reference).then((remote) =>
      clientOf(ctx, remote),
    )
    remotes.set(id, opened)
    return opened
  }
  return {
    of: async (object) => {
      const { kubeConfig } = object.spec
      const client = kubeConfig === undefined ? ctx.client : await remoteClient(object, kubeConfig)
      const identity = identityFor(ctx, object)
      return identity === undefined ? client : client.as(identity)
    },
    clusterOf: (object) => {
      const { kubeConfig } = object.spec
      return kubeConfig === undefined ? ctx.client.cluster : remoteId(object, kubeConfig)
    },
  }
}

/** The client that acts for an object; see {@link Identities.of}. */
export function identityOf(ctx: { readonly identities: Identities }, object: Applier): Promise<KubeClient> {
  return ctx.identities.of(object)
}

/** `Secret/namespace/name/key`: what holds the access, and so what its connection is kept under. */
function remoteId(object: Applier, reference: KubeConfigReference): string {
  const namespace = object.metadata.namespace ?? ''
  const { secretRef, configMapRef } = reference
  if ((secretRef === undefined) === (configMapRef === undefined)) {
    throw new EngineError('spec.kubeConfig must have exactly one of secretRef and configMapRef', {
      code: 'kubeconfig-reference-invalid',
      reason: 'ReconciliationFailed',
    })
  }
  return secretRef === undefined
    ? `ConfigMap/${namespace}/${configMapRef?.name ?? ''}`
    : `Secret/${namespace}/${secretRef.name}${secretRef.key === undefined ? '' : `/${secretRef.key}`}`
}

function clientOf(ctx: IdentityDeps, remote: RemoteCluster): KubeClient {
  const counter: RequestCounter = ctx.client.requests
  return createKubeClient({
    transport: remote.transport,
    clock: ctx.client.clock,
    random: ctx.client.random,
    logger: ctx.client.logger.with({ remote: remote.transport.cluster }),
    cache: remote.cache,
    requestTimeoutMs: ctx.deps.limits.requestTimeoutMs,
    counter,
    isRemote: true,
    signal: ctx.signal,
  })
}
