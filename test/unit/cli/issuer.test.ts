import { serve } from '@hono/node-server'
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createApp } from '../../../functions/app.ts'
import { parseYaml } from '../../../src/yaml/index.ts'
import { makeCertificates } from '../../support/certificates.ts'
import { readToken, testConfig, testDeps } from '../../support/function-deps.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'sluice-issuer-'))
let server: Server
let url = ''
before(async () => {
  const config = testConfig({
    clusters: [
      { name: 'prod', server: 'https://k8s.example', identity: { kind: 'oidc', audience: 'https://k8s.example' } },
      { name: 'old', server: 'https://old.example', tokenSecret: 'OLD' },
    ],
    issuer: { url: 'https://sluice.example', keys: { kind: 'fixed' }, tokenMs: 600_000, rotateEveryMs: 1 },
  })
  const app = createApp(testDeps({ config }))
  server = await new Promise<Server>((resolve) => {
    const started = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(started as Server))
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(async () => {
  rmSync(directory, { recursive: true, force: true })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const run = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const env = { ...process.env, SLUICE_URL: '', SLUICE_TOKEN: readToken }
    execFile(process.execPath, [main, 'issuer', 'authentication-config', ...args], { env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })

interface Printed {
  readonly apiVersion: string
  readonly jwt: readonly {
    readonly issuer: {
      readonly url: string
      readonly audiences: readonly string[]
      readonly certificateAuthority?: string
    }
    readonly claimValidationRules: readonly { readonly claim?: string; readonly requiredValue?: string }[]
  }[]
}
const printed = (out: string): Printed => parseYaml(out, { dialect: 'sigs' }) as unknown as Printed

describe('sluice issuer authentication-config', () => {
  it('without a deployment: what is given, and the default audience', async () => {
    const ca = join(directory, 'ca.pem')
    writeFileSync(ca, makeCertificates().ca)
    const { code, out } = await run('--issuer', 'https://sluice.example/', '--cluster', 'prod', '--ca', ca)
    assert.equal(code, 0)
    const { apiVersion, jwt } = printed(out)
    assert.equal(apiVersion, 'apiserver.config.k8s.io/v1')
    assert.equal(jwt[0]?.issuer.url, 'https://sluice.example')
    assert.deepEqual(jwt[0]?.issuer.audiences, ['sluice:prod'])
    assert.match(jwt[0]?.issuer.certificateAuthority ?? '', /BEGIN CERTIFICATE/)
    assert.deepEqual(jwt[0]?.claimValidationRules[0], { claim: 'cluster', requiredValue: 'prod' })
  })
  it('with one: what it says', async () => {
    const { code, out } = await run('--url', url, '--cluster', 'prod', '--format-version', 'v1beta1')
    assert.equal(code, 0)
    const { apiVersion, jwt } = printed(out)
    assert.equal(apiVersion, 'apiserver.config.k8s.io/v1beta1')
    assert.deepEqual(jwt[0]?.issuer, { url: 'https://sluice.example', audiences: ['https://k8s.example'] })
  })
  for (const [what, args, message] of [
    ['a cluster that is reached otherwise', () => ['--url', url, '--cluster', 'old'], /"kind": "oidc"/],
    ['a cluster that is not there', () => ['--url', url, '--cluster', 'none'], /no cluster none/],
    ['no cluster', () => ['--issuer', 'https://sluice.example'], /--cluster/],
    ['neither a deployment nor an issuer', () => ['--cluster', 'prod'], /--issuer/],
    ['an issuer without TLS', () => ['--issuer', 'http://sluice.example', '--cluster', 'prod'], /https/],
    ['a file that is not there', () => ['--issuer', 'https://x', '--cluster', 'prod', '--ca', '/none'], /ENOENT/],
    ['a file without certificates', () => ['--issuer', 'https://x', '--cluster', 'prod', '--ca', main], /PEM/],
  ] as const) {
    it(`says what is missing: ${what}`, async () => {
      const { code, out, err } = await run(...args())
      assert.equal(code, 2, err)
      assert.equal(out, '')
      assert.match(err, message)
    })
  }
})
