import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditMark, readRequestCounts, type AuditedRequest } from '../support/audit-log.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { startFlags } from './server.ts'
import { bundleBenchProcess } from './bundled-worker.ts'
import type { RunReply, RunRequest } from './helmreleases-worker.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'

/** `SLUICE_BENCH_SIZES=100` measures that size only, and says of each run which requests it made. */
const wantedSizes = (process.env['SLUICE_BENCH_SIZES'] ?? '').split(',').filter((size) => size !== '')

/** `SLUICE_BENCH_PROFILE=FOLDER` writes a profile of each of the engine's processes there. */
const profiled = process.env['SLUICE_BENCH_PROFILE'] ?? ''

const beside = 'kube-apiserver, etcd and kube-controller-manager on the same machine'

/** A chart as charts are: named by a helper, with labels, a ConfigMap, a ServiceAccount, a Service, a Deployment without replicas. */
const chart = (label: string): { [path: string]: string } => ({
  'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: "1"\n',
  'chart/values.yaml': 'replicas: 0\nimage: { repository: example/app, tag: "1" }\nmessage: hello\n',
  'chart/templates/_helpers.tpl': `{{- define "app.name" -}}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{- end }}
{{- define "app.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
`,
  'chart/templates/app.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ include "app.name" . }} }
data: { message: {{ .Values.message | quote }}, change: "${label}" }
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "app.name" . }}
  labels: {{- include "app.labels" . | nindent 4 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "app.name" . }}
  labels: {{- include "app.labels" . | nindent 4 }}
