import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createDirectoryBlobStore } from '../../src/platforms/node/index.ts'
import { GitObjectCache } from '../../src/sources/index.ts'
import { GitServer } from '../support/git-server.ts'
import { makeGitDeps } from '../support/git-sources.ts'
import { runGitSteps } from '../support/git-steps.ts'

const kills = 3

describe('a cache on disk that several processes share', () => {
  it('gives the right files after its writers were killed at any moment', async () => {
    await using server = await GitServer.start()
    const files: { [path: string]: string } = {}
    for (let i = 0; i < 60; i++) files[`d${i % 5}/f${i}.yaml`] = `${i}: ${'x'.repeat(2000 + i)}\n`
    const { url } = await server.create('team/kill', files)
    const directory = mkdtempSync(join(tmpdir(), 'sluice-kill-'))
    const store = createDirectoryBlobStore({ directory })
    try {
      for (let round = 0; round < kills; round++) {
        const script = join(import.meta.dirname, '../support/git-fetcher.ts')
        const pair = [1, 2].map(() =>
          spawn(process.execPath, [script, url, directory], { stdio: ['ignore', 'pipe', 'inherit'] }),
        )
        const said: string[] = []
        for (const child of pair) child.stdout.on('data', (part: Buffer) => said.push(part.toString()))
        // Killed a little later each time after the first has started to fetch.
        server.reset()
        while (server.counters.requests < 2 + round * 3) await new Promise((resolve) => setTimeout(resolve, 2))
        for (const child of pair) child.kill('SIGKILL')
        await Promise.all(pair.map((child) => once(child, 'exit')))
        assert.doesNotMatch(said.join(''), /code/)
        const deps = makeGitDeps({ cache: new GitObjectCache({ store }) })
        const [seen] = await runGitSteps(deps, [{ url, options: { ref: { branch: 'main' } } }])
        deps.close()
        assert.deepEqual(seen?.files, files)
      }
    } finally {
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    }
  })
})
