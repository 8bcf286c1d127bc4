import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { chartLayerType } from '../../src/sources/index.ts'
import type { KubeTestClient, TestObject } from './kube-test-client.ts'
import type { TestRegistry } from './registry.ts'
import { isReady, serveArtifacts } from './take-over.ts'
import { makeTgz } from './tar.ts'

/** A chart of the usual objects, named after the release, with hooks and tests where the values ask for them. */
export const takeOverChart: { readonly [path: string]: string } = {
  'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: "3.1"\n',
  'values.yaml': 'value: default\nhooks: false\ntests: false\nnested: { secret: none, list: [1, 2.5, true, null] }\n',
  'templates/app.yaml': `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  labels: { app: {{ .Release.Name }} }
data:
  value: {{ .Values.value | quote }}
  nested: {{ toJson .Values.nested | quote }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ port: 80, name: http }]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: 0
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: app, image: "example/app:1", ports: [{ containerPort: 80 }] }] }
`,
  'templates/hooks.yaml': `{{- range $name, $events := dict "before" "pre-install,pre-upgrade" "after" "post-install" }}
{{- if $.Values.hooks }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
  annotations: { helm.sh/hook: "{{ $events }}", helm.sh/hook-weight: "3" }
spec:
  template: { spec: { restartPolicy: Never, containers: [{ name: a, image: "example/app:1" }] } }
{{- end }}
{{- end }}
`,
  'templates/test.yaml': `{{- if .Values.tests }}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-test
  annotations: { helm.sh/hook: test }
spec:
  template: { spec: { restartPolicy: Never, containers: [{ name: a, image: "example/app:1" }] } }
{{- end }}
`,
  'templates/NOTES.txt': 'The value is {{ .Values.value }} <&>\n',
}

/** Specs by the name of the HelmRelease. `upgrade` is what is changed once they are installed. */
export const takeOverShapes: { readonly [name: string]: { readonly install: object; readonly upgrade?: object } } = {
  plain: { install: {} },
  upgraded: { install: { values: { value: 'one' } }, upgrade: { values: { value: 'two' }, maxHistory: 3 } },
  values: {
    install: {
      valuesFrom: [
        { kind: 'ConfigMap', name: 'shared-values' },
        { kind: 'Secret', name: 'shared-secret', valuesKey: 'part', targetPath: 'nested.secret' },
        { kind: 'ConfigMap', name: 'absent', optional: true },
      ],
      values: { value: 'inline', float: 1.5, big: 12_345_678, text: '<&> é' },
    },
  },
  hooks: { install: { values: { hooks: true } }, upgrade: { values: { hooks: true, value: 'two' } } },
  drift: { install: { driftDetection: { mode: 'enabled' } } },
  tested: {
    install: { test: { enable: true }, values: { tests: true } },
    upgrade: { test: { enable: true }, values: { tests: true, value: 'two' } },
  },
  common: { install: { commonMetadata: { labels: { team: 'a' }, annotations: { note: 'b' } } } },
  patched: {
    install: {
      postRenderers: [
        {
          kustomize: {
            patches: [
              { target: { kind: 'ConfigMap' }, patch: '- op: add\n  path: /metadata/labels/patched\n  value: "yes"\n' },
            ],
            images: [{ name: 'example/app', newTag: '2' }],
          },
        },
      ],
    },
  },
  clientside: {
    install: { install: { serverSideApply: false }, values: { value: 'one' } },
    upgrade: { install: { serverSideApply: false }, values: { value: 'two' } },
  },
  toserverside: {
    install: { install: { serverSideApply: false } },
    upgrade: { install: { serverSideApply: false }, upgrade: { serverSideApply: 'enabled' }, values: { value: 'two' } },
  },
  versioned: { install: { chartRef: { kind: 'OCIRepository', name: 'versioned' } } },
  unversioned: { install: { chartRef: { kind: 'OCIRepository', name: 'unversioned' } } },
  named: { install: { releaseName: 'another', waitStrategy: { name: 'legacy' } } },
}

