import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { decryptedFixture, encryptedFixture, fixtureKey } from '../support/sops-fixtures.ts'
import type { TestObject } from '../support/kube-test-client.ts'

const cluster = useCluster()
/** Once for the file, and only when the cluster is there. */
let crds: Promise<void> | undefined

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const encrypted = (name: string): string => text(encryptedFixture(name))

/** Everything that is secret in the files and keys of these tests. */
function fixtureCanaries(): Canaries {
  const canaries = new Canaries()
  canaries.add('password', 'correct-horse-battery-staple')
  canaries.add('token', 'the-token')
  canaries.add('env', 'pa=ss word')
  canaries.add('template', 'canary-in-a-template')
  canaries.add('number', '918273645')
  for (const name of ['one.agekey', 'two.agekey'])
    canaries.add(name, /AGE-SECRET-KEY-\S+/.exec(text(fixtureKey(name)))?.[0] ?? '')
  return canaries
}

/** Runs `work` on a scenario of its own; closing that looks for the secrets in everything that was seen, while the namespace is still there. */
async function withScenario(
  files: ScenarioOptions['files'],
  work: (made: Scenario) => Promise<void>,
  settings: NonNullable<ScenarioOptions['settings']> = {},
): Promise<void> {
  await (crds ??= installCrds(cluster.client))
  const made = await createScenario(cluster, { files, settings, canaries: fixtureCanaries() })
  try {
    await work(made)
  } finally {
    await made.close()
  }
}

async function start(
  made: Scenario,
  options: { readonly decryption?: object; readonly key?: string; readonly spec?: object } = {},
): Promise<void> {
  if (options.key !== undefined) {
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'sops-keys', namespace: made.namespace },
      data: { 'age.agekey': Buffer.from(fixtureKey(options.key)).toString('base64') },
    })
  }
  await made.kustomization('app', {
    ...(options.decryption === undefined ? {} : { decryption: options.decryption }),
    ...options.spec,
  })
}

const sops = { provider: 'sops', secretRef: { name: 'sops-keys' } }

const secretNamed = (made: Scenario, name: string): Promise<TestObject | undefined> =>
  made.client.find({ apiVersion: 'v1', kind: 'Secret', namespace: made.namespace, name })

async function ready(made: Scenario): Promise<{ reason: string; message: string; stalled: boolean }> {
  const object = await made.client.get({
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    namespace: made.namespace,
    name: 'app',
  })
  const conditions = object['status'].conditions as { type: string; reason: string; message: string }[]
  const found = conditions.find(({ type }) => type === 'Ready')
  return {
    reason: found?.reason ?? '',
    message: found?.message ?? '',
    stalled: conditions.some(({ type }) => type === 'Stalled'),
  }
}

const kustomization = `resources: [secret.yaml]
secretGenerator:
- name: generated
  files: [values.json, settings=content.bin]
- name: environment
  envs: [values.env]
generatorOptions:
  disableNameSuffixHash: true
`
const files = {
  'app/kustomization.yaml': kustomization,
  'app/secret.yaml': encrypted('rule-encrypted-regex.yaml'),
  'app/values.json': encrypted('values.json'),
  'app/content.bin': encrypted('content.txt'),
  'app/values.env': encrypted('values.env'),
}

