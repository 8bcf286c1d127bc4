import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Workload } from '../../src/reconcile/index.ts'
import { createPlanContext } from '../../src/reconcile/index.ts'
import { createPlaceholders } from '../../src/reconcile/change/placeholders.ts'
import { renderSide } from '../../src/reconcile/change/render-side.ts'
import type { RenderedSide } from '../../src/reconcile/change/types.ts'
import { nameOf, type KubeObject } from '../../src/resources/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createReleaseScenario } from '../support/release-scenario.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { shownOf } from '../support/side-context.ts'
import { encryptedFixture, fixtureKey } from '../support/sops-fixtures.ts'

const cluster = useCluster()
const placeholders = createPlaceholders(crypto.getRandomValues(new Uint8Array(32)))
const placeholder = /^[a-z0-9]{32}$/

/** Renders an object of the scenario with what the cluster and the repository have. */
async function render(made: Scenario, id: string, secrets: 'used' | 'withheld' = 'used'): Promise<RenderedSide> {
  const job = { kind: 'trigger', runId: 'side', cluster: 'test', receivedAt: 0, plan: true } as const
  const { ctx } = await createPlanContext(made.deps, job, AbortSignal.timeout(60_000))
  const object = ctx.world.get(id)
  assert.ok(object !== undefined)
  return await renderSide(ctx, object as Workload, { placeholders, secrets })
}

async function secret(
  made: Scenario,
  name: string,
  data: { readonly [key: string]: string | Uint8Array },
): Promise<void> {
  const entries = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: made.namespace },
    data: Object.fromEntries(entries) as object,
  })
}

function find(objects: readonly KubeObject[] | undefined, kind: string, name: string): KubeObject {
  const found = objects?.find((object) => object['kind'] === kind && nameOf(object).startsWith(name))
  assert.ok(found !== undefined, `there is no ${kind} ${name}`)
  return found
}

