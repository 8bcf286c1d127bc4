/**
 * `npm run screenshots`: makes the pictures in infra/screenshots from a deployment on Node that serves two real API servers, and a third cluster that does not answer, after
 * pushes that arrived, one that failed in one place, and one object that is suspended.
 */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBrowser, withoutBrowser } from '../support/browser.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, startDeployment, type Deployment, type ShownRun } from '../support/deployment.ts'
import { readExample } from '../support/example-chart.ts'
import { startFakeKubelet } from '../support/fake-kubelet.ts'
import { forgeSecret } from '../support/forge-deliveries.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { createKubeTestClient } from '../support/kube-test-client.ts'
import { fleet, startPlanScene, type PlanScene } from '../support/plan-scene.ts'
import { bootstrap, namespace } from './bootstrap.ts'
import { line, step } from './screen.ts'

const folder = fileURLToPath(new URL('../../infra/screenshots/', import.meta.url))
const maxBytes = 150 * 1024

const phone = { width: 390, height: 844 }
const desktop = { width: 1180, height: 760 }

const closers: (() => Promise<unknown>)[] = []
try {
  if (withoutBrowser !== false) throw new Error(withoutBrowser)
  const made = await makeState()
  await takePictures(made)
} catch (error) {
  line(`no pictures: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = 1
} finally {
  for (const close of closers.toReversed()) await close().catch(() => undefined)
}
process.exit()

interface Made {
  readonly deployment: Deployment
  readonly commit: string
  readonly run: ShownRun
  /** Id of the plan of a pull request. */
  readonly plan: string
}

/** Clusters, a repository, a deployment, and three pushes. */
async function makeState(): Promise<Made> {
  const clusters = await step('two Kubernetes control planes', async () => ({
    frankfurt: await startCluster(),
    virginia: await startCluster(),
  }))
  const files = { ...readExample(), ...payments('1.0.0') }
  const scene = await startPlanScene({ kind: 'github', hasApp: true, isOpen: true, files })
  closers.push(() => scene.close())
  const repository = scene.repository.git
  for (const cluster of Object.values(clusters)) {
    const client = createKubeTestClient(cluster)
    await installCrds(client)
    await bootstrap(client, repository, { 'kustomize.toolkit.fluxcd.io/ssa': 'Merge' })
    client.close()
  }
  const unreachable = { ...clusters.frankfurt, server: 'https://127.0.0.1:9' }
  const deployment = await step('Sluice on Node', async () => {
    const started = await startDeployment('node', {
      clusters: { ...clusters, singapore: unreachable },
      scanIntervalSeconds: 86_400,
      namespaces: [namespace],
      env: scene.env,
    })
    closers.push(() => started.stop())
    return { ...started, githubSecret: forgeSecret }
  })
  await step('the first push', () => push(deployment, repository))
  await step('something is suspended in one cluster, and broken in it', async () => {
    const client = createKubeTestClient(clusters.virginia)
    closers.push(async () => client.close())
    const kustomization = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace }
    await client.patch({ ...kustomization, name: 'staging' }, { spec: { suspend: true } })
    await client.patch(
      { ...kustomization, name: 'payments' },
      {
        spec: {
          patches: [{ target: { kind: 'ConfigMap' }, patch: '- op: test\n  path: /data/version\n  value: "1.0.0"' }],
        },
      },
    )
  })
  await repository.commit(payments('1.1.0'), { message: 'payments 1.1.0' })
  await step('a push that arrives in one place only', () => push(deployment, repository))
  const production = readExample()['apps/production/kustomization.yaml'] ?? ''
  await repository.commit(
    {
      ...payments('1.1.1'),
      'apps/production/kustomization.yaml': `${production}images:\n  - name: ghcr.io/example/shop-backend\n    newTag: 1.4.1\n`,
    },
    { message: 'backend 1.4.1, payments 1.1.1' },
  )
  const run = await step('another one', () => push(deployment, repository))
  const plan = await step('a pull request, and its plan', () => planOf(deployment, scene))
  return { deployment, run, commit: (await repository.head()) ?? '', plan }
}

/** Opens a pull request with a few dangers, and waits for its plan. */
async function planOf(deployment: Deployment, scene: PlanScene): Promise<string> {
  scene.connect(deployment)
  const production = readExample()['apps/production/kustomization.yaml'] ?? ''
  await scene.forge.pulls.open(fleet, {
    branch: 'backend-1.5',
    title: 'backend 1.5.0, and a basket in place of the checkout',
    files: {
      'apps/production/kustomization.yaml': `${production.replace('count: 3', 'count: 0')}images:\n  - name: ghcr.io/example/shop-backend\n    newTag: 1.5.0\n`,
      'apps/payments/role.yaml': JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'payments' },
        rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['*'] }],
      }),
      'apps/checkout/config.yaml':
        payments('1.1.1')['apps/checkout/config.yaml']?.replace('name: checkout', 'name: basket') ?? '',
    },
  })
  for (const end = Date.now() + 60_000; ;) {
    const headers = { authorization: `Bearer ${deployment.triggerToken}` }
    const response = await fetch(`${deployment.url}/api/plans`, { headers })
    const [plan] = ((await response.json()) as { plans: { id: string; verdict?: string; touched?: number }[] }).plans
    if (plan?.touched !== undefined && plan.touched >= 4) return plan.id
    if (Date.now() > end) throw new Error(`the pull request is not planned: ${JSON.stringify(plan)}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** An application with a release and something that depends on it. */
function payments(version: string): { readonly [path: string]: string } {
  const kustomization = (name: string, dependsOn: string): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  interval: 10m
  path: ./apps/${name}
  prune: true
  wait: true
  targetNamespace: production
  dependsOn: [{ name: ${dependsOn} }]
  sourceRef: { kind: GitRepository, name: example }
`
  return {
    'clusters/demo/payments.yaml': kustomization('payments', 'infrastructure'),
    'clusters/demo/checkout.yaml': kustomization('checkout', 'payments'),
    'apps/payments/config.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: payments }\ndata: { version: "${version}" }\n`,
    'apps/checkout/config.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: checkout }\ndata: { payments: "${version}" }\n`,
  }
}

async function startCluster(): Promise<ControlPlane> {
  const controlPlane = await startControlPlane({ handleSignals: false, onProgress: () => undefined })
  closers.push(() => controlPlane.stop())
  const kubelet = await startFakeKubelet(controlPlane)
  closers.push(() => kubelet.stop())
  return controlPlane
}

/** Delivers a push and waits until the clusters that answer are done with it. */
async function push(deployment: Deployment, repository: GitTestRepository): Promise<ShownRun> {
  const after = (await repository.head()) ?? ''
  const { run: id, status } = await deliverPush(deployment, { url: repository.url, after })
  if (id === undefined) throw new Error(`the webhook was answered with ${status}`)
  const end = Date.now() + 180_000
  for (;;) {
    const response = await fetch(`${deployment.url}/runs/${id}`, {
      headers: { authorization: `Bearer ${deployment.triggerToken}` },
    })
    const run = (await response.json()) as ShownRun
    const answering = run.records.filter((record) => record.cluster !== 'singapore')
    if (answering.every((record) => !['queued', 'running'].includes(record.state))) return run
    if (Date.now() > end) return await awaitRun(deployment, id, 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function takePictures({ deployment, run, commit, plan }: Made): Promise<void> {
  await mkdir(folder, { recursive: true })
  const browser = await startBrowser()
  closers.push(() => browser.close())
  const pictures = [
    ['overview-light', '/ui', 'light', desktop],
    ['overview-dark-phone', '/ui', 'dark', phone],
    ['commit-light', `/ui/commits/${commit.slice(0, 10)}`, 'light', desktop],
    ['object-dark', '/ui/objects/virginia/Kustomization/flux-system/payments?live=true', 'dark', desktop],
    ['object-light-phone', '/ui/objects/virginia/Kustomization/flux-system/checkout', 'light', phone],
    ['run-dark', `/ui/runs/${run.id}`, 'dark', desktop],
    ['plan-light', `/ui/plans/${plan}`, 'light', desktop],
    ['plan-dark-phone', `/ui/plans/${plan}`, 'dark', phone],
    ['application-light', '/ui/objects/frankfurt/Kustomization/flux-system/production?live=true', 'light', desktop],
  ] as const
  for (const [name, path, colorScheme, viewport] of pictures) {
    const context = await browser.newContext({ colorScheme, viewport })
    const page = await context.newPage()
    await page.goto(`${deployment.url}/ui/sign-in?next=${encodeURIComponent(path)}`)
    await page.fill('#token', deployment.triggerToken)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${deployment.url}${path}`)
    const file = join(folder, `${name}.png`)
    await page.screenshot({ path: file, animations: 'disabled' })
    await context.close()
    const { size } = await stat(file)
    line(`  ${name}.png ${Math.round(size / 1024)} KiB`)
    if (size > maxBytes) throw new Error(`${name}.png has ${size} bytes; at most ${maxBytes} are wanted`)
  }
}
