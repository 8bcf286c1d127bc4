import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { useCluster } from '../support/cluster.ts'
import { bundleDeployment } from '../support/bundled-program.ts'
import {
  deliverPush,
  deploymentEnvironment,
  githubSecret,
  startDeployment,
  type Deployment,
  type Platform,
} from '../support/deployment.ts'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { createKillableServer } from '../support/killed-server.ts'
import type { NamespacedView } from '../support/namespaced-view.ts'
import { createChooser } from '../support/random-choices.ts'

const cluster = useCluster()
const platforms: readonly Platform[] = ['workerd']
const closers: (() => Promise<void>)[] = []

after(async () => {
  for (const close of closers.toReversed()) await close()
})

const apps = ['one', 'two', 'three']

/** What the repository says in the end, and how often each application was changed. */
interface History {
  readonly last: { [app: string]: string }
  readonly changes: { [app: string]: number }
}

async function until(isThere: () => Promise<boolean>, seconds: number, what: () => Promise<string>): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await isThere())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} seconds: ${await what()}`)
    await sleep(250)
  }
}

async function isAt(fleet: Fleet, view: NamespacedView, { last }: History): Promise<boolean> {
  const values = await fleet.valuesOf(view)
  return apps.every((app) => values[app] === last[app])
}

/** No object is written more often than there are commits that changed it, and the first that made it. */
function assertNoNeedlessWrites(view: NamespacedView, { changes }: History): void {
  for (const app of apps) {
    for (const which of ['first', 'second']) {
      const written = view.writes.filter(({ object }) => object === `configmaps/${app}-${which}`).length
      assert.ok(
        written <= (changes[app] ?? 0) + 1,
        `${view.namespace}: ${app}-${which} was written ${written} times for ${changes[app]} changes`,
      )
    }
  }
}

/** In a process of its own on either platform: the fleet's views have enough to do in this one. */
async function startFor(platform: Platform, fleet: Fleet): Promise<Pick<Deployment, 'url' | 'githubSecret'>> {
  const options = { clusters: fleet.clusters, scanIntervalSeconds: 20 }
  if (platform === 'workerd') {
    const deployment = await startDeployment(platform, options)
    closers.push(() => deployment.stop())
    return deployment
  }
  const directory = await mkdtemp(join(tmpdir(), 'sluice-fleet-'))
  closers.push(() => rm(directory, { recursive: true, force: true }))
  const program = bundleDeployment(join(directory, 'program'))
  const server = await createKillableServer(program, {
    ...deploymentEnvironment(options),
    DATA_DIR: join(directory, 'data'),
  })
  closers.push(() => server.kill())
  await server.start()
  return { url: server.url, githubSecret }
}

for (const platform of platforms) {
  describe(`a fleet of clusters on ${platform}`, () => {
    it('50 pushes in a burst to 20 clusters, 2 dead and 1 slow', { timeout: 400_000 }, async () => {
      const fleet = await createFleet(cluster, { clusters: 20, apps })
      closers.push(() => fleet.close())
      const [deadOne, deadTwo, slow, ...others] = fleet.views
      assert.ok(deadOne !== undefined && deadTwo !== undefined && slow !== undefined)
      for (const view of [deadOne, deadTwo]) view.behave('dead')
      slow.behave({ slowMs: 200 })
      const deployment = await startFor(platform, fleet)
      const history: History = { last: Object.fromEntries(apps.map((app) => [app, 'start'])), changes: {} }
      const choose = createChooser(7)
      const deliveries: { readonly url: string; readonly after: string; readonly deliveryId: string }[] = []
      for (let at = 0; at < 50; at++) {
        const app = choose(apps)
        const commit = await fleet.change(app, `${at}`)
        history.last[app] = `${at}`
        history.changes[app] = (history.changes[app] ?? 0) + 1
        deliveries.push({ url: fleet.repository.url, after: commit, deliveryId: `push-${at}` })
        // Some come late, some twice.
        const sent = at % 5 === 0 ? deliveries.at(-3) : deliveries.at(-1)
        const again = at % 7 === 0 ? deliveries.at(-1) : undefined
        for (const one of [sent, again]) {
          if (one === undefined) continue
          const { status, run } = await deliverPush(deployment, one)
          assert.equal(status, 202)
          assert.ok(run)
        }
      }
      for (const delivery of deliveries) assert.equal((await deliverPush(deployment, delivery)).status, 202)
      const describeAll = async (): Promise<string> =>
        JSON.stringify(await Promise.all(fleet.views.map(async (view) => [view.namespace, await fleet.valuesOf(view)])))
      for (const view of [...others, slow]) await until(() => isAt(fleet, view, history), 120, describeAll)
      for (const view of [deadOne, deadTwo])
        assert.deepEqual(await fleet.valuesOf(view), {}, 'nothing could be written')
      const asked = deadOne.requests
      for (const view of [...others, slow]) assertNoNeedlessWrites(view, history)
      await sleep(3_000)
      assert.ok(
        deadOne.requests - asked < 60,
        `a dead cluster was asked ${deadOne.requests - asked} times in 3 seconds`,
      )
      for (const view of [deadOne, deadTwo]) view.behave('alive')
      for (const view of [deadOne, deadTwo]) await until(() => isAt(fleet, view, history), 120, describeAll)
      for (const view of fleet.views) assertNoNeedlessWrites(view, history)
    })
  })
}
