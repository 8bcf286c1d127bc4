import type { Condition, GitRepository, HelmRelease, Kustomization } from '../../src/api/index.ts'

/** Commits of the tests. */
export const oldCommit = 'a'.repeat(40)
export const newCommit = 'b'.repeat(40)

/** A Ready condition. */
export function readyCondition(status: Condition['status'], reason: string, message: string): Condition {
  return { type: 'Ready', status, reason, message, lastTransitionTime: '2026-11-20T10:00:00Z', observedGeneration: 1 }
}

/** A GitRepository as the API server answers it, at a commit. */
export function gitRepository(commit: string, change: Partial<GitRepository['spec']> = {}): GitRepository {
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace: 'apps', generation: 1 },
    spec: { url: 'https://git.example/team/app', interval: '1m', ref: { branch: 'main' }, ...change },
    status: {
      observedGeneration: 1,
      conditions: [readyCondition('True', 'Succeeded', `stored artifact for revision 'main@sha1:${commit}'`)],
      artifact: {
        digest: `sha256:${'0'.repeat(64)}`,
        path: 'gitrepository/apps/app/x.tar.gz',
        url: 'http://source-controller/x',
        revision: `main@sha1:${commit}`,
        lastUpdateTime: '2026-11-20T10:00:00Z',
      },
    },
  }
}

/** A Kustomization as the API server answers it. */
export function kustomization(
  name: string,
  options: {
    readonly applied?: string
    readonly attempted?: string
    readonly ready?: Condition
    readonly spec?: Partial<Kustomization['spec']>
    readonly namespace?: string
    readonly inventory?: number
  } = {},
): Kustomization {
  const { applied = oldCommit, namespace = 'apps' } = options
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace, generation: 1 },
    spec: {
      interval: '10m',
      prune: true,
      path: './app',
      sourceRef: { kind: 'GitRepository', name: 'app', namespace: 'apps' },
      ...options.spec,
    },
    status: {
      observedGeneration: 1,
      conditions: [
        options.ready ?? readyCondition('True', 'ReconciliationSucceeded', `Applied revision: main@sha1:${applied}`),
      ],
      lastAppliedRevision: `main@sha1:${applied}`,
      lastAttemptedRevision: `main@sha1:${options.attempted ?? applied}`,
      inventory: {
        entries: Array.from({ length: options.inventory ?? 2 }, (_, i) => ({ id: `apps_c${i}__ConfigMap`, v: 'v1' })),
      },
    },
  }
}

/** A HelmRelease as the API server answers it, applied by the Kustomization `apps/infra`. */
export function helmRelease(name: string, spec: Partial<HelmRelease['spec']> = {}): HelmRelease {
  return {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: {
      name,
      namespace: 'apps',
      generation: 1,
      labels: { 'kustomize.toolkit.fluxcd.io/name': 'infra', 'kustomize.toolkit.fluxcd.io/namespace': 'apps' },
    },
    spec: {
      interval: '10m',
      chart: { spec: { chart: 'redis', version: '1.x', sourceRef: { kind: 'HelmRepository', name: 'charts' } } },
      ...spec,
    },
    status: {
      observedGeneration: 1,
      conditions: [readyCondition('True', 'InstallSucceeded', 'Helm install succeeded')],
      lastAttemptedRevision: '1.2.3',
      history: [
        {
          digest: `sha256:${'1'.repeat(64)}`,
          name,
          namespace: 'apps',
          version: 1,
          status: 'deployed',
          chartName: 'redis',
          chartVersion: '1.2.3',
          appVersion: '7.4.0',
          configDigest: `sha256:${'2'.repeat(64)}`,
          firstDeployed: '2026-11-20T10:00:00Z',
          lastDeployed: '2026-11-20T10:00:00Z',
        },
      ],
    },
  }
}
