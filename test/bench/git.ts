import { execFile, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GitServer } from '../support/git-server.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import type { BenchRow } from './rows.ts'
import { bundleBenchProcess } from './bundled-worker.ts'
import { percentile, round } from './rows.ts'
import type { GitBenchRequest, GitBenchResult } from './git-worker.ts'

const fileCount = 20_000
const directoryCount = 500
const fileBytes = 10_000
const runs = 5
const execute = promisify(execFile)

/**
 * Fetching one directory of a repository of 20,000 files and 200 MB: cold, and after a push of one file, each in a process of its own so that memory is measured; beside native git
 * and a shallow clone by isomorphic-git.
 */
export async function bench(log: (line: string) => void): Promise<readonly BenchRow[]> {
  await using server = await GitServer.start()
  const programs = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const program = await bundleBenchProcess('git-worker', programs)
  log(`making a repository of ${fileCount} files`)
  const repository = await server.create('bench/mono', makeFiles())
  await repository.git('repack', '-adq')
  log('measuring')
  const rows = [
    ...(await measureOwn(program, server, repository, 'cold')),
    ...(await measureOwn(program, server, repository, 'warm')),
    await measureNative(server, repository, 'native depth 1', ['--depth=1', '--bare']),
    await measureNative(server, repository, 'native depth 1, no blobs', ['--depth=1', '--bare', '--filter=blob:none']),
    await measureNativeFetch(server, repository),
    await measureIsomorphic(program, server, repository),
  ]
  await rm(programs, { recursive: true, force: true })
  return rows
}

/** As {@link bench}, without a log. */
export function run(): Promise<readonly BenchRow[]> {
  return bench(() => undefined)
}

function* makeFiles(): Generator<[path: string, content: string]> {
  // Half of it does not compress, as in real manifests with hashes and certificates.
  let seed = 1
  for (let i = 0; i < fileCount; i++) {
    const lines = [`kind: ConfigMap\nmetadata:\n  name: app-${i}\ndata:\n`]
    for (let size = 0; size < fileBytes; size += 100) {
      let noise = ''
      for (let n = 0; n < 5; n++) {
        seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
        noise += seed.toString(36).padStart(7, '0')
      }
      lines.push(`  key-${size}: "some text that repeats itself again and again ${noise}"\n`)
    }
    yield [`apps/team-${i % 20}/app-${i % directoryCount}/file-${i}.yaml`, lines.join('')]
  }
}

async function measureOwn(
  program: string,
  server: GitServer,
  repository: GitTestRepository,
  kind: 'cold' | 'warm',
): Promise<readonly BenchRow[]> {
  const all: GitBenchResult[] = []
  for (let i = 0; i < (kind === 'cold' ? runs : 1); i++) {
    const request = { kind: 'own', url: repository.url, runs: kind === 'cold' ? 0 : runs } as const
    all.push(...(await work(program, request, repository, server)))
  }
  const mb = Math.max(...all.map((one) => one.mb))
  const baseMb = Math.max(...all.map((one) => one.baseMb))
  const row = {
    ms: round(median(all.map((one) => one.ms))),
    mb: round(mb),
    requests: median(all.map((one) => one.requests)),
    bytes: median(all.map((one) => one.bytes)),
    beside: `the process alone: ${round(baseMb)} MB`,
  }
  const name = kind === 'cold' ? 'cold, one directory' : 'warm, one file changed'
  // The server's own time is that of native git, which runs beside it on the same processors.
  const own = round(median(all.map((one) => one.ms - one.serverMs)))
  return [
    { name, ...row },
    { name: `${name}, besides the server's time`, ms: own, mb: round(mb - baseMb), beside: 'MB: what the fetch adds' },
  ]
}

/** Starts a process that fetches; for each of its runs the repository gets a push first, and what went over the wire is counted. */
async function work(
  program: string,
  request: GitBenchRequest,
  repository: GitTestRepository,
  server: GitServer,
): Promise<GitBenchResult[]> {
  const child = fork(program, [], { stdio: 'inherit' })
  const results: GitBenchResult[] = []
  const done = Promise.withResolvers<void>()
  const next = async (): Promise<void> => {
    if (request.runs > 0) {
      await repository.commit({ 'apps/team-7/app-7/file-7.yaml': `pushed: ${results.length} ${performance.now()}\n` })
    }
    server.reset()
    child.send('go')
  }
  child.on('message', (message: 'ready' | Omit<GitBenchResult, 'requests' | 'bytes' | 'serverMs'>) => {
    if (message !== 'ready') {
      const { requests, bytesSent, busyMs } = server.reset()
      results.push({ ...message, requests, bytes: bytesSent, serverMs: busyMs })
    }
    if (results.length < Math.max(1, request.runs)) next().catch(done.reject)
    else child.disconnect()
  })
  child.once('exit', (code) => (code === 0 ? done.resolve() : done.reject(new Error(`the worker ended with ${code}`))))
  child.send(request)
  await done.promise
  return results
}

async function measureNative(
  server: GitServer,
  repository: GitTestRepository,
  name: string,
  options: readonly string[],
): Promise<BenchRow> {
  const times: number[] = []
  let bytes = 0
  for (let i = 0; i < runs; i++) {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
    server.reset()
    const start = performance.now()
    await execute('git', ['clone', '--quiet', ...options, repository.url, join(directory, 'clone')])
    times.push(performance.now() - start)
    bytes = server.reset().bytesSent
    await rm(directory, { recursive: true, force: true })
  }
  return { name, ms: round(median(times)), bytes }
}

/** What native git needs after a push of one file, on top of a partial clone; without the file itself. */
async function measureNativeFetch(server: GitServer, repository: GitTestRepository): Promise<BenchRow> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-bench-'))
  const clone = join(directory, 'clone')
  await execute('git', ['clone', '--quiet', '--bare', '--depth=1', '--filter=blob:none', repository.url, clone])
  const times: number[] = []
  const sent: number[] = []
  for (let i = 0; i < runs; i++) {
    await repository.commit({ 'apps/team-7/app-7/file-7.yaml': `fetched: ${i} ${performance.now()}\n` })
    server.reset()
    const start = performance.now()
    await execute('git', ['-C', clone, 'fetch', '--quiet', '--depth=1', 'origin', 'main'])
    times.push(performance.now() - start)
    sent.push(server.reset().bytesSent)
  }
  await rm(directory, { recursive: true, force: true })
  return { name: 'native fetch, no blobs', ms: round(median(times)), bytes: median(sent) }
}

async function measureIsomorphic(program: string, server: GitServer, repository: GitTestRepository): Promise<BenchRow> {
  const [result] = await work(program, { kind: 'isomorphic', url: repository.url, runs: 0 }, repository, server)
  if (result === undefined) throw new Error('no result')
  return {
    name: 'isomorphic full',
    ms: round(result.ms),
    mb: round(result.mb),
    bytes: result.bytes,
    requests: result.requests,
    beside: '1 run',
  }
}

function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}
