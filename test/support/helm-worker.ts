import { createClusterObject } from '../../functions/cloudflare/cluster.ts'
import { MemoryTree } from '../../src/files/index.ts'
import { loadChart, parseValuesDocuments, printManifest, renderChart } from '../../src/helm/index.ts'
import { StateObject } from '../../src/platforms/cloudflare/index.ts'

/** What this worker is sent: the files of a chart, and how it is rendered. */
export interface RenderJob {
  readonly files: { readonly [path: string]: string }
  readonly release: string
  readonly namespace: string
  readonly values: string
}

// A worker that renders a chart inside the real runtime. The classes are there for the bindings, nobody uses them.
export { StateObject }
export const ClusterObject = createClusterObject(() => () => Promise.reject(new Error('there are no jobs here')))

/** Renders the chart of a request's body, and answers with what `helm template` prints. */
export default {
  async fetch(request: Request): Promise<Response> {
    const job: RenderJob = await request.json()
    const result = renderChart({
      chart: loadChart(new MemoryTree(job.files), ''),
      release: { name: job.release, namespace: job.namespace, revision: 1, isInstall: true, isUpgrade: false },
      values: parseValuesDocuments(job.values),
      environment: { now: () => Date.now(), randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
    })
    const hooks = result.hooks.map((hook) => printManifest(hook.path, hook.manifest))
    return new Response(`${result.manifest.trim()}\n${hooks.join('')}`)
  },
}
