import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { createPlaceholders } from '../../../src/reconcile/change/placeholders.ts'
import { renderSide } from '../../../src/reconcile/change/render-side.ts'
import { triedObject } from '../../../src/reconcile/change/pair-objects.ts'
import type { SideOptions } from '../../../src/reconcile/change/side-options.ts'
import type { RenderedSide } from '../../../src/reconcile/change/types.ts'
import { isMap, nameOf, type KubeObject } from '../../../src/resources/index.ts'
import { createSideContext, kustomizationOf, secretOf, shownOf, type SideWorld } from '../../support/side-context.ts'
import { createSopsEncrypter, type SopsEncrypter } from '../../support/sops-encrypt.ts'
import { fixtureKey } from '../../support/sops-fixtures.ts'

const placeholders = createPlaceholders(new Uint8Array(32).fill(7))
const used: SideOptions = { placeholders, secrets: 'used' }
const withheld: SideOptions = { placeholders, secrets: 'withheld' }
const sopsKeys = { 'Secret/apps/keys': secretOf({ 'age.agekey': new TextDecoder().decode(fixtureKey('one.agekey')) }) }
const decryption = { provider: 'sops', secretRef: { name: 'keys' } }

let sops: SopsEncrypter
before(async () => {
  sops = await createSopsEncrypter()
})

async function render(world: SideWorld, spec: object, options = used): Promise<RenderedSide> {
  return await renderSide(createSideContext(world).ctx, kustomizationOf(spec), options)
}

const named = (objects: readonly (KubeObject | undefined)[], kind: string): KubeObject => {
  const found = objects.find((object) => object?.['kind'] === kind)
  assert.ok(found !== undefined, `there is no ${kind}`)
  return found
}

const shown = (side: RenderedSide, kind: string): KubeObject =>
  named(
    side.items.map((item) => item.shown),
    kind,
  )

const dataOf = (object: KubeObject): unknown => object['data']

describe('a Kustomization without secrets', () => {
  it('is rendered once, and its objects are what they are', async () => {
    const files = { 'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { x: "1" }\n' }
    await assert.rejects(render({ files }, { decryption }), /sops decryption Secret 'apps\/keys'/)
    const plain = await render({ files, cluster: sopsKeys }, { decryption })
    assert.equal(plain.hasSecrets, false)
    assert.deepEqual(
      plain.objects.map(({ open, file, line }) => ({ open, file, line })),
      [{ open: 'itself', file: 'app/a.yaml', line: 1 }],
    )
    assert.deepEqual(plain.desired, [plain.items[0]?.shown])
    assert.match(plain.artifacts['source'] ?? '', /^sha256:/)
  })
})

