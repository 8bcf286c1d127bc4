import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, describe, it } from 'node:test'
import { currentSchema } from '../../src/platforms/schema-version.ts'
import { deliverPush, githubSecret, triggerToken } from '../support/deployment.ts'
import { startWorker, type RunningWorker } from '../support/workerd.ts'

const directory = await mkdtemp(join(tmpdir(), 'sluice-worker-versions-'))
after(() => rm(directory, { recursive: true, force: true }))

const env = {
  CLUSTERS: '[{"name":"away","server":"https://127.0.0.1:9"}]',
  GITHUB_WEBHOOK_SECRET: githubSecret,
  TRIGGER_TOKEN: triggerToken,
  BUILD_ID: 'of-the-test',
}

async function using<T>(
  options: Parameters<typeof startWorker>[0],
  work: (worker: RunningWorker) => Promise<T>,
): Promise<T> {
  const worker = await startWorker(options)
  try {
    return await work(worker)
  } finally {
    await worker.stop()
  }
}

async function get(worker: RunningWorker, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(`${worker.url}${path}`, { headers: { authorization: `Bearer ${triggerToken}` } })
  return { status: response.status, text: await response.text() }
}

/** Files of the Durable Objects, written to while no worker runs. */
function markSchema(version: number, readableFrom: number): number {
  const files = globSync('**/*.sqlite', { cwd: directory }).filter((path) => /StateObject/.test(path))
  let marked = 0
  for (const path of files) {
    const database = new DatabaseSync(join(directory, path))
    const hasTable = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").get()
    if (hasTable !== undefined) {
      const found = database.prepare('SELECT version FROM schema_version').get()
      assert.ok(Number(found?.['version']) >= currentSchema.version)
      database.prepare('UPDATE schema_version SET version = ?, readable_from = ?').run(version, readableFrom)
      marked += 1
    }
    database.close()
  }
  return marked
}

void describe('a Worker', { timeout: 300_000 }, () => {
  void it('whose configuration is wrong answers everything with the names of the variables, and nothing else of it', () =>
    using(
      { env: { ...env, CLUSTERS: '[{"name":"secret-name","server":"no url"}]', SETTINGS: 'no json' } },
      async (worker) => {
        for (const path of ['/healthz', '/runs', '/ui']) {
          const { status, text } = await get(worker, path)
          assert.equal(status, 500)
          assert.deepEqual((JSON.parse(text) as { variables: readonly string[] }).variables, ['CLUSTERS', 'SETTINGS'])
          assert.ok(!text.includes('secret-name'))
        }
      },
    ))

  void it('uses the storage of a newer version that still fits, and refuses one that does not, without changing it', async () => {
    const run = await using({ env, persistDir: directory }, async (worker) => {
      assert.deepEqual(JSON.parse((await get(worker, '/healthz')).text), {
        status: 'ok',
        version: '0.1.0',
        build: 'of-the-test',
      })
      const { run: id = '' } = await deliverPush(
        { url: worker.url, githubSecret },
        { url: 'https://git.example/team/app.git' },
      )
      assert.equal((await get(worker, `/runs/${id}`)).status, 200)
      return id
    })
    assert.equal(markSchema(currentSchema.version + 1, currentSchema.readableFrom), 1)
    await using({ env, persistDir: directory }, async (worker) => {
      assert.equal((await get(worker, `/runs/${run}`)).status, 200)
    })
    assert.equal(markSchema(99, 99), 1)
    await using({ env, persistDir: directory }, async (worker) => {
      const refused = await get(worker, `/runs/${run}`)
      assert.equal(refused.status, 503)
      assert.match(refused.text, /written by a newer version of Sluice/)
    })
    assert.equal(markSchema(currentSchema.version, currentSchema.readableFrom), 1)
    await using({ env, persistDir: directory }, async (worker) => {
      assert.equal((await get(worker, `/runs/${run}`)).status, 200, 'nothing was lost')
    })
  })
})
