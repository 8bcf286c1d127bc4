import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { useCluster } from '../support/cluster.ts'
import { fluxBinary } from '../support/flux-binary.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const flux = await fluxBinary()

/** A cluster that nobody but this engine serves, as Flux's own command line sees it. */
describe('the flux command line', { skip: flux === undefined ? 'there is no flux on the PATH' : false }, () => {
  let made: Scenario
  let directory: string
  let stop = false
  let serving: Promise<void> | undefined

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-flux-'))
    made = await createScenario(cluster, {
      files: {
        'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: { a: "1" }\n',
      },
    })
    await made.kustomization()
    await made.pushed()
    const { server, caPem, token } = cluster.address
    await writeFile(
      join(directory, 'kubeconfig'),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [
          { name: 'c', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
        ],
        users: [{ name: 'u', user: { token } }],
      }),
      { mode: 0o600 },
    )
    serving = (async () => {
      while (!stop) {
        await made.scan()
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    })()
  })
  after(async () => {
    stop = true
    await serving
    await made.close()
    await rm(directory, { recursive: true, force: true })
  })

  const run = async (...args: readonly string[]): Promise<string> => {
    const all = [...args, '-n', made.namespace, '--timeout', '50s', '--kubeconfig', join(directory, 'kubeconfig')]
    const { stdout, stderr } = await promisify(execFile)(flux ?? 'flux', all)
    return stdout + stderr
  }

  it('get: ready, with the applied revision', async () => {
    const text = await run('get', 'kustomizations')
    const revision = `main@sha1:${((await made.repository.head()) ?? '').slice(0, 8)}`
    assert.match(text, new RegExp(`app\\s+${revision}\\s+False\\s+True\\s+Applied revision: ${revision}`))
    assert.match(await run('get', 'sources', 'git'), new RegExp(`app\\s+${revision}\\s+False\\s+True`))
  })

  it('reconcile: asks, and sees that it was done', async () => {
    assert.match(await run('reconcile', 'kustomization', 'app'), /applied revision main@sha1:/)
    assert.match(await run('reconcile', 'source', 'git', 'app'), /fetched revision main@sha1:/)
  })

  it('suspend and resume', async () => {
    assert.match(await run('suspend', 'kustomization', 'app'), /kustomizations? suspended/)
    assert.match(await run('get', 'kustomizations'), /app\s+\S+\s+True\s/)
    assert.match(await run('resume', 'kustomization', 'app'), /applied revision main@sha1:/)
  })

  it('tree: the inventory', async () => {
    const text = await run('tree', 'kustomization', 'app')
    assert.match(text, new RegExp(`Kustomization/${made.namespace}/app\\n└── ConfigMap/${made.namespace}/a`))
  })

  it('trace: from an object to its source', async () => {
    const text = await run('trace', 'a', '--api-version', 'v1', '--kind', 'ConfigMap')
    assert.match(text, /Kustomization:\s+app/)
    assert.match(text, /GitRepository:\s+app/)
    assert.match(text, /Revision:\s+main@sha1:/)
  })

  it('events: with the reasons of Flux', async () => {
    assert.match(await run('events', '--for', 'Kustomization/app'), /ReconciliationSucceeded|Progressing/)
  })
})