describe('one side of a change, from the server and Git', () => {
  it('a Kustomization with encrypted files and objects and variables from a Secret', async () => {
    const made = await createScenario(cluster, {
      files: {
        'app/kustomization.yaml':
          'resources: [secret.yaml, a.yaml]\nsecretGenerator:\n- name: env\n  envs: [values.env]\n',
        'app/secret.yaml': new TextDecoder().decode(encryptedFixture('rule-encrypted-regex.yaml')),
        'app/values.env': new TextDecoder().decode(encryptedFixture('values.env')),
        'app/a.yaml':
          'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { url: "https://${user}:${password}@${host}" }\n',
      },
    })
    try {
      await secret(made, 'sops-keys', { 'age.agekey': fixtureKey('one.agekey') })
      await secret(made, 'variables', { user: 'canary-user', password: 'canary-password' })
      await made.kustomization('app', {
        decryption: { provider: 'sops', secretRef: { name: 'sops-keys' } },
        postBuild: { substitute: { host: 'example.com' }, substituteFrom: [{ kind: 'Secret', name: 'variables' }] },
      })
      await made.pushed()
      const id = `Kustomization/${made.namespace}/app`
      const side = await render(made, id)
      assert.equal(side.failure, undefined)
      const a = find(side.desired, 'ConfigMap', 'a')
      assert.deepEqual(a['data'], { url: 'https://canary-user:canary-password@example.com' })
      const live = await made.client.get({
        apiVersion: 'v1',
        kind: 'Secret',
        namespace: made.namespace,
        name: 'credentials',
      })
      const credentials = find(side.desired, 'Secret', 'credentials')
      assert.deepEqual(credentials['stringData'], { password: 'correct-horse-battery-staple', user: 'admin' })
      assert.equal(Buffer.from(live['data'].password, 'base64').toString(), 'correct-horse-battery-staple')
      const shown = side.items.map((item) => item.shown)
      const { stringData, data } = find(shown, 'Secret', 'credentials') as {
        stringData: { password: string }
        data: object
      }
      assert.match(stringData.password, placeholder)
      assert.match(Object.values(data).join(), placeholder)
      const url = (find(shown, 'ConfigMap', 'a')['data'] as { url: string }).url
      assert.match(url, /^https:\/\/[a-z0-9]{32}:[a-z0-9]{32}@example\.com$/)
      assert.notEqual(nameOf(find(shown, 'Secret', 'env-')), nameOf(find(side.desired, 'Secret', 'env-')))
      assert.ok(
        await made.client.find({
          apiVersion: 'v1',
          kind: 'Secret',
          namespace: made.namespace,
          name: nameOf(find(side.desired, 'Secret', 'env-')),
        }),
      )
      const text = shownOf(side)
      for (const word of ['canary', 'correct-horse', 'pa=ss word', Buffer.from('pa=ss word').toString('base64')])
        assert.equal(text.includes(word), false, word)
      await secret(made, 'variables', { user: 'canary-another', password: 'canary' })
      assert.equal(shownOf(await render(made, id)), text)
    } finally {
      await made.close()
    }
  })

  it('reads no Secret where they are withheld', async () => {
    const made = await createScenario(cluster, {
      files: {
        'app/secret.yaml': new TextDecoder().decode(encryptedFixture('rule-encrypted-regex.yaml')),
        'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { x: "${password}" }\n',
      },
    })
    try {
      await secret(made, 'sops-keys', { 'age.agekey': fixtureKey('one.agekey') })
      await secret(made, 'variables', { password: 'canary-password' })
      await made.kustomization('app', {
        decryption: { provider: 'sops', secretRef: { name: 'sops-keys' } },
        postBuild: { substituteFrom: [{ kind: 'Secret', name: 'variables' }] },
      })
      await made.pushed()
      const mark = await cluster.auditMark()
      const side = await render(made, `Kustomization/${made.namespace}/app`, 'withheld')
      const { requests } = await cluster.requestCounts(mark)
      const reads = requests.filter(({ uri }) => uri.includes(made.namespace) && /\/(?:secrets|configmaps)\b/.test(uri))
      assert.deepEqual(reads, [])
      assert.equal(side.desired, undefined)
      assert.equal(side.items.length, 2)
      assert.match(
        (
          find(
            side.items.map((item) => item.shown),
            'ConfigMap',
            'a',
          )['data'] as { x: string }
        ).x,
        placeholder,
      )
    } finally {
      await made.close()
    }
  })

  it('a HelmRelease with values from Secrets, a lookup, and random values', async () => {
    const template = (name: string, value: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  value: ${value}\n`
    const made = await createReleaseScenario(cluster, {
      files: {
        'values.yaml': 'auth: { password: "" }\nmail: {}\n',
        'templates/place.yaml': template('place', '{{ .Values.auth.password | quote }}'),
        'templates/file.yaml': template('file', '{{ .Values.mail | toJson | quote }}'),
        'templates/found.yaml': template(
          'found',
          '{{ $old := lookup "v1" "Secret" .Release.Namespace "old" }}{{ if $old }}{{ $old.data.token }}{{ else }}none{{ end }}',
        ),
        'templates/random.yaml': template('random', '{{ randAlphaNum 12 | quote }}'),
        'templates/plain.yaml': template('plain', '{{ .Release.Name }}'),
      },
    })
    try {
      await secret(made, 'place', { password: 'canary-place' })
      await secret(made, 'file', { 'values.yaml': 'mail: { password: canary-file, canary-name: x }\n' })
      await secret(made, 'old', { token: 'canary-old' })
      await made.release({
        valuesFrom: [
          { kind: 'Secret', name: 'file' },
          { kind: 'Secret', name: 'place', valuesKey: 'password', targetPath: 'auth.password' },
        ],
      })
      await made.reconcile()
      const id = `HelmRelease/${made.namespace}/app`
      const side = await render(made, id)
      assert.equal(side.failure, undefined)
      const valueOf = (objects: readonly KubeObject[] | undefined, name: string): string =>
        (find(objects, 'ConfigMap', name)['data'] as { value: string }).value
      assert.equal(valueOf(side.desired, 'place'), 'canary-place')
      assert.match(valueOf(side.desired, 'file'), /canary-file/)
      assert.equal(valueOf(side.desired, 'found'), Buffer.from('canary-old').toString('base64'))
      const shown = side.items.map((item) => item.shown)
      assert.match(valueOf(shown, 'place'), placeholder)
      assert.equal(valueOf(shown, 'found'), 'none')
      assert.deepEqual(
        side.items.map((item) => [nameOf(item.shown), item.hasPlaceholders]),
        [
          ['file', true],
          ['found', false],
          ['place', true],
          ['plain', false],
          ['random', true],
        ],
      )
      assert.equal(valueOf(side.desired, 'random'), valueOf((await render(made, id)).desired, 'random'))
      const text = shownOf(side)
      assert.equal(text.includes('canary'), false)
      await secret(made, 'place', { password: 'other' })
      await secret(made, 'file', { 'values.yaml': 'mail: { password: 5, another-name: { a: b }, third: 1 }\n' })
      await secret(made, 'old', { token: 'other' })
      assert.equal(shownOf(await render(made, id)), text)
    } finally {
      await made.close()
    }
  })
})
