import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { RenderJob } from '../support/helm-worker.ts'
import { startWorker } from '../support/workerd.ts'

const corpus = new URL('../../../shared/corpus/helm/', import.meta.url).pathname
const program = new URL('../../src/cli/main.ts', import.meta.url).pathname
const skip = existsSync(corpus) ? false : 'the shared corpus is not there'

/** The case of the corpus whose chart prints most, of those without values files and arguments and with a chart of their own. */
function largest(): { directory: string; release: string; namespace: string; expected: string } {
  let found: { directory: string; release: string; namespace: string; size: number } | undefined
  for (const name of readdirSync(corpus)) {
    const directory = join(corpus, name)
    const expected = join(directory, 'expected.yaml')
    if (!existsSync(expected) || !existsSync(join(directory, 'chart', 'Chart.yaml'))) continue
    const { size } = statSync(expected)
    const meta = JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8')) as {
      release: string
      namespace: string
      values?: string[]
      args?: string[]
    }
    if ((meta.values ?? []).length > 0 || (meta.args ?? []).length > 0) continue
    if (found === undefined || size > found.size) found = { directory, size, ...meta }
  }
  assert.ok(found !== undefined)
  return { ...found, expected: readFileSync(join(found.directory, 'expected.yaml'), 'utf8') }
}

function filesBelow(root: string, path = ''): { [path: string]: string } {
  const files: { [path: string]: string } = {}
  for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
    const inside = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.isDirectory()) Object.assign(files, filesBelow(root, inside))
    else files[inside] = readFileSync(join(root, inside), 'utf8')
  }
  return files
}

test('the largest chart of the corpus renders inside workerd, in an isolate of 128 MB', { skip }, async (t) => {
  const { directory, release, namespace, expected } = largest()
  const entry = new URL('../support/helm-worker.ts', import.meta.url)
  const worker = await startWorker({ env: {}, entry, inspect: true })
  try {
    const job: RenderJob = { files: filesBelow(join(directory, 'chart')), release, namespace, values: '' }
    const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(job) })
    assert.equal(await response.text(), expected)
    // The runtime sets no limit here. V8 gives memory back late, so this is close to the most it has had.
    const megabytes = (await worker.heapBytes()) / 1e6
    t.diagnostic(`${megabytes.toFixed(0)} MB of heap`)
    assert.ok(megabytes < 128, `${megabytes} MB`)
  } finally {
    await worker.stop()
  }
})

test('the largest chart of the corpus renders in a heap of 96 MB', { skip }, async () => {
  const { directory, release, namespace, expected } = largest()
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--max-old-space-size=80',
      '--max-semi-space-size=8',
      program,
      'helm',
      'template',
      release,
      join(directory, 'chart'),
      '-n',
      namespace,
    ],
    { maxBuffer: 1 << 28 },
  )
  assert.equal(stdout, expected)
})
