import { fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleBenchProcess } from './bundled-worker.ts'
import { percentile, round, type BenchRow } from './rows.ts'

const runs = 3
const charts = 400
const versions = 100
/** What one process is told, and what it answers. */
export interface HelmIndexRequest {
  readonly kind: 'stream' | 'whole'
  readonly url: string
}
export interface HelmIndexResult {
  readonly ms: number
  readonly mb: number
  /** Memory of the process before it began. */
  readonly baseMb: number
}

/** An index of 40 MB, of which the entries of one chart are wanted: time and peak memory in a process of its own, beside parsing the whole. */
export async function bench(log: (line: string) => void): Promise<readonly BenchRow[]> {
  const index = makeLargeIndex()
  log(`an index of ${(index.length / 1e6).toFixed(1)} MB with ${charts} charts of ${versions} versions`)
  const server = createServer((_, response) => void response.end(index))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const programs = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const program = await bundleBenchProcess('helm-index-worker', programs)
  const rows = [
    await measure(program, '40 MB index, one chart', { kind: 'stream', url }),
    await measure(program, '40 MB index, parsed as a whole', { kind: 'whole', url }),
  ]
  await rm(programs, { recursive: true, force: true })
  server.close()
  return rows
}

async function measure(program: string, name: string, request: HelmIndexRequest): Promise<BenchRow> {
  const results: HelmIndexResult[] = []
  // The whole takes a minute: once is enough to compare with.
  for (let i = 0; i < (request.kind === 'stream' ? runs : 1); i++) results.push(await work(program, request))
  return {
    name,
    ms: round(
      percentile(
        results.map((one) => one.ms),
        0.5,
      ),
    ),
    mb: round(Math.max(...results.map((one) => one.mb))),
    requests: 1,
    beside: `the process alone: ${round(Math.max(...results.map((one) => one.baseMb)))} MB`,
  }
}

function work(program: string, request: HelmIndexRequest): Promise<HelmIndexResult> {
  return new Promise((resolve, reject) => {
    const child = fork(program, [], { stdio: 'inherit' })
    child.once('message', (message) => resolve(message as HelmIndexResult))
    child.once('exit', (code) => reject(new Error(`the worker ended with ${code}`)))
    child.send(request)
  })
}

function makeLargeIndex(): Buffer {
  const filler =
    'A chart for Kubernetes that does many things, described at some length so that the index is as large as real ones are. '.repeat(
      7,
    )
  const parts = ['apiVersion: v1\nentries:\n']
  for (let chart = 0; chart < charts; chart++) {
    parts.push(`  chart-${chart}:\n`)
    for (let version = 0; version < versions; version++)
      parts.push(
        `  - apiVersion: v2\n    created: "2024-01-01T00:00:00Z"\n    description: ${filler}\n    digest: ${'0'.repeat(64)}\n    name: chart-${chart}\n    urls:\n    - https://charts.example/chart-${chart}-1.${version}.0.tgz\n    version: 1.${version}.0\n`,
      )
  }
  return Buffer.from(parts.join(''))
}
