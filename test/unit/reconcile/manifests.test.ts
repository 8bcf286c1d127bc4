import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { raw, showManifest, type Rendered } from '../../../src/plan/index.ts'
import { manifestFileName, manifestSide, type ManifestSide } from '../../../src/reconcile/change/manifests.ts'
import { manifestText, openManifests, saveManifests } from '../../../src/reconcile/change/manifest-store.ts'
import { safePathPart } from '../../../src/base/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'
import { createMemoryState } from '../../support/memory-ports.ts'

const key = new TextEncoder().encode('a key of plans that only tests use')
const place = ['manifest', 'blue', 'Kustomization', 'apps', 'shop']

const plain = (object: KubeObject): Rendered => ({ object: raw(object), open: 'itself' })
const textOf = (rendered: Rendered, where = place): string => showManifest(rendered, key, where).print()
const sideOf = (objects: readonly Rendered[], room = 1 << 20): ManifestSide =>
  manifestSide({ objects }, { key, place, room })

const configMap = (name: string, data: { readonly [key: string]: string }, namespace = 'apps'): KubeObject => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, ...(namespace === '' ? {} : { namespace }) },
  data,
})

describe('the manifest of one object', () => {
  it('has sorted keys and everything that a plan may show', () => {
    const text = textOf(plain({ ...configMap('a', { z: '1', color: 'red', long: 'x\n'.repeat(3) }) }))
    assert.equal(
      text,
      'apiVersion: v1\ndata:\n  color: red\n  long: |\n    x\n    x\n    x\n  z: "1"\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: apps\n',
    )
  })

  it('hides what plans hide, and tells whether it is another value at that place, and nothing else', () => {
    const secret = (password: string, user = password): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'login', namespace: 'apps' },
      stringData: { password, user },
    })
    const text = textOf(plain(secret('correct horse')))
    assert.match(text, /^ {2}password: \(hidden [0-9a-f]{8}\)$/m)
    assert.doesNotMatch(text, /correct horse/)
    assert.equal(textOf(plain(secret('correct horse'))), text, 'the same each time')
    const line = (which: string, of: string): string => new RegExp(`${which}: (.*)`).exec(of)?.[1] ?? ''
    assert.notEqual(line('password', text), line('user', text), 'equal values of two places are not told')
    assert.notEqual(line('password', textOf(plain(secret('battery')))), line('password', text))
    assert.notEqual(line('password', textOf(plain(secret('correct horse')), ['elsewhere'])), line('password', text))
    const env = textOf(
      plain({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web', namespace: 'apps' },
        spec: {
          template: { spec: { containers: [{ name: 'web', image: 'nginx', env: [{ name: 'A', value: 'secret' }] }] } },
        },
      }),
    )
    assert.match(env, /name: A\n\s+value: \(hidden [0-9a-f]{8}\)/)
  })

  it('hides where a secret took part, by what stands for it', () => {
    const with_ = (value: string, twin: string): Rendered => ({
      object: raw(configMap('a', { url: `x-${value}`, plain: 'yes' })),
      open: raw(configMap('a', { url: `x-${twin}`, plain: 'yes' })),
    })
    const text = textOf(with_('placeholder', 'other'))
    assert.match(text, /^ {2}url: \(hidden [0-9a-f]{8}\)$/m)
    assert.match(text, /^ {2}plain: "yes"$/m)
    assert.equal(textOf(with_('placeholder', 'third')), text)
    const named: Rendered = {
      object: raw(configMap('a-placeholder', {})),
      open: raw(configMap('a-other', {})),
    }
    assert.doesNotMatch(textOf(named), /placeholder/)
    assert.match(showManifest(named, key, place).ref.name, /^\(hidden\)$/)
    const unknown = textOf({ object: raw(configMap('a', { x: 'placeholder' })), open: 'unknown' })
    assert.equal(unknown, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: (hidden)\n')
  })

  it('takes out what looks like a secret in texts of any length, quickly', () => {
    const filler = 'some: line\n'.repeat(2_000)
    const file = `${filler}password: hunter2hunter2\n${filler}-----BEGIN RSA PRIVATE KEY-----\n${'MIIE\n'.repeat(2_000)}-----END RSA PRIVATE KEY-----\n${filler}last: yes\n`
    const text = textOf(plain(configMap('a', { file })))
    assert.doesNotMatch(text, /hunter2|MIIE/)
    assert.match(text, /last: yes/)
    const hostile = [
      '-eyJ'.repeat(60_000),
      '-----BEGIN PRIVATE KEYPRIVATE KEY'.repeat(5_000),
      'password="'.repeat(20_000),
    ]
    for (const one of hostile) assert.ok(textOf(plain(configMap('a', { one }))).length < 10_000)
    const long = (end: string): string => textOf(plain(configMap('a', { one: `${'x'.repeat(9_000)}${end}` })))
    assert.notEqual(long('1'), long('2'), 'that the end of a long line differs is told')
  })
})