const helmRelease = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease' }
const ociRepository = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'OCIRepository' }
const helmChart = { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'HelmChart' }

/** Writes what the releases take their values from. */
export async function applyShapeInputs(client: KubeTestClient, namespace: string): Promise<void> {
  const source = { apiVersion: 'v1', metadata: { namespace } }
  const values = 'nested: { list: [9] }\nvalue: from-config\n'
  await client.apply({
    ...source,
    kind: 'ConfigMap',
    metadata: { namespace, name: 'shared-values' },
    data: { 'values.yaml': values },
  })
  await client.apply({
    ...source,
    kind: 'Secret',
    metadata: { namespace, name: 'shared-secret' },
    stringData: { part: 'hidden' },
  })
}

/** Pushes the chart to a registry, under its version and another tag, and writes OCIRepositories of both. */
export async function pushShapeCharts(
  client: KubeTestClient,
  namespace: string,
  registry: TestRegistry,
): Promise<void> {
  for (const [name, tag] of [
    ['versioned', '1.0.0'],
    ['unversioned', 'stable'],
  ] as const) {
    await registry.push('charts/app', tag, [{ mediaType: chartLayerType, bytes: packedChart() }])
    await client.apply({
      ...ociRepository,
      metadata: { name, namespace },
      spec: {
        interval: '10m',
        url: `oci://${registry.host}/charts/app`,
        insecure: true,
        ref: { tag },
        layerSelector: { mediaType: chartLayerType, operation: 'copy' },
      },
    })
  }
}

function packedChart(): Uint8Array {
  return makeTgz(Object.entries(takeOverChart).map(([path, content]) => ({ name: `app/${path}`, content })))
}

/** Writes the HelmReleases and what they need; with `isUpgrade`, those that are changed once they are installed. */
export async function applyShapes(client: KubeTestClient, namespace: string, isUpgrade: boolean): Promise<void> {
  await applyShapeInputs(client, namespace)
  const chart = { spec: { chart: './charts/app', sourceRef: { kind: 'GitRepository', name: 'app' } } }
  for (const [name, { install, upgrade }] of Object.entries(takeOverShapes)) {
    const spec = isUpgrade ? upgrade : install
    if (spec === undefined) continue
    await client.apply({
      ...helmRelease,
      metadata: { name, namespace },
      spec: { interval: '10m', timeout: '60s', ...('chartRef' in spec ? {} : { chart }), ...spec },
    })
  }
}

/** What must not change when somebody else takes over. */
export interface ReleaseFootprint {
  /** `Kind/name version` of every object of a release, and of their HelmCharts. Where others write the status meanwhile, it is the generation. */
  readonly objects: readonly string[]
  /** `name version` of every Secret of Helm's storage. */
  readonly revisions: readonly string[]
  readonly histories: { readonly [release: string]: unknown }
}

/** Kinds of objects in the chart. */
export const takeOverKinds = [
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'batch/v1', kind: 'Job' },
] as const