spec:
  selector: { app.kubernetes.io/instance: {{ .Release.Name }} }
  ports: [{ port: 80, name: http }]
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "app.name" . }}
  labels: {{- include "app.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app.kubernetes.io/instance: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app.kubernetes.io/instance: {{ .Release.Name }} } }
    spec:
      serviceAccountName: {{ include "app.name" . }}
      containers: [{ name: app, image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}" }]
`,
})

/** HelmReleases of one chart in a Git source: installed, upgraded by a push, run again without a change, scanned for drift. */
export const bench: Bench = async (log) => {
  const controlPlane = await startControlPlane({ onProgress: (message) => log(`  ${message}`) })
  const git = await GitServer.start()
  const client = createKubeTestClient(controlPlane)
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  try {
    await installCrds(client)
    const program = await bundleBenchProcess('helmreleases-worker', directory)
    const rows: BenchRow[] = []
    for (const [count, rounds] of [
      [100, 5],
      [500, 2],
    ] as const) {
      if (wantedSizes.length > 0 && !wantedSizes.includes(String(count))) continue
      rows.push(...(await measure({ controlPlane, git, client, program, log }, count, rounds)))
    }
    return rows
  } finally {
    client.close()
    await git.close()
    await controlPlane.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

interface Parts {
  readonly controlPlane: ControlPlane
  readonly git: GitServer
  readonly client: KubeTestClient
  /** The engine, bundled. */
  readonly program: string
  readonly log: (line: string) => void
}

/** The installs are measured once per namespace: each round has a namespace of its own for them; the rest goes on in the last one. */
async function measure(parts: Parts, count: number, rounds: number): Promise<BenchRow[]> {
  const samples: { [phase: string]: RunResult[] } = {}
  const note = (phase: string, result: RunResult): void => {
    samples[phase] = [...(samples[phase] ?? []), result]
    const { ms, cpuMs, requests, kinds } = result
    parts.log(`  ${count} ${phase}: ${Math.round(ms)} ms, processor ${Math.round(cpuMs)} ms, ${requests} requests`)
    if (wantedSizes.length > 0) parts.log(`    ${kinds}`)
  }
  let mb = 0
  for (let round = 0; round < rounds; round++) {
    const isLast = round === rounds - 1
    const namespace = `bench-${count}-${round}`
    const repository = await prepare(parts, namespace, count)
    const worker = startWorker(parts, namespace, repository)
    try {
      note('install', await worker.run('push'))
      for (let again = 0; again < (isLast ? rounds : 0); again++) {
        await repository.commit(chart(`change-${again}`))
        note('upgrade', await worker.run('push'))
        note('no change', await worker.run('cluster'))
        note('scan', await worker.run('cluster'))
      }
      mb = Math.max(mb, await peakMemory(worker.process))
    } finally {
      worker.stop()
    }
    if (!isLast) await parts.client.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace })
  }
  return Object.entries(samples).map(([phase, results]) => ({
    name: `${count} ${phase}`,
    ms: round(
      percentile(
        results.map((result) => result.ms),
        0.5,
      ),
    ),
    requests: percentile(
      results.map((result) => result.requests),
      0.5,
    ),
    mb,
    beside,
  }))
}

async function prepare({ git, client }: Parts, namespace: string, count: number): Promise<GitTestRepository> {
  const repository = await git.create(`team/${namespace}`, chart('start'))
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
  })
  for (let i = 0; i < count; i++) {
    await client.apply({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: `app-${i}`, namespace },
      spec: {
        interval: '1h',
        driftDetection: { mode: 'enabled' },
        chart: {
          spec: {
            chart: './chart',
            reconcileStrategy: 'Revision',
            sourceRef: { kind: 'GitRepository', name: 'app' },
          },
        },
        values: { message: `hello ${i}` },
      },
    })
  }
  return repository
}

interface RunResult {
  readonly ms: number
  readonly cpuMs: number
  readonly requests: number
  /** How many requests of each kind. */
  readonly kinds: string
}

interface Worker {
  readonly process: ChildProcess
  run(kind: RunRequest['kind']): Promise<RunResult>
  stop(): void
}

/** The engine in a process of its own, as a deployment starts it, so that its memory is its own. Requests are those of the API server's audit log. */
function startWorker({ controlPlane, program }: Parts, namespace: string, repository: GitTestRepository): Worker {
  const child = fork(program, [], {
    execArgv: [...startFlags(), ...(profiled === '' ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiled}`])],
    env: {
      ...process.env,
      BENCH: JSON.stringify({
        namespace,
        url: repository.url,
        server: controlPlane.server,
        caPem: controlPlane.caPem,
        token: controlPlane.token,
      }),
    },
  })
  const source = {
    auditLogPath: controlPlane.auditLogPath,
    request: async (path: string): Promise<unknown> => {
      const client = createKubeTestClient(controlPlane)
      try {
        return await client.request('GET', path)
      } finally {
        client.close()
      }
    },
  }
  return {
    process: child,
    run: async (kind) => {
      const mark = await auditMark(source)
      const reply = await new Promise<RunReply>((resolve, reject) => {
        child.once('message', (message) => resolve(message as RunReply))
        child.once('exit', () => reject(new Error('the worker has ended')))
        child.send({ kind } satisfies RunRequest)
      })
      if (reply.problem !== undefined) throw new Error(reply.problem)
      const counts = await readRequestCounts(source, mark)
      const own = counts.requests.filter((request) => !/controller|kubelet|apiserver/.test(request.userAgent))
      return { ms: reply.ms, cpuMs: reply.cpuMs, requests: own.length, kinds: kindsOf(own) }
    },
    stop: () => void (profiled === '' ? child.kill('SIGKILL') : child.disconnect()),
  }
}

function kindsOf(requests: readonly AuditedRequest[]): string {
  const counts = new Map<string, number>()
  for (const { verb, resource } of requests) {
    const kind = `${verb} ${resource === '' ? '(discovery)' : resource}`
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts]
    .toSorted((a, b) => b[1] - a[1])
    .map(([kind, number]) => `${number} ${kind}`)
    .join(', ')
}

/** Largest resident memory of a process so far, in MB (Linux). */
async function peakMemory(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}
