import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { useCluster } from '../support/cluster.ts'
import { configMapTemplate, createReleaseScenario } from '../support/release-scenario.ts'

const cluster = useCluster()
const run = promisify(execFile)
const main = new URL('../../src/cli/main.ts', import.meta.url).pathname

describe('debug helmrelease', () => {
  it('prints each value with where it comes from, those of Secrets redacted', async () => {
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    const directory = await mkdtemp(join(tmpdir(), 'debug-'))
    after(async () => {
      await made.close()
      await rm(directory, { recursive: true })
    })
    const { server, caPem, token } = cluster.address
    const kubeconfig = join(directory, 'config')
    const text = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [
        { name: 'c', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
      ],
      users: [{ name: 'u', user: { token } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    }
    await writeFile(kubeconfig, JSON.stringify(text))
    const { namespace } = made
    for (const object of [
      { kind: 'ConfigMap', metadata: { name: 'common', namespace }, data: { 'values.yaml': 'image: {tag: "1"}' } },
      { kind: 'Secret', metadata: { name: 'login', namespace }, stringData: { word: 'canary-of-a-value' } },
    ])
      await made.client.apply({ apiVersion: 'v1', ...object })
    await made.release({
      valuesFrom: [
        { kind: 'ConfigMap', name: 'common' },
        { kind: 'Secret', name: 'login', valuesKey: 'word', targetPath: 'login.word' },
      ],
      values: { image: { pull: 'Always' } },
    })
    const debug = async (...more: string[]): Promise<string> => {
      const args = [main, 'debug', 'helmrelease', 'app', '-n', namespace, '--kubeconfig', kubeconfig, ...more]
      return (await run(process.execPath, args)).stdout
    }
    assert.deepEqual((await debug()).replaceAll(/ {2,}/g, '  ').trimEnd().split('\n'), [
      `image.tag: "1"  # ConfigMap/${namespace}/common, key values.yaml`,
      'image.pull: "Always"  # spec.values',
      `login.word: **redacted**  # Secret/${namespace}/login, key word`,
    ])
    const json = await debug('-o', 'json')
    assert.equal(json.includes('canary'), false)
    assert.deepEqual(JSON.parse(json)[2], {
      path: 'login.word',
      from: `Secret/${namespace}/login, key word`,
      redacted: true,
    })
    await assert.rejects(
      run(process.execPath, [main, 'debug', 'hr', 'none', '-n', namespace, '--kubeconfig', kubeconfig]),
      /HelmRelease '.*\/none' was not found/,
    )
  })
})