/** The footprint of all releases in a namespace. */
export async function footprintOf(client: KubeTestClient, namespace: string): Promise<ReleaseFootprint> {
  const objects: string[] = []
  for (const kind of takeOverKinds) {
    for (const object of await client.list({ ...kind, namespace })) {
      const { name, resourceVersion, generation, uid } = object.metadata as TestObject['metadata'] & {
        readonly generation?: number
      }
      if (name === 'kube-root-ca.crt' || name === 'shared-values') continue
      const version = kind.kind === 'Deployment' || kind.kind === 'Job' ? `${uid} ${generation}` : resourceVersion
      objects.push(`${kind.kind}/${name} ${version}`)
    }
  }
  for (const { metadata } of await client.list({ ...helmChart, namespace }))
    objects.push(`HelmChart/${metadata.name} ${metadata.uid} ${metadata.generation}`)
  const secrets = await client.list({ apiVersion: 'v1', kind: 'Secret', namespace }, { labelSelector: 'owner=helm' })
  const releases = await client.list({ ...helmRelease, namespace })
  return {
    objects,
    revisions: secrets.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`),
    histories: Object.fromEntries(
      releases.map((release) => [release.metadata.name, release['status']?.history as unknown]),
    ),
  }
}

/** Asks for all releases to be looked at, and waits until somebody has. */
export async function awaitHandled(client: KubeTestClient, namespace: string, token: string): Promise<void> {
  const names = Object.keys(takeOverShapes)
  for (const name of names)
    await client.patch(
      { ...helmRelease, namespace, name },
      { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': token } } },
    )
  for (const name of names)
    await client.waitFor(
      { ...helmRelease, namespace, name },
      (object) => object?.['status']?.lastHandledReconcileAt === token && isReady(object),
      40_000,
    )
}

/** Plays source-controller for the HelmCharts of a namespace: each gets the chart as its artifact. Until the returned function is called. */
export async function serveCharts(client: KubeTestClient, namespace: string): Promise<() => Promise<void>> {
  const archive = packedChart()
  const server = await serveArtifacts(async () => archive)
  const digest = `sha256:${createHash('sha256').update(archive).digest('hex')}`
  let isOver = false
  const loop = (async () => {
    while (!isOver) {
      for (const chart of await client.list({ ...helmChart, namespace })) {
        if (chart['status']?.observedGeneration === chart.metadata.generation) continue
        const { name, generation } = chart.metadata
        const path = `helmchart/${namespace}/${name}/app-1.0.0.tgz`
        const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
        const artifact = { url: `${server.url}/${path}`, path, digest, revision: '1.0.0', lastUpdateTime: now }
        const condition = {
          type: 'Ready',
          status: 'True',
          reason: 'ChartPackageSucceeded',
          message: 'packaged',
          observedGeneration: generation,
          lastTransitionTime: now,
        }
        const status = { observedGeneration: generation, artifact, conditions: [condition] }
        await client.patch({ ...helmChart, namespace, name }, { status }, { subresource: 'status' })
      }
      await sleep(100)
    }
  })()
  return async () => {
    isOver = true
    await loop
    await server.close()
  }
}

/** The state that helm-controller v1.6.1 left behind, one object a line. */
const fixture = new URL('../fixtures/helm-take-over.jsonl', import.meta.url)

/** Writes down the releases of a namespace with everything that is theirs: to be called when helm-controller is done with them. */
export async function recordTakeOver(client: KubeTestClient, namespace: string): Promise<void> {
  const objects: TestObject[] = []
  const add = async (kind: { apiVersion: string; kind: string }, query = {}): Promise<void> => {
    for (const object of await client.list({ ...kind, namespace }, query)) objects.push({ ...object, ...kind })
  }
  await add({ apiVersion: 'v1', kind: 'Secret' }, { labelSelector: 'owner=helm' })
  for (const kind of takeOverKinds) if (kind.kind !== 'Job') await add(kind)
  await add(helmChart)
  await add(helmRelease)
  // What comes from a registry needs one to be replayed.
  const needsRegistry = ({ metadata }: TestObject): boolean =>
    /^(sh\.helm\.release\.v1\.)?(un)?versioned(\.v\d+)?$/.test(metadata.name)
  const lines = objects
    .filter((object) => !needsRegistry(object))
    .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt' && metadata.name !== 'shared-values')
    .map((object) => JSON.stringify(object))
  await writeFile(fixture, `${lines.join('\n')}\n`)
}

/** The recorded objects, and their namespace: digests of releases depend on its name. */
export async function readTakeOver(): Promise<{ readonly namespace: string; readonly objects: readonly TestObject[] }> {
  const lines = (await readFile(fixture, 'utf8')).trim().split('\n')
  const objects = lines.map((line) => JSON.parse(line) as TestObject)
  return { namespace: objects[0]?.metadata.namespace ?? '', objects }
}
