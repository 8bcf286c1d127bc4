/**
 * The process that `git.ts` measures: fetches when it is told to and reports time and peak memory.
 */
import { readFileSync } from 'node:fs'
import { MemoryFs } from '../../src/sources/git/memory-fs.ts'
import type { GitArtifact } from '../../src/sources/index.ts'
import { fetchArtifact } from '../../src/sources/index.ts'
import { makeGitDeps } from '../support/git-sources.ts'

export interface GitBenchRequest {
  readonly kind: 'own' | 'isomorphic'
  readonly url: string
  /** 0: one cold fetch. Otherwise a fetch that is not measured, then so many that are, each after a push. */
  readonly runs: number
}

export interface GitBenchResult {
  readonly ms: number
  readonly mb: number
  /** Memory of the process before it began. */
  readonly baseMb: number
  /** Milliseconds of these in which the server worked. */
  readonly serverMs: number
  readonly requests: number
  readonly bytes: number
}

const directory = 'apps/team-7/app-7'
const ref = { branch: 'main' }

process.once('message', (message) => {
  serve(message as GitBenchRequest).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
})

async function serve(request: GitBenchRequest): Promise<void> {
  const deps = makeGitDeps()
  let artifact: GitArtifact | undefined
  const fetchOwn = async (): Promise<void> => {
    const previous = artifact === undefined ? {} : { previous: artifact.commit.id }
    artifact = await fetchArtifact(deps, { url: request.url, ref, ...previous })
    await artifact.prefetch([directory])
    for (const { name } of artifact.files.list(directory)) artifact.files.read(`${directory}/${name}`)
  }
  const fetchOnce = request.kind === 'own' ? fetchOwn : () => cloneIsomorphic(request.url)
  const baseMb = peakMegabytes()
  if (request.runs > 0) await fetchOnce()
  process.on('message', (message) => {
    if (message !== 'go') return
    const start = performance.now()
    void fetchOnce().then(() => {
      process.send?.({ ms: performance.now() - start, mb: peakMegabytes(), baseMb })
    })
  })
  process.once('disconnect', () => deps.close())
  process.send?.('ready')
}

async function cloneIsomorphic(url: string): Promise<void> {
  const { default: git } = await import('isomorphic-git')
  const { default: http } = await import('isomorphic-git/http/node')
  const fs = new MemoryFs(2 ** 31)
  await git.init({ fs, dir: '/', gitdir: '/git', bare: true })
  await git.addRemote({ fs, gitdir: '/git', remote: 'origin', url })
  await git.fetch({ fs, http, gitdir: '/git', ref: 'main', singleBranch: true, depth: 1, tags: false })
  const oid = await git.resolveRef({ fs, gitdir: '/git', ref: 'refs/remotes/origin/main' })
  const cache = {}
  const { tree } = await git.readTree({ fs, gitdir: '/git', oid, filepath: directory, cache })
  for (const entry of tree) await git.readBlob({ fs, gitdir: '/git', oid: entry.oid, cache })
}

/** The peak of this process alone: `maxRSS` would start with that of the process which it was forked from. */
function peakMegabytes(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}