describe('the manifests of one side', () => {
  it('are files in order, whatever the order of objects, and safe by name', () => {
    const objects = [
      plain(configMap('b', { x: '1' })),
      plain(configMap('a', { x: '1' })),
      plain({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'apps' } }),
      plain(configMap('../../etc/passwd', {}, '..')),
      plain(configMap('.git', {}, '')),
      plain({ apiVersion: 'other/v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'apps' } }),
    ]
    const made = sideOf(objects)
    assert.deepEqual(sideOf(objects.toReversed()), made)
    const names = made.files.map(({ name }) => name)
    assert.deepEqual(names.slice(0, 2), [names[0], names[1]])
    for (const name of names) assert.match(name, /^[A-Za-z0-9][A-Za-z0-9._-]*(?:~[0-9a-f]{8})?\.yaml$/)
    assert.equal(new Set(names).size, names.length)
    assert.ok(names.includes('Namespace.apps.yaml'))
    const twice = made.files.find(({ name }) => name === 'ConfigMap.apps.a.yaml')?.text ?? ''
    assert.equal(twice.split('---\n').length, 2, 'two objects of one name are in one file')
  })

  it('name what there was no room for', () => {
    const objects = Array.from({ length: 80 }, (_, index) => plain(configMap(`c${index}`, { x: 'y'.repeat(500) })))
    const made = sideOf(objects, 3_000)
    assert.ok(made.files.length > 3 && made.files.length < 7)
    assert.equal(made.omittedCount, 80 - made.files.length)
    assert.equal(made.omitted.length, 50)
    assert.match(made.omitted[0] ?? '', /^ConfigMap\/apps\/c\d+$/)
    const odd = sideOf([plain(configMap('odd', { x: '\uffff' }))])
    assert.deepEqual([odd.files.length, odd.omitted], [0, ['ConfigMap/apps/odd']])
  })

  it('have names that no two texts share', () => {
    for (const name of ['a b', 'a_b', 'a/b', '.a', 'a.', 'a.lock', '', '..', 'x'.repeat(400), 'x'.repeat(401), 'A~1'])
      assert.match(safePathPart(name), /^[A-Za-z0-9._-]*(?:~[0-9a-f]{8})?$/)
    const names = ['a b', 'a_b', 'a/b', 'x'.repeat(400), 'x'.repeat(401)].map(safePathPart)
    assert.equal(new Set(names).size, names.length)
    assert.equal(manifestFileName({ kind: 'Role', namespace: 'apps', name: 'web' }), 'Role.apps.web.yaml')
  })
})

describe('manifests that are stored', () => {
  const of = { plan: 'p'.repeat(32), cluster: 'blue', run: 'r1' }
  const random = (length: number): string => {
    let [text, state] = ['', 7]
    while (text.length < length) text += (state = (state * 48271) % 0x7fffffff).toString(36)
    return text
  }
  const application = (name: string, text: string) => ({
    kind: 'Kustomization' as const,
    namespace: 'apps',
    name,
    base: { files: [{ name: 'a.yaml', text: 'a: 1\n' }], omitted: [], omittedCount: 0 },
    head: {
      files: [
        { name: 'a.yaml', text },
        { name: 'b.yaml', text: 'b: 1\n' },
      ],
      omitted: ['x'],
      omittedCount: 1,
    },
  })

  it('come back as they were, over several pieces', async () => {
    const state = createMemoryState()
    const big = random(1_500_000)
    const applications = [application('one', 'a: 2\n'), application('two', big), application('three', 'a: 3\n')]
    await saveManifests(state, key, { ...of, madeAt: 1, applications })
    const stored = await openManifests(state, key, of)
    assert.ok(stored.kind === 'manifests')
    const { index, read } = stored.manifests
    assert.equal(index.applications.length, 3)
    for (const [at, one] of index.applications.entries()) {
      assert.ok(typeof one.head === 'object' && typeof one.base === 'object')
      assert.deepEqual(await read(one.head), applications[at]?.head.files)
      assert.equal(manifestText(await read(one.base)), 'a: 1\n')
      assert.equal(one.head.objects, 2)
    }
    assert.equal((await openManifests(state, key, { ...of, run: 'r2' })).kind, 'none')
    assert.equal((await openManifests(state, key, { ...of, cluster: 'green' })).kind, 'none')
  })

  it('are not shown where somebody has changed the store', async () => {
    const state = createMemoryState()
    await saveManifests(state, key, { ...of, madeAt: 1, applications: [application('one', 'a: 2\n')] })
    await saveManifests(state, key, {
      ...of,
      cluster: 'green',
      madeAt: 1,
      applications: [application('one', 'evil: 1\n')],
    })
    const piece = `plans/manifest-pieces/${of.plan}/blue/0`
    const other = `plans/manifest-pieces/${of.plan}/green/0`
    const kept = await state.get(piece)
    const opened = await openManifests(state, key, of)
    assert.ok(opened.kind === 'manifests')
    const head = opened.manifests.index.applications[0]?.head
    assert.ok(typeof head === 'object')
    for (const bad of [await state.get(other), null, 'x', { value: 1, seal: 'y' }, undefined]) {
      if (bad === undefined) await state.delete(piece)
      else await state.put(piece, bad)
      const again = await openManifests(state, key, of)
      assert.ok(again.kind === 'manifests')
      await assert.rejects(again.manifests.read(head), { code: 'manifests-unreadable' })
    }
    await state.put(piece, kept ?? null)
    await state.put(`plans/manifests/${of.plan}/blue`, (await state.get(`plans/manifests/${of.plan}/green`)) ?? null)
    assert.equal((await openManifests(state, key, of)).kind, 'forged')
    assert.equal(
      (await openManifests(state, new TextEncoder().encode('another key of sixteen bytes'), of)).kind,
      'forged',
    )
  })

  it('leave out, by name, what there is no room for', async () => {
    const state = createMemoryState()
    const applications = Array.from({ length: 8 }, (_, index) =>
      application(`a${index}`, `${index}${random(1_900_000)}`),
    )
    await saveManifests(state, key, { ...of, madeAt: 1, applications })
    const stored = await openManifests(state, key, of)
    assert.ok(stored.kind === 'manifests')
    const { applications: kept, omitted, omittedCount } = stored.manifests.index
    assert.ok(kept.length >= 2 && kept.length < 8, String(kept.length))
    assert.equal(kept.length + omittedCount, 8)
    assert.match(omitted[0] ?? '', /^Kustomization\/apps\/a\d$/)
  })
})
