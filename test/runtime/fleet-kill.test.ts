import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Run } from '../../src/coordinator/index.ts'
import { bundleDeployment } from '../support/bundled-program.ts'
import { useCluster } from '../support/cluster.ts'
import { deliverPush, deploymentEnvironment, githubSecret, triggerToken } from '../support/deployment.ts'
import { createFleet } from '../support/fleet.ts'
import { createKillableServer, type KillableServer } from '../support/killed-server.ts'
import { createChooser } from '../support/random-choices.ts'

const cluster = useCluster()
const closers: (() => Promise<void>)[] = []

after(async () => {
  for (const close of closers.toReversed()) await close()
})

const apps = ['one', 'two', 'three']
const kills = 100

/** Delivers a push as often as it takes until it is accepted, as a sender does who is told nothing. Returns the run. */
async function deliverAnyhow(
  url: string,
  push: { readonly url: string; readonly deliveryId: string },
): Promise<string> {
  for (;;) {
    const answer = await deliverPush({ url, githubSecret }, push).catch(() => undefined)
    if (answer?.status === 202 && answer.run !== undefined) return answer.run
    await sleep(20)
  }
}

async function runOf(server: KillableServer, id: string): Promise<Run> {
  const response = await fetch(`${server.url}/runs/${id}`, { headers: { authorization: `Bearer ${triggerToken}` } })
  assert.equal(response.status, 200, `the run ${id} was accepted and is not known`)
  return (await response.json()) as Run
}

it(
  'killed 100 times at random under a load of pushes to 20 clusters, nothing is lost and nothing done twice',
  { timeout: 900_000 },
  async () => {
    const fleet = await createFleet(cluster, { clusters: 20, apps })
    closers.push(() => fleet.close())
    const [dead, alsoDead, slow, ...others] = fleet.views
    assert.ok(dead !== undefined && alsoDead !== undefined && slow !== undefined)
    dead.behave('dead')
    alsoDead.behave('dead')
    slow.behave({ slowMs: 100 })
    const directory = await mkdtemp(join(tmpdir(), 'sluice-kill-'))
    closers.push(() => rm(directory, { recursive: true, force: true }))
    const server = await createKillableServer(bundleDeployment(join(directory, 'program')), {
      ...deploymentEnvironment({ clusters: fleet.clusters, scanIntervalSeconds: 30 }),
      DATA_DIR: join(directory, 'data'),
    })
    closers.push(() => server.kill())
    await server.start()

    const choose = createChooser(11)
    const last: { [app: string]: string } = Object.fromEntries(apps.map((app) => [app, 'start']))
    const changes: { [app: string]: number } = {}
    const accepted: string[] = []
    let isOver = false
    const load = (async () => {
      for (let at = 0; at < 50 || !isOver; at++) {
        const app = choose(apps)
        await fleet.change(app, `${at}`)
        last[app] = `${at}`
        changes[app] = (changes[app] ?? 0) + 1
        accepted.push(await deliverAnyhow(server.url, { url: fleet.repository.url, deliveryId: `push-${at}` }))
        await sleep(choose([0, 50, 200, 1_000]))
      }
    })()
    for (let at = 0; at < kills; at++) {
      await sleep(choose([5, 20, 50, 100, 200, 400, 800]))
      await server.kill()
      await server.start()
    }
    isOver = true
    await load

    for (const view of [dead, alsoDead]) view.behave('alive')
    slow.behave('alive')
    const end = Date.now() + 180_000
    for (const view of [...others, slow, dead, alsoDead]) {
      for (;;) {
        const values = await fleet.valuesOf(view)
        if (apps.every((app) => values[app] === last[app])) break
        assert.ok(
          Date.now() < end,
          `${view.namespace} stays at ${JSON.stringify(values)}, wanted ${JSON.stringify(last)}`,
        )
        await sleep(250)
      }
    }
    // Those that were put off while clusters were away wait for most of a minute.
    const lastEnd = Date.now() + 180_000
    for (const id of accepted) {
      for (;;) {
        const run = await runOf(server, id)
        if (!['queued', 'running'].includes(run.state)) {
          assert.equal(run.state, 'succeeded', JSON.stringify(run).slice(0, 2_000))
          break
        }
        assert.ok(Date.now() < lastEnd, `the run ${id} does not end: ${JSON.stringify(run).slice(0, 2_000)}`)
        await sleep(250)
      }
    }
    for (const view of fleet.views) {
      for (const app of apps) {
        for (const which of ['first', 'second']) {
          const written = view.writes.filter(({ object }) => object === `configmaps/${app}-${which}`).length
          const most = (changes[app] ?? 0) + 1
          assert.ok(
            written <= most,
            `${view.namespace}: ${app}-${which} was written ${written} times for ${most} revisions`,
          )
        }
      }
    }
  },
)
