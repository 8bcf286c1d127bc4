import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { GitServer } from '../support/git-server.ts'
import { createKubeTestClient, type KubeTestClient } from '../support/kube-test-client.ts'
import { percentile, round, type Bench, type BenchRow } from './rows.ts'
import { application, peakMemory, push, settle, startServer } from './server.ts'

const namespace = 'bench'

/** Push received -> applied, over HTTP, the deployment in a process of its own beside a real API server. */
export const bench: Bench = async (log) => {
  const controlPlane = await startControlPlane({
    controllerManager: false,
    onProgress: (message) => log(`  ${message}`),
  })
  const git = await GitServer.start()
  const client = createKubeTestClient(controlPlane)
  try {
    await installCrds(client)
    await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    const one = await measure({ controlPlane, git, client, log }, 1, 30)
    const ten = await measure({ controlPlane, git, client, log }, 10, 15)
    const hundred = await measure({ controlPlane, git, client, log }, 100, 7)
    const beside = 'one kube-apiserver and etcd on the same machine'
    return [
      {
        name: '1 Kustomization, p50',
        ms: round(percentile(one.samples, 0.5)),
        requests: one.requests,
        mb: one.mb,
        beside,
      },
      { name: '1 Kustomization, p95', ms: round(percentile(one.samples, 0.95)) },
      {
        name: '10 Kustomizations',
        ms: round(percentile(ten.samples, 0.5)),
        requests: ten.requests,
        mb: ten.mb,
        beside,
      },
      {
        name: '100 Kustomizations',
        ms: round(percentile(hundred.samples, 0.5)),
        requests: hundred.requests,
        mb: hundred.mb,
        beside,
      },
    ] satisfies BenchRow[]
  } finally {
    client.close()
    await git.close()
    await controlPlane.stop()
  }
}

interface Parts {
  readonly controlPlane: ControlPlane
  readonly git: GitServer
  readonly client: KubeTestClient
  readonly log: (line: string) => void
}

/** Pushes `runs` one-line changes that `count` Kustomizations follow. The first push, which creates everything, is not counted. */
async function measure(
  parts: Parts,
  count: number,
  runs: number,
): Promise<{ samples: number[]; requests: number; mb: number }> {
  const { controlPlane, git, client, log } = parts
  const repository = await git.create(`team/bench-${count}`, { 'app/app.yaml': application('start') })
  const source = `bench-${count}`
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: source, namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
  })
  for (let i = 0; i < count; i++) {
    await client.apply({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: `app-${count}-${i}`, namespace },
      spec: {
        interval: '1h',
        path: './app',
        prune: true,
        targetNamespace: namespace,
        sourceRef: { kind: 'GitRepository', name: source },
        postBuild: { substitute: { name: `app-${count}-${i}` } },
      },
    })
  }
  const server = await startServer(controlPlane, namespace)
  try {
    await settle(server.url)
    log(`  ${count} Kustomizations created`)
    const samples: number[] = []
    let requests = 0
    for (let run = 0; run < runs; run++) {
      await repository.commit({ 'app/app.yaml': application(`run-${run}`) })
      const result = await push(server.url, repository)
      samples.push(result.ms)
      requests = result.requests
    }
    log(`  ${count} Kustomizations, each push: ${samples.join(' ')} ms; ${requests} requests`)
    return { samples, requests, mb: await peakMemory(server.process) }
  } finally {
    await server.stop()
  }
}
