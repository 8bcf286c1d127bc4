import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageVersion } from '../../src/coordinator/index.ts'
import { bundleDeployment } from '../support/bundled-program.ts'
import { useCluster } from '../support/cluster.ts'
import { awaitRun, deliverPush, deploymentEnvironment, githubSecret, triggerToken } from '../support/deployment.ts'
import { createFleet, type Fleet } from '../support/fleet.ts'
import { createKillableServer, type KillableServer } from '../support/killed-server.ts'
import type { NamespacedView } from '../support/namespaced-view.ts'

const cluster = useCluster()
const apps = ['one', 'two', 'three', 'four']

let directory: string
let program: string
let environment: { readonly [name: string]: string }
let fleet: Fleet
let server: KillableServer

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-upgrade-'))
  fleet = await createFleet(cluster, { clusters: 2, apps })
  program = bundleDeployment(join(directory, 'program'))
  environment = {
    ...deploymentEnvironment({ clusters: fleet.clusters, scanIntervalSeconds: 3_600 }),
    DATA_DIR: join(directory, 'data'),
  }
  server = await createKillableServer(program, environment)
})
after(async () => {
  await server.kill()
  await fleet.close()
  await rm(directory, { recursive: true, force: true })
})

async function health(): Promise<{ readonly build?: string; readonly version?: string }> {
  return (await (await fetch(`${server.url}/healthz`)).json()) as { build?: string; version?: string }
}

/** Waits for what must come, however slow the machine is. */
async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + 120_000; !(await condition()); await sleep(20))
    assert.ok(Date.now() < end, `did not happen: ${what}`)
}

/** The ConfigMaps that were written through a view since it had made `from` writes, as often as they were. */
function writtenSince(view: NamespacedView, from = 0): readonly string[] {
  return view.writes.slice(from).flatMap(({ object }) => (object.startsWith('configmaps/') ? [object] : []))
}

/** Changes every application, delivers the push, and waits until the run has written something but not everything. */
async function pushUntilMidRun(value: string): Promise<string> {
  for (const view of fleet.views) view.behave({ slowMs: 100 })
  const before = marks()
  for (const app of apps) await fleet.change(app, value)
  const answer = await deliverPush({ url: server.url, githubSecret }, { url: fleet.repository.url })
  assert.equal(answer.status, 202)
  await until(
    () => fleet.views.some((view, at) => writtenSince(view, before[at]).length > 0),
    'a first write of the run',
  )
  assert.notEqual(answer.run, undefined)
  return answer.run ?? ''
}

async function assertDone(run: string, value: string, already: readonly number[]): Promise<void> {
  for (const view of fleet.views) view.behave('alive')
  const ended = await awaitRun({ url: server.url, triggerToken }, run, 120_000, 100)
  assert.equal(ended.state, 'succeeded', JSON.stringify(ended).slice(0, 2_000))
  for (const [at, view] of fleet.views.entries()) {
    const wanted = Object.fromEntries(apps.map((app) => [app, value]))
    assert.deepEqual(await fleet.valuesOf(view), wanted)
    const written = writtenSince(view, already[at])
    assert.equal(written.length, new Set(written).size, `an object was written twice: ${written.join(', ')}`)
    // A write that was under way when the program was killed took place without its answer being seen: it is counted by nobody.
    assert.ok(written.length <= apps.length * 2)
  }
}

function marks(): readonly number[] {
  return fleet.views.map((view) => view.writes.length)
}

function inDatabase<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(directory, 'data/sluice.db'))
  try {
    return work(database)
  } finally {
    database.close()
  }
}

// One test: the namespaces of a test are deleted at its end.
const steps: { readonly title: string; readonly work: () => Promise<void> }[] = []

function step(title: string, work: () => Promise<void>): void {
  steps.push({ title, work })
}

step('an upgrade in the middle of a run: the old version lets go, the new one finishes it', async () => {
  await server.start({ BUILD_ID: 'a' })
  assert.equal((await health()).build, 'a')
  // As the views count them: an object can be seen in the cluster before that.
  for (const view of fleet.views)
    await until(() => writtenSince(view).length === apps.length * 2, 'all writes of the first scan')
  const already = marks()
  const run = await pushUntilMidRun('upgraded')
  assert.equal(await server.stop(), 0)
  await server.start({ BUILD_ID: 'b' })
  assert.equal((await health()).build, 'b')
  await assertDone(run, 'upgraded', already)
})

step('a rollback after the new version was killed in the middle of a run: the old one finishes it', async () => {
  const already = marks()
  const run = await pushUntilMidRun('killed')
  await server.kill()
  await server.start({ BUILD_ID: 'a' })
  await assertDone(run, 'killed', already)
})

step('what a newer version has put into the queue waits for it, and holds up nothing', async () => {
  await server.stop()
  const newer = JSON.stringify({ version: messageVersion + 1, job: { kind: 'dance', cluster: 'c0', runId: 'newer' } })
  inDatabase((database) =>
    database.prepare('INSERT INTO queue (lane, body, due_at, attempts) VALUES (?, ?, 0, 11)').run('c0', newer),
  )
  await server.start({ BUILD_ID: 'a' })
  const already = marks()
  const run = await pushUntilMidRun('beside')
  await assertDone(run, 'beside', already)
  await server.stop()
  const kept = inDatabase((database) => database.prepare('SELECT body, due_at, attempts FROM queue').all())
  const own = kept.filter((row) => String(row['body']).includes('dance'))
  assert.deepEqual(
    own.map((row) => row['body']),
    [newer],
  )
  assert.equal(own[0]?.['attempts'], 0, 'it has all its attempts before it')
  assert.ok(Number(own[0]?.['due_at']) > Date.now())
  assert.deepEqual(
    inDatabase((database) => database.prepare('SELECT * FROM dead_letters').all()),
    [],
  )
})

step(
  'a version that is too old for the state says so, with an exit code that stops restarts, and changes nothing',
  async () => {
    const mark = (schema: number): void =>
      inDatabase((database) => {
        database.prepare('UPDATE schema_version SET version = ?, readable_from = ?').run(schema, schema)
      })
    mark(99)
    const env = { ...environment, PORT: '0', PATH: process.env['PATH'] ?? '' }
    const refused = spawnSync(process.execPath, [program], { env, encoding: 'utf8', timeout: 60_000 })
    assert.equal(refused.status, 78, refused.stderr)
    assert.match(
      refused.stderr,
      /^Sluice does not start: the state was written by a newer version of Sluice \(its schema is 99/,
    )
    mark(1)
    await server.start({ BUILD_ID: 'b' })
    assert.equal((await health()).build, 'b')
  },
)

it('another version on the same data', { timeout: 600_000 }, async () => {
  for (const { title, work } of steps) {
    await work().catch((error: unknown) => {
      throw new Error(title, { cause: error })
    })
  }
})
