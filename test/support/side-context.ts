import { sha256Hex } from '../../src/base/index.ts'
import type { HelmRelease, Kustomization } from '../../src/api/index.ts'
import { MemoryTree } from '../../src/files/index.ts'
import { DEFAULT_CAPABILITIES, loadChart } from '../../src/helm/index.ts'
import { reveal } from '../../src/plan/raw.ts'
import { createCaches, createWorld, defaultLimits, defaultSettings } from '../../src/reconcile/index.ts'
import type { RunContext } from '../../src/reconcile/context.ts'
import type { RenderedSide } from '../../src/reconcile/change/types.ts'
import { createManifestReader } from '../../src/reconcile/helmrelease/objects.ts'
import { systemClock, systemRandom } from './memory-ports.ts'

/** What a side is rendered from, without a cluster or a server. */
export interface SideWorld {
  readonly files: { readonly [path: string]: string | Uint8Array }
  /** Objects of the cluster by `Kind/namespace/name`; data of Secrets as base64. */
  readonly cluster?: { readonly [id: string]: object | undefined }
  readonly settings?: Partial<typeof defaultSettings>
}

/** The part of a run's context that rendering needs, on files and objects in memory; `reads` are the ids of objects that were asked for. */
export function createSideContext({ files, cluster = {}, settings }: SideWorld): {
  readonly ctx: RunContext
  readonly reads: readonly string[]
} {
  const reads: string[] = []
  const tree = new MemoryTree(files)
  const digest = `sha256:${sha256Hex(JSON.stringify(Object.keys(files)))}`
  const artifact = { revision: 'main@sha1:1', digest, files: tree, prefetch: () => Promise.resolve() }
  const client = {
    get: (key: { readonly kind: string; readonly namespace?: string; readonly name: string }) => {
      const id = `${key.kind}/${key.namespace ?? ''}/${key.name}`
      reads.push(id)
      return Promise.resolve(cluster[id])
    },
    list: () => Promise.resolve({ items: [] }),
    patch: (_key: object, { body }: { readonly body: object }) => Promise.resolve(body),
    resource: ({ kind }: { readonly kind: string }) =>
      Promise.resolve({ namespaced: !['Namespace', 'ClusterRole', 'CustomResourceDefinition'].includes(kind) }),
  }
  const made = {
    deps: {
      cluster: { name: 'test' },
      caches: createCaches(),
      limits: defaultLimits,
      settings: { ...defaultSettings, ...settings },
      clock: systemClock,
      random: systemRandom,
    },
    job: { kind: 'trigger', runId: 'side', cluster: 'test', receivedAt: 0, plan: true },
    client,
    identities: { of: () => Promise.resolve(client), clusterOf: () => 'test' },
    world: createWorld(new Map()),
    sources: {
      artifact: () => Promise.resolve(artifact),
      chart: () => {
        const chart = loadChart(tree, 'chart')
        return Promise.resolve({ chart, version: chart.metadata.version, revision: chart.metadata.version, digest })
      },
    },
    events: { emit: () => undefined, flush: () => Promise.resolve() },
    helm: { capabilities: () => Promise.resolve(DEFAULT_CAPABILITIES), manifests: createManifestReader() },
    signal: new AbortController().signal,
  }
  return { ctx: made as unknown as RunContext, reads }
}

/** A Kustomization `apps/app` of the directory `app`. */
export function kustomizationOf(spec: object = {}): Kustomization {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'app', namespace: 'apps' },
    spec: { interval: '10m', prune: true, path: 'app', sourceRef: { kind: 'GitRepository', name: 'app' }, ...spec },
  } as Kustomization
}

/** A HelmRelease `apps/app` of the chart in the directory `chart`. */
export function releaseOf(spec: object = {}): HelmRelease {
  return {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    metadata: { name: 'app', namespace: 'apps' },
    spec: {
      interval: '10m',
      chart: { spec: { chart: './chart', sourceRef: { kind: 'GitRepository', name: 'app' } } },
      ...spec,
    },
  } as HelmRelease
}

/** A Secret of the cluster. */
export function secretOf(data: { readonly [key: string]: string }): object {
  const entries = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: Object.fromEntries(entries) as object }
}

/** Everything of a side that a plan is made of, as text. */
export function shownOf(side: RenderedSide): string {
  return JSON.stringify(
    {
      ...side,
      objects: side.objects.map(({ object, open, ...place }) => ({
        ...place,
        object: reveal(object),
        open: typeof open === 'string' ? open : reveal(open),
      })),
      items: side.items.map(({ desired: _desired, ...item }) => item),
      desired: undefined,
      failure: undefined,
    },
    (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
    1,
  )
}