describe('a Kustomization with decryption', () => {
  it('and no Secret of its own uses the keys of the deployment; its own come before them', async () => {
    const sopsAgeSecret = `default/deployment-keys-${crypto.randomUUID().slice(0, 8)}`
    const [, name = ''] = sopsAgeSecret.split('/')
    const data = (key: string) => ({ 'age.agekey': Buffer.from(fixtureKey(key)).toString('base64') })
    await cluster.client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default' },
      data: { ...data('one.agekey'), 'sops.vault-token': Buffer.from('not for everybody').toString('base64') },
    })
    const own = { 'app/secret.yaml': encrypted('rule-encrypted-regex.yaml') }
    try {
      await withScenario(
        own,
        async (made) => {
          await start(made, { decryption: { provider: 'sops' } })
          const record = await made.pushed()
          assert.equal(record.state, 'succeeded', JSON.stringify(record))
          assert.equal(
            atob((await secretNamed(made, 'credentials'))?.['data'].password),
            'correct-horse-battery-staple',
          )
          await start(made, { decryption: sops, key: 'two.agekey' })
          await made.run({ kind: 'trigger', target: 'cluster' })
          assert.equal((await ready(made)).reason, 'BuildFailed')
        },
        { sopsAgeSecret },
      )
      await withScenario(
        own,
        async (made) => {
          await start(made, { decryption: { provider: 'sops' } })
          await made.pushed()
          const { reason, message } = await ready(made)
          assert.equal(reason, 'BuildFailed')
          assert.match(message, /'default\/gone'.*sopsAgeSecret/)
        },
        { sopsAgeSecret: 'default/gone' },
      )
    } finally {
      await cluster.client.delete({ apiVersion: 'v1', kind: 'Secret', namespace: 'default', name })
    }
  })

  it('applies what is encrypted in Git in plain; a second look changes nothing', async () => {
    await withScenario(files, async (made) => {
      await start(made, { decryption: sops, key: 'one.agekey' })
      const record = await made.pushed()
      assert.equal(record.state, 'succeeded', JSON.stringify(record))
      const credentials = await secretNamed(made, 'credentials')
      assert.equal(atob(credentials?.['data'].password), 'correct-horse-battery-staple')
      assert.equal(credentials?.['data'].token, 'dGhlLXRva2Vu')
      assert.equal(credentials?.['sops'], undefined)
      const generated = await secretNamed(made, 'generated')
      assert.deepEqual(
        new Uint8Array(Buffer.from(generated?.['data']['values.json'], 'base64')),
        decryptedFixture('values.json'),
      )
      assert.deepEqual(
        new Uint8Array(Buffer.from(generated?.['data'].settings, 'base64')),
        decryptedFixture('content.txt'),
      )
      const environment = await secretNamed(made, 'environment')
      assert.equal(atob(environment?.['data'].PASSWORD), 'pa=ss word')

      await made.client.patch(
        { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace: made.namespace, name: 'app' },
        { metadata: { annotations: { 'reconcile.fluxcd.io/requestedAt': 'now' } } },
      )
      const again = (
        await made.run({
          kind: 'trigger',
          target: { object: { kind: 'Kustomization', namespace: made.namespace, name: 'app' } },
        })
      ).record
      assert.equal(again.state, 'succeeded', JSON.stringify(again))
      assert.deepEqual(nodeOf(again, 'Kustomization/app').changes, [])
      // Drift is found and named by field, not by value.
      await made.client.patch(
        { apiVersion: 'v1', kind: 'Secret', namespace: made.namespace, name: 'credentials' },
        { stringData: { password: 'changed by hand' } },
      )
      const repaired = (
        await made.run({
          kind: 'trigger',
          target: { object: { kind: 'Kustomization', namespace: made.namespace, name: 'app' } },
        })
      ).record
      assert.equal(nodeOf(repaired, 'Kustomization/app').changes.length, 1)
      assert.equal(atob((await secretNamed(made, 'credentials'))?.['data'].password), 'correct-horse-battery-staple')
    })
  })

  it('with the MAC checked', async () => {
    const plain = encrypted('rule-mac-only-encrypted.yaml')
    await withScenario(
      { 'app/secret.yaml': plain },
      async (made) => {
        await start(made, { decryption: sops, key: 'one.agekey' })
        assert.equal((await made.pushed()).state, 'succeeded')
        const record = await made.push({ 'app/secret.yaml': plain.replace(/ *user: ENC\[.*\n/, '') })
        assert.equal(record.state, 'failed')
        assert.match((await ready(made)).message, /values were changed, added, removed or reordered/)
        assert.notEqual((await secretNamed(made, 'credentials'))?.['data'].user, undefined)
      },
      { verifySopsMac: true },
    )
  })

  it('with other keys names each file, each recipient and the reason', async () => {
    await withScenario(files, async (made) => {
      await start(made, { decryption: sops, key: 'two.agekey' })
      const record = await made.pushed()
      assert.equal(record.state, 'failed')
      const { reason, message } = await ready(made)
      assert.equal(reason, 'BuildFailed')
      for (const file of ['values.json', 'content.bin', 'values.env'])
        assert.match(
          message,
          new RegExp(`^app/${file} cannot be decrypted: no key service gave the data key: age age1`, 'm'),
        )
      assert.equal(await secretNamed(made, 'credentials'), undefined)
    })
  })

  it('whose Secret is missing says which', async () => {
    await withScenario(files, async (made) => {
      await start(made, { decryption: sops })
      await made.pushed()
      const { reason, message } = await ready(made)
      assert.equal(reason, 'BuildFailed')
      assert.match(message, new RegExp(`cannot get sops decryption Secret '${made.namespace}/sops-keys'`))
    })
  })

  it('with a service account is stalled, as Flux is without its feature gate', async () => {
    await withScenario(files, async (made) => {
      await start(made, { decryption: { provider: 'sops', serviceAccountName: 'sops' } })
      await made.pushed()
      const { reason, stalled } = await ready(made)
      assert.deepEqual([reason, stalled], ['FeatureGateDisabled', true])
    })
  })

  it('leaves a Secret alone that says so', async () => {
    const text = encrypted('values.env')
    await withScenario(
      {
        'app/kustomization.yaml': `secretGenerator:\n- name: kept\n  files: [x=values.txt]\n  options: {annotations: {kustomize.toolkit.fluxcd.io/decrypt: disabled}, disableNameSuffixHash: true}\n`,
        'app/values.txt': text,
      },
      async (made) => {
        await start(made, { decryption: sops, key: 'one.agekey' })
        assert.equal((await made.pushed()).state, 'succeeded')
        assert.equal(atob((await secretNamed(made, 'kept'))?.['data'].x), text)
      },
    )
  })
})