describe('encrypted values', () => {
  const encryptedSecret = (password: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData:\n  user: admin\n  password: ${sops.value(password, ['stringData', 'password'])}\n${sops.metadata('encrypted_regex: ^password$')}`

  it('are placeholders in what is shown, and plain in what is applied', async () => {
    const files = { 'app/secret.yaml': encryptedSecret('canary-password-1') }
    const side = await render({ files, cluster: sopsKeys }, { decryption })
    assert.equal(side.hasSecrets, true)
    assert.deepEqual(named(side.desired ?? [], 'Secret')['stringData'], {
      user: 'admin',
      password: 'canary-password-1',
    })
    const data = shown(side, 'Secret')['stringData']
    assert.ok(isMap(data as never))
    assert.equal((data as { user: string }).user, 'admin')
    assert.match((data as { password: string }).password, /^[a-z0-9]{32}$/)
    assert.equal(shown(side, 'Secret')['sops'], undefined)
    assert.equal(shownOf(side).includes('canary'), false)
    assert.equal(side.items[0]?.hasPlaceholders, true)
  })

  it('that are encrypted anew are others, and the same in every rendering of one commit, with keys or without', async () => {
    const text = encryptedSecret('canary-password-1')
    const files = { 'app/secret.yaml': text }
    const one = await render({ files, cluster: sopsKeys }, { decryption })
    const { ctx, reads } = createSideContext({ files })
    const other = await renderSide(ctx, kustomizationOf({ decryption }), withheld)
    assert.equal(shownOf(other), shownOf(one))
    assert.deepEqual(reads, [])
    assert.equal(other.desired, undefined)
    const again = { 'app/secret.yaml': encryptedSecret('canary-password-1') }
    assert.notEqual(shownOf(await render({ files: again, cluster: sopsKeys }, { decryption })), shownOf(one))
  })

  it('in files of generators: the hash in the name is that of the placeholders, and what names the Secret follows', async () => {
    const files = {
      'app/kustomization.yaml':
        'resources: [deployment.yaml]\nsecretGenerator:\n- name: db\n  files: [password.bin]\n  envs: [db.env]\nsortOptions: { order: legacy }\n',
      'app/password.bin': sops.json('canary-password-2'),
      'app/db.env': `USER=${sops.value('canary-user-2', ['USER'])}\nsops_mac=ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]\n${envMetadata()}`,
      'app/deployment.yaml':
        'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { template: { spec: { volumes: [{ name: db, secret: { secretName: db } }] } } }\n',
    }
    const side = await render({ files, cluster: sopsKeys }, { decryption })
    const [open, desired] = [shown(side, 'Secret'), named(side.desired ?? [], 'Secret')]
    assert.notEqual(nameOf(open), nameOf(desired))
    assert.match(nameOf(open), /^db-[a-z0-9]{10}$/)
    assert.deepEqual(dataOf(desired), {
      USER: Buffer.from('canary-user-2').toString('base64'),
      'password.bin': Buffer.from('canary-password-2').toString('base64'),
    })
    assert.ok(JSON.stringify(shown(side, 'Deployment')).includes(nameOf(open)))
    assert.equal(JSON.stringify(shown(side, 'Deployment')).includes(nameOf(desired)), false)
    const item = side.items.find((one) => one.shown['kind'] === 'Secret')
    assert.equal(item?.isNameHidden, true)
    assert.equal(item?.desired && nameOf(item.desired), nameOf(desired))
    assert.equal(nameOf(triedObject(item, item)), nameOf(desired), 'in the cluster it has the name that base gives it')
    assert.equal(nameOf(triedObject(item, undefined)), nameOf(open), 'what the change would call it is not asked about')
  })

  it('that decide what is built fail with what placeholders make of it, or not at all', async () => {
    const guess = (text: string): SideWorld['files'] => ({
      'app/kustomization.yaml': `secretGenerator:\n- name: db\n  files: [password.bin]\n  options: { disableNameSuffixHash: true }\npatches:\n- target: { kind: Secret }\n  patch: |\n    - op: test\n      path: /data/password.bin\n      value: ${Buffer.from(text).toString('base64')}\n`,
      'app/password.bin': sops.json('canary-password-3'),
    })
    const messages: string[] = []
    for (const text of ['canary-password-3', 'another'])
      await assert.rejects(render({ files: guess(text), cluster: sopsKeys }, { decryption }), (error: Error) => {
        messages.push(error.message)
        return true
      })
    assert.match(messages[0] ?? '', /with placeholders for its secrets it does not render/)
    assert.equal(messages[0], messages[1])
  })

  function envMetadata(): string {
    const text = sops.metadata()
    const recipient = /recipient: (\S+)/.exec(text)?.[1] ?? ''
    const enc = /enc: \|\n([\s\S]*?) {2}lastmodified/.exec(text)?.[1]?.replaceAll(/^ +/gm, '').trimEnd() ?? ''
    return `sops_age__list_0__map_recipient=${recipient}\nsops_age__list_0__map_enc=${enc.replaceAll('\n', '\\n')}\nsops_lastmodified=2026-11-25T19:09:09Z\nsops_version=3.13.2\n`
  }
})

describe('variables', () => {
  const files = (text: string): SideWorld['files'] => ({
    'app/a.yaml': `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  one: ${JSON.stringify(text)}\n  two: plain\n`,
  })
  const postBuild = {
    substituteFrom: [
      { kind: 'ConfigMap', name: 'settings' },
      { kind: 'Secret', name: 's' },
    ],
    substitute: { region: 'eu', overridden: 'inline' },
  }
  const cluster = (password: string): NonNullable<SideWorld['cluster']> => ({
    'ConfigMap/apps/settings': { data: { domain: 'canary-domain.example', overridden: 'canary-o' } },
    'Secret/apps/s': secretOf({ password, overridden: 'canary-p' }),
  })

  it('from Secrets and ConfigMaps of the cluster are placeholders, those of the object itself are not', async () => {
    const text = '${password} ${domain} ${region} ${overridden} ${none:=default}'
    const side = await render({ files: files(text), cluster: cluster('canary-1') }, { postBuild })
    assert.match(
      String((dataOf(shown(side, 'ConfigMap')) as { one: string }).one),
      /^[a-z0-9]{32} [a-z0-9]{32} eu inline default$/,
    )
    assert.deepEqual(dataOf(named(side.desired ?? [], 'ConfigMap')), {
      one: 'canary-1 canary-domain.example eu inline default',
      two: 'plain',
    })
    assert.equal(shownOf(side).includes('canary'), false)
  })

  it('of a ConfigMap that the commit renders are what it says', async () => {
    const options: SideOptions = { ...used, configMap: () => ({ data: { domain: 'public.example' } }) }
    const side = await render({ files: files('${domain}'), cluster: cluster('canary-1') }, { postBuild }, options)
    assert.equal((dataOf(shown(side, 'ConfigMap')) as { one: string }).one, 'public.example')
    assert.equal(side.hasSecrets, false)
  })

  it('that nobody asks for leave everything as it is', async () => {
    const side = await render({ files: files('${region}'), cluster: cluster('canary-1') }, { postBuild })
    assert.equal(side.hasSecrets, false)
    assert.equal(side.objects[0]?.open, 'itself')
  })

  it('that are withheld are not read', async () => {
    const { ctx, reads } = createSideContext({ files: files('${password} ${other} ${region}') })
    const side = await renderSide(ctx, kustomizationOf({ postBuild }), withheld)
    assert.deepEqual(reads, [])
    assert.match(String((dataOf(shown(side, 'ConfigMap')) as { one: string }).one), /^[a-z0-9]{32} [a-z0-9]{32} eu$/)
  })

  it('tell nothing about themselves, however they are cut, compared or counted', async () => {
    const probes = [
      'K${password##[!c]*}',
      '${password:0:1}',
      '${#password}',
      '${password/canary/x}',
      '${password^^}',
      '${password:+set}',
      '${password%%-*}',
    ]
    for (const probe of probes) {
      const texts: string[] = []
      for (const password of ['canary-1', 'xanary-22', 'c', '12345', 'true'])
        texts.push(shownOf(await render({ files: files(probe), cluster: cluster(password) }, { postBuild })))
      assert.equal(new Set(texts).size, 1, probe)
    }
  })

  it('that break the object are not told of, since breaking it may depend on what they are', async () => {
    const side = await render(
      {
        files: { 'app/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  one: ${password}\n' },
        cluster: cluster('"a: canary'),
      },
      { postBuild },
    )
    assert.equal(side.failure?.code, 'substitution-result')
    assert.equal(side.failure.message.includes('canary'), false)
    assert.equal(side.desired, undefined)
    assert.equal(side.items.length, 1)
  })
})
