import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeStateStore, openDatabase, systemClock } from '../../src/platforms/node/index.ts'
import type { StateStore } from '../../src/ports/index.ts'
import { startBrowser, withoutBrowser } from '../support/browser.ts'
import { triggerToken } from '../support/deployment.ts'
import { saveRun } from '../support/observed-state.ts'
import { gitRepository, kustomization, newCommit, oldCommit, readyCondition } from '../support/summary-objects.ts'
import { percentile, round, type Bench } from './rows.ts'
import { peakMemory, spawnServer, type BenchedServer } from './server.ts'

const applications = 1_000
const clusters = Array.from({ length: 20 }, (_, i) => `cluster-${String(i).padStart(2, '0')}`)
const samples = 15

/**
 * The page of all applications in all clusters, from a deployment in a process of its own whose store holds 20,000 summaries as runs save them: time to the first byte, and to a page that can be used in
 * a real browser, for the first page, the last one and a filter.
 */
export const bench: Bench = async (log) => {
  if (withoutBrowser !== false) throw new Error(withoutBrowser)
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  await fill(join(directory, 'data'), log)
  const server = await startPageServer(directory)
  const browser = await startBrowser()
  try {
    const idle = await peakMemory(server.process)
    const views = { first: '/ui', last: '/ui?page=9999', filtered: '/ui?state=failed&text=app-1' }
    const rows = []
    for (const [name, path] of Object.entries(views)) {
      const byte: number[] = []
      let bytes = 0
      for (let i = 0; i < samples; i++) {
        const started = performance.now()
        const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${triggerToken}` } })
        const reader = response.body?.getReader()
        const first = await reader?.read()
        byte.push(performance.now() - started)
        bytes = first?.value?.length ?? 0
        for (;;) {
          const next = await reader?.read()
          if (next?.done !== false) break
          bytes += next.value.length
        }
        if (response.status !== 200) throw new Error(`${path} was answered with ${response.status}`)
      }
      rows.push({ name: `first byte, ${name}`, ms: round(percentile(byte, 0.5)), bytes })
      const usable: number[] = []
      const context = await browser.newContext({ extraHTTPHeaders: { authorization: `Bearer ${triggerToken}` } })
      for (let i = 0; i < samples; i++) {
        const page = await context.newPage()
        await page.goto(`${server.url}${path}`, { waitUntil: 'domcontentloaded' })
        usable.push(Number(await page.evaluate(usableAfter)))
        await page.close()
      }
      await context.close()
      rows.push({ name: `interactive, ${name}`, ms: round(percentile(usable, 0.5)) })
    }
    const mb = await peakMemory(server.process)
    return [...rows, { name: 'memory', mb, beside: `${idle} MB before the first page` }]
  } finally {
    await browser.close()
    await server.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Milliseconds between the start of the navigation and the first frame after the script has run: what is shown can be read, followed and typed into. */
const usableAfter = `new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))))`

/** Saves what twenty clusters with a thousand applications leave behind, through the engine's own code. */
async function fill(dataDir: string, log: (line: string) => void): Promise<void> {
  const database = openDatabase(join(dataDir, 'sluice.db'), { durability: 'process' })
  const state: StateStore = createNodeStateStore(database, systemClock)
  const now = Date.now()
  for (const [number, cluster] of clusters.entries()) {
    const apps = Array.from({ length: applications }, (_, i) => application(i, number))
    const request = { id: '01bench00000000000000000', trigger: 'scan', receivedAt: now, clusters } as const
    await saveRun(state, request, cluster, [gitRepository(newCommit), ...apps], [])
    await state.put(`clusters/${cluster}`, { cluster, lastSeenAt: now })
  }
  database.close()
  log(`  ${clusters.length} clusters with ${applications} applications each are saved`)
}

function application(index: number, cluster: number): ReturnType<typeof kustomization> {
  const isFailed = (index * 7 + cluster) % 97 === 0
  const isLate = (index + cluster) % 41 === 0
  return kustomization(`app-${index}`, {
    namespace: `team-${index % 40}`,
    applied: isFailed || isLate ? oldCommit : newCommit,
    inventory: 12,
    ...(isFailed ? { ready: readyCondition('False', 'BuildFailed', 'kustomization.yaml: no such file') } : {}),
    ...(isLate
      ? {
          ready: readyCondition('False', 'DependencyNotReady', 'waits'),
          spec: { dependsOn: [{ name: 'app-0', namespace: 'team-0' }] },
        }
      : {}),
  })
}

/** Its clusters do not answer, which is no matter to the pages. */
function startPageServer(directory: string): Promise<BenchedServer> {
  const listed = clusters.map((name) => ({ name, server: 'https://127.0.0.1:9', tokenSecret: 'NO_TOKEN' }))
  return spawnServer(directory, { clusters: listed, env: { NO_TOKEN: 'none' } })
}