describe('encrypted files', () => {
  it('without decryption are refused, and nothing is applied', async () => {
    await withScenario(
      {
        'app/a.yaml': encrypted('rule-encrypted-regex.yaml'),
        'app/b.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n',
      },
      async (made) => {
        await start(made)
        assert.equal((await made.pushed()).state, 'failed')
        const { reason, message } = await ready(made)
        assert.equal(reason, 'ReconciliationFailed')
        assert.match(message, /Secret\/[^ ]*credentials is SOPS encrypted, configuring decryption is required/)
        assert.equal(await secretNamed(made, 'credentials'), undefined)
      },
    )
  })

  const leaky: readonly { name: string; message: RegExp; spec?: object; extra?: { [path: string]: string } }[] = [
    { name: 'leaky-template', message: /undefined_variable/, spec: { postBuild: { substitute: { other: 'x' } } } },
    { name: 'leaky-number', message: /Secret\/.*number/ },
    {
      name: 'leaky-number',
      message: /NOT_A_NAME_number/,
      extra: { 'app/kustomization.yaml': 'resources: [secret.yaml]\nnamePrefix: NOT_A_NAME_\n' },
    },
    {
      name: 'leaky-template',
      message: /app\/bad\.yaml|env/,
      extra: {
        'app/kustomization.yaml': 'secretGenerator:\n- name: env\n  envs: [bad.yaml]\n',
        'app/bad.yaml': encrypted('leaky-template.yaml'),
      },
    },
  ]
  for (const [index, { name, message, spec, extra }] of leaky.entries()) {
    it(`that somebody stumbles over after decryption show nothing (${index + 1}, ${name})`, async () => {
      await withScenario({ 'app/secret.yaml': encrypted(`${name}.yaml`), ...extra }, async (made) => {
        await start(made, { decryption: sops, key: 'one.agekey', ...(spec === undefined ? {} : { spec }) })
        const record = await made.pushed()
        assert.equal(record.state, 'failed', JSON.stringify(record))
        assert.match((await ready(made)).message, message)
      })
    })
  }
})
