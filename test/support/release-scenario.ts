import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { KubeTransport } from '../../src/ports/index.ts'
import type { Limits, NodeRecord, Settings } from '../../src/reconcile/index.ts'
import type { TestCluster } from './cluster.ts'
import type { TestObject } from './kube-test-client.ts'
import { createScenario, nodeOf, type Scenario } from './scenario.ts'

/** A chart `app` in the scenario's Git repository, and a HelmRelease `app` of it. */
export interface ReleaseScenario extends Scenario {
  /** Writes the HelmRelease; the chart and the interval are filled in. */
  release(spec?: object, metadata?: object): Promise<void>
  /** Runs the cluster's job until it asks for no more, and gives the release's node. */
  reconcile(): Promise<NodeRecord>
  object(): Promise<TestObject>
  condition(type: string): Promise<string>
  /** `v1 superseded`, oldest first. */
  revisions(name?: string, namespace?: string): Promise<string[]>
  find(kind: string, name: string, apiVersion?: string): Promise<TestObject | undefined>
  /** Reasons of the events about the HelmRelease. */
  events(): Promise<string[]>
  /** Replaces files of the chart. */
  chart(files: { readonly [path: string]: string | null }): Promise<void>
}

export interface ReleaseScenarioOptions {
  /** Files of the chart: `templates/a.yaml`. */
  readonly files: { readonly [path: string]: string }
  readonly version?: string
  readonly settings?: Partial<Settings>
  readonly limits?: Partial<Limits>
  readonly wrapTransport?: (transport: KubeTransport) => KubeTransport
}

/** A ConfigMap of a chart. `extra` goes into its metadata. */
export function configMapTemplate(name: string, data = 'value: {{ .Values.value | quote }}', extra = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${extra}data:\n  ${data}\n`
}

/** A Job that is a hook. */
export function hookTemplate(name: string, annotations: { readonly [key: string]: string }, behaviour = ''): string {
  const notes = Object.entries(annotations)
    .map(([key, value]) => `    helm.sh/${key}: "${value}"\n`)
    .join('')
  const wanted = behaviour === '' ? '' : `      annotations: { fake-kubelet.sluice.dev/behaviour: ${behaviour} }\n`
  return `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: ${name}\n  annotations:\n${notes}spec:\n  backoffLimit: 0\n  template:\n    metadata:\n      labels: { job: ${name} }\n${wanted}    spec:\n      restartPolicy: Never\n      containers: [{ name: job, image: example/job:1 }]\n`
}

/** A template with a Job that fails where the value is `bad`. */
export const failingJobTemplate = `{{- if eq .Values.value "bad" }}
apiVersion: batch/v1
kind: Job
metadata: { name: bad-{{ .Release.Revision }} }
spec:
  backoffLimit: 0
  template:
    metadata: { annotations: { fake-kubelet.sluice.dev/behaviour: fail } }
    spec: { restartPolicy: Never, containers: [{ name: job, image: example/job:1 }] }
{{- end }}
`

/** Reconciles a release that must then be ready. */
export async function makeReady(made: ReleaseScenario): Promise<void> {
  const node = await made.reconcile()
  assert.equal(node.state, 'ready', `${node.reason}: ${node.message}`)
}

/** The data of the chart's ConfigMap `a`. */
export async function dataOf(made: ReleaseScenario): Promise<unknown> {
  return (await made.find('ConfigMap', 'a'))?.['data']
}

/** The message of a condition; '' where there is none. */
export function messageOf(object: TestObject, type: string): string {
  const conditions = object['status'].conditions as { type: string; message: string }[]
  return conditions.find((condition) => condition.type === type)?.message ?? ''
}

/** To be called at the top of a test file: makes scenarios of a chart's files, and closes them when the file's tests are over. */
export function useReleaseScenarios(
  cluster: TestCluster,
): (
  files?: ReleaseScenarioOptions['files'],
  options?: Omit<ReleaseScenarioOptions, 'files'>,
) => Promise<ReleaseScenario> {
  const open: ReleaseScenario[] = []
  after(async () => {
    for (const made of open) await made.close()
  })
  return async (files = { 'templates/a.yaml': configMapTemplate('a') }, options = {}) => {
    const made = await createReleaseScenario(cluster, { files, ...options })
    open.push(made)
    return made
  }
}

/** Makes the scenario. Nothing is installed yet. */
export async function createReleaseScenario(
  cluster: TestCluster,
  options: ReleaseScenarioOptions,
): Promise<ReleaseScenario> {
  const chartFile = `apiVersion: v2\nname: app\nversion: ${options.version ?? '1.0.0'}\nappVersion: "3.1"\n`
  const files = { 'Chart.yaml': chartFile, 'values.yaml': 'value: default\n', ...options.files }
  const inChart = (path: string): string => `charts/app/${path}`
  const made = await createScenario(cluster, {
    files: Object.fromEntries(Object.entries(files).map(([path, text]) => [inChart(path), text])),
    limits: { healthPollMs: 100, releaseLeaseMs: 1_000, ...options.limits },
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    ...(options.wrapTransport === undefined ? {} : { wrapTransport: options.wrapTransport }),
  })
  const ref = {
    apiVersion: 'helm.toolkit.fluxcd.io/v2',
    kind: 'HelmRelease',
    namespace: made.namespace,
    name: 'app',
  }
  const self: ReleaseScenario = {
    ...made,
    release: async (spec = {}, metadata = {}) => {
      await made.client.apply({
        apiVersion: ref.apiVersion,
        kind: ref.kind,
        metadata: { name: ref.name, namespace: ref.namespace, ...metadata },
        spec: {
          interval: '10m',
          timeout: '20s',
          ...('chartRef' in spec
            ? {}
            : { chart: { spec: { chart: './charts/app', sourceRef: { kind: 'GitRepository', name: 'app' } } } }),
          ...spec,
        },
      })
    },
    reconcile: async () => nodeOf((await made.run({ kind: 'trigger', target: 'cluster' })).record, 'HelmRelease/app'),
    object: () => made.client.get(ref),
    condition: async (type) => {
      const conditions: { type: string; status: string; reason: string }[] =
        (await made.client.get(ref))['status']?.conditions ?? []
      const found = conditions.find((condition) => condition.type === type)
      return found === undefined ? 'none' : `${found.status} ${found.reason}`
    },
    revisions: async (name = 'app', namespace = made.namespace) => {
      const secrets = await made.client.list(
        { apiVersion: 'v1', kind: 'Secret', namespace },
        { labelSelector: `owner=helm,name=${name}` },
      )
      return secrets
        .map(({ metadata }) => ({ version: Number(metadata.labels?.['version']), status: metadata.labels?.['status'] }))
        .toSorted((a, b) => a.version - b.version)
        .map(({ version, status }) => `v${version} ${status}`)
    },
    find: (kind, name, apiVersion = 'v1') => made.client.find({ apiVersion, kind, namespace: made.namespace, name }),
    events: async () => {
      const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
      return events
        .filter((event) => event['involvedObject'].kind === 'HelmRelease')
        .map((event) => String(event['reason']))
    },
    chart: async (changed) => {
      await made.repository.commit(
        Object.fromEntries(Object.entries(changed).map(([path, text]) => [inChart(path), text])),
      )
    },
  }
  return self
}
