import { auditMark, readRequestCounts } from '../support/audit-log.ts'
import type { ControlPlane } from '../support/control-plane.ts'
import type { KubeTestClient } from '../support/kube-test-client.ts'
import { startNamespacedView } from '../support/namespaced-view.ts'
import { triggerToken } from '../support/deployment.ts'
import { askPlans, eventually, fleet, startPlanScene, type PlanScene, type ShownPlan } from '../support/plan-scene.ts'
import { percentile, round, type BenchRow } from './rows.ts'
import { startServerFor } from './server.ts'

const pulls = 5
const beside =
  'a deployment on Node in a process of its own, SQLite; forge, Git server and fronts of the clusters in one other; one kube-apiserver and etcd for all of them'

/** What is measured on. */
export interface CommentBench {
  readonly controlPlane: ControlPlane
  readonly client: KubeTestClient
  readonly log: (line: string) => void
  readonly applications: number
  /** What the engine alone has rendered for such a change. */
  readonly renders: number
  /** The file of an application. */
  readonly application: (name: string, value: string) => string
}

/**
 * From the webhook of a pull request that changes one file to the comment at the forge, through a deployment that looks after these namespaces as clusters of their own. Their Kustomizations follow the forge's
 * repository from here on.
 */
export async function measureComments(
  parts: CommentBench,
  namespaces: readonly { readonly namespace: string }[],
): Promise<readonly BenchRow[]> {
  const { applications, application, client, controlPlane, log } = parts
  const names = Array.from({ length: applications }, (_, at) => `app-${at}`)
  const scene = await startPlanScene({
    kind: 'github',
    isOpen: true,
    files: Object.fromEntries(names.map((name) => [`apps/${name}/app.yaml`, application(name, 'start')])),
  })
  const views = await Promise.all(namespaces.map(({ namespace }) => startNamespacedView(controlPlane, namespace)))
  try {
    for (const { namespace } of namespaces)
      await client.apply({
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        metadata: { name: 'app', namespace },
        spec: { interval: '1h', url: scene.repository.git.url, ref: { branch: 'main' } },
      })
    const from = Date.now()
    const server = await startServerFor({
      clusters: views.map(({ server: address }, at) => ({ name: `c${at}`, server: address })),
      env: scene.env,
    })
    try {
      log(`  the deployment has looked at everything after ${Date.now() - from} ms`)
      scene.connect(server)
      return await measurePulls(parts, scene, { clusters: views.length, url: server.url })
    } finally {
      await server.stop()
    }
  } finally {
    await Promise.all(views.map((view) => view.close()))
    await scene.close()
  }
}

async function measurePulls(
  parts: CommentBench,
  scene: PlanScene,
  { clusters, url }: { readonly clusters: number; readonly url: string },
): Promise<readonly BenchRow[]> {
  const { application, applications, client, controlPlane, log, renders } = parts
  const audit = { auditLogPath: controlPlane.auditLogPath, request: (path: string) => client.request('GET', path) }
  const times: number[] = []
  const requests: number[] = []
  for (let at = 0; at < pulls; at++) {
    const name = `app-${(at * 7 + 1) % applications}`
    const mark = await auditMark(audit)
    const pull = await scene.forge.pulls.open(fleet, {
      branch: `comment-${at}`,
      files: { [`apps/${name}/app.yaml`]: application(name, `comment-${at}`) },
    })
    const sent = scene.repository.hooks[0]?.deliveries.at(-1)
    const comment = await eventually(() => {
      const [found] = scene.comments(pull)
      if (found === undefined) throw new Error(`no comment on ${pull.number}: ${scene.check(pull.last.head)}`)
      return found
    }, 120_000)
    const wanted = `${clusters} applications on ${clusters} clusters: ${clusters * 2} to change`
    if (clusters > 1 && !comment.body.includes(wanted)) throw new Error(`not a whole plan: ${comment.body}`)
    times.push(Date.parse(comment.createdAt) - Date.parse(sent?.at ?? ''))
    log(`  ${await stagesOf(url, pull.number, sent?.at)}`)
    const counts = await readRequestCounts(audit, mark)
    requests.push(counts.total)
    if (at === 0) log(`  ${JSON.stringify(counts.byKey)}`)
  }
  log(`  ${times.join(', ')} ms to the comment; ${requests.join(', ')} requests`)
  const what = `one file of ${applications} applications, ${clusters} clusters; ${renders} renders, as above`
  return [
    { name: 'comment', ms: round(percentile(times, 0.5)), beside: `${what}; ${beside}` },
    {
      name: 'requests',
      requests: percentile(requests, 0.5),
      beside: 'of that plan, over all clusters, counted by the API server',
    },
  ]
}

/** Where the time went, in milliseconds from the delivery: as the deployment tells it, and each cluster's part of it. */
async function stagesOf(url: string, number: number, sentAt = ''): Promise<string> {
  const { plans } = await askPlans<{ plans: readonly (ShownPlan & { run: string })[] }>({ url, triggerToken })
  const found = plans.find((one) => one.number === number)
  const { times } = await askPlans<ShownPlan>({ url, triggerToken }, `/api/plans/${found?.id ?? ''}`)
  const { clusters } = await askPlans<{ clusters: readonly { startedAt?: number; finishedAt?: number }[] }>(
    { url, triggerToken },
    `/api/runs/${found?.run ?? ''}`,
  )
  const from = Date.parse(sentAt)
  const stages = Object.entries(times).map(([stage, at]) => `${stage.replace('At', '')} ${at - from}`)
  const parts = clusters.map(({ startedAt = 0, finishedAt = 0 }) => `${startedAt - from}–${finishedAt - from}`)
  return `${stages.join(', ')}; clusters ${parts.join(' ')}`
}
