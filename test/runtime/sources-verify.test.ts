import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { defaultOciLimits } from '../../src/sources/index.ts'
import { RecordedRegistry } from '../support/recorded-registry.ts'
import { digestOfFixture, loadFixtures, readSignatureFixtures, trustPolicyOf } from '../support/signature-fixtures.ts'
import { runVerifySteps, type VerifySeen, type VerifyStep } from '../support/verify-steps.ts'
import { startWorker } from '../support/workerd.ts'

/** A place where signatures are verified. */
interface Host {
  run(steps: readonly VerifyStep[]): Promise<readonly VerifySeen[]>
  close(): Promise<void>
}

const hosts: { readonly [name: string]: () => Promise<Host> } = {
  node: async () => {
    const egress = { allowPrivate: true }
    const http = createNodeHttpClient({ egress })
    const clock = { now: () => Date.now(), sleep: () => Promise.resolve() }
    const deps = { http, clock, egress, limits: defaultOciLimits }
    return { run: (steps) => runVerifySteps(deps, steps), close: async () => http.close() }
  },
  workerd: async () => {
    const worker = await startWorker({ env: {}, entry: new URL('../support/verify-worker.ts', import.meta.url) })
    return {
      run: async (steps) => {
        const response = await fetch(worker.url, { method: 'POST', body: JSON.stringify(steps) })
        assert.equal(response.status, 200, await response.clone().text())
        return (await response.json()) as VerifySeen[]
      },
      close: () => worker.stop(),
    }
  },
}

const fixtures = readSignatureFixtures()
const madeAt = Date.parse(fixtures.madeAt)
const identities = [
  { issuer: 'nobody', subject: '.*' },
  {
    issuer: 'token.actions.githubusercontent.com|accounts.example.test',
    subject: '^https://github.com/example/|^dev@example.test$',
  },
]

/** Where we say something else than the program that made the signature. */
const different: { readonly [repository: string]: string } = {
  // cosign's check with a key knows only one hash; its signing takes the one that fits the key.
  'cosign/p384-bundle': 'good',
  'cosign/p384-simple': 'good',
  'cosign/p521-bundle': 'good',
  'cosign/p521-simple': 'good',
  'cosign/ed25519-bundle': 'good',
  'cosign/ed25519-simple': 'good',
  // cosign compares the signature with the log's entry, not the payload.
  'keyless/other-payload-logged-bundle': 'bad',
}

for (const [name, start] of Object.entries(hosts)) {
  describe(`signatures on ${name}`, () => {
    let host: Host
    let registry: RecordedRegistry
    before(async () => {
      host = await start()
      registry = await RecordedRegistry.start()
      loadFixtures(registry, fixtures)
    })
    after(async () => {
      await host.close()
      await registry.close()
    })
    const step = (repository: string, trust: VerifyStep['trust']): VerifyStep => ({
      host: registry.host,
      repository,
      digest: digestOfFixture(fixtures, repository),
      trust,
    })
    const trustOf = (repository: string): VerifyStep['trust'] => {
      const [kind, variant = ''] = repository.split('/')
      const key = variant.split('-')[0] ?? ''
      if (kind === 'cosign') return { kind: 'keys', keys: [fixtures.keys[key] ?? ''] }
      if (kind === 'keyless') return { kind: 'keyless', trustedRoot: fixtures.trustedRoot, identities }
      const chain = { expiring: 'p256', stamped: 'short' }[key] ?? key
      const stores = ['ca:t', ...(key === 'stamped' ? ['tsa:t'] : [])]
      const names = [`${chain}-root`, ...(key === 'stamped' ? ['tsa-root'] : [])]
      return {
        kind: 'notation',
        trustPolicy: trustPolicyOf({ trustStores: stores }),
        certificates: names.map((one) => fixtures.certificates[one] ?? ''),
        now: madeAt,
      }
    }

    for (const kind of ['cosign', 'keyless', 'notation']) {
      for (const hasReferrersApi of [false, true]) {
        it(`agrees with ${kind} ${hasReferrersApi ? 'over the API for referrers' : 'over tags'}`, async () => {
          registry.hasReferrersApi = hasReferrersApi
          const repositories = Object.keys(fixtures.verdicts).filter((one) => one.startsWith(`${kind}/`))
          assert.ok(repositories.length >= 10, String(repositories.length))
          const seen = await host.run(repositories.map((one) => step(one, trustOf(one))))
          for (const [i, repository] of repositories.entries()) {
            const wanted = different[repository] ?? fixtures.verdicts[repository]?.slice(0, 4).replace(/:.*/, '')
            const got = seen[i]
            assert.equal(got?.result === 'verified' ? 'good' : 'bad', wanted, `${repository}: ${JSON.stringify(got)}`)
          }
        })
      }
    }
  })
}
