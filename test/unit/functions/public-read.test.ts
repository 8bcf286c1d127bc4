import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createApp } from '../../../functions/app.ts'
import { shortRevision } from '../../../functions/access/public.ts'
import { loadConfig } from '../../../functions/config.ts'
import type { FunctionDeps } from '../../../functions/deps.ts'
import { hostileState, hostileTexts } from '../../support/hostile-state.ts'
import { testConfig, testDeps } from '../../support/function-deps.ts'
import { hiddenWord, scopedState } from '../../support/scoped-state.ts'
import { newCommit } from '../../support/summary-objects.ts'

/** Everything that anybody may learn, by its path in the answers. */
const allowed = [
  'clusters.cluster',
  'clusters.health',
  'clusters.lastSeenAt',
  'objects.cluster',
  'objects.kind',
  'objects.namespace',
  'objects.name',
  'objects.state',
  'objects.revision',
  'objects.since',
  'cursor',
]

function pathsOf(value: unknown, at: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => pathsOf(one, at))
  if (typeof value !== 'object' || value === null) return [at]
  return Object.entries(value).flatMap(([name, field]) => pathsOf(field, at === '' ? name : `${at}.${name}`))
}

async function ask(deps: FunctionDeps, path: string): Promise<{ status: number; text: string }> {
  const response = await createApp(deps).fetch(new Request(`http://sluice.test${path}`))
  return { status: response.status, text: await response.text() }
}

function open(deps: ReturnType<typeof testDeps>, publicScope: object = {}): FunctionDeps {
  return { ...deps, config: testConfig({ reading: { ...deps.config.reading, isPublic: true, publicScope } }) }
}

async function seeded(): Promise<ReturnType<typeof testDeps>> {
  const deps = testDeps()
  await scopedState(deps.state)
  return deps
}

describe('what everybody sees', () => {
  it('is nothing unless the configuration says so', async () => {
    const deps = await seeded()
    for (const path of ['/api/public/clusters', '/api/public/objects'])
      assert.equal((await ask(deps, path)).status, 401)
    assert.equal((await ask(deps, '/ui/public')).status, 404)
  })

  it('are the fields of a list, and no other', async () => {
    const deps = open(await seeded())
    const found = new Set<string>()
    for (const path of ['/api/public/clusters', '/api/public/objects', '/api/public/objects?limit=2']) {
      const { status, text } = await ask(deps, path)
      assert.equal(status, 200, text)
      for (const one of pathsOf(JSON.parse(text), '')) found.add(one)
      // Messages, actors, whole commits, addresses, branches.
      assert.doesNotMatch(text, /no such file|octo|route|git\.example|main@|is not ready/)
      assert.ok(!text.includes(newCommit))
    }
    assert.deepEqual([...found].toSorted(), allowed.toSorted())
    const page = await ask(deps, '/ui/public')
    assert.equal(page.status, 200)
    assert.doesNotMatch(page.text, /no such file|octo|route to host|git\.example|main@|is not ready/)
    assert.ok(!page.text.includes(newCommit) && page.text.includes(newCommit.slice(0, 8)))
    assert.doesNotMatch(page.text, /href="\/ui\/(?:objects|runs|commits)/, 'no links to what only readers see')
  })

  it('is nothing else at all: every other route is closed to them', async () => {
    const deps = open(await seeded())
    for (const { method, path } of createApp(deps).routes) {
      if (method !== 'GET' || !/^\/(?:api|ui|runs|deliveries|metrics)/.test(path) || path.includes('public')) continue
      if (['/ui/icon.svg', '/ui/sign-in', '/ui/commits'].includes(path) || path.startsWith('/ui/:file')) continue
      const { status } = await ask(deps, path.replace(/:(\w+)/g, 'one'))
      assert.ok(status === 401 || status === 303, `${path}: ${status}`)
    }
  })

  it('is of the clusters and namespaces that the configuration names', async () => {
    const deps = await seeded()
    const rows: readonly (readonly [object, readonly string[], boolean])[] = [
      [{}, ['one', 'two'], true],
      [{ clusters: ['two'] }, ['two'], false],
      [{ namespaces: ['apps'] }, ['one', 'two'], false],
      [{ clusters: ['one'], namespaces: ['none'] }, ['one'], false],
    ]
    for (const [scope, clusters, showsHidden] of rows) {
      const shown = open(deps, scope)
      const listed = JSON.parse((await ask(shown, '/api/public/clusters')).text) as { clusters: { cluster: string }[] }
      assert.deepEqual(
        listed.clusters.map(({ cluster }) => cluster),
        clusters,
      )
      const { text } = await ask(shown, '/api/public/objects')
      assert.equal(text.includes(hiddenWord), showsHidden, JSON.stringify(scope))
      const objects = (JSON.parse(text) as { objects: { cluster: string }[] }).objects
      assert.ok(objects.every(({ cluster }) => clusters.includes(cluster)))
      assert.equal((await ask(shown, '/ui/public')).text.includes(hiddenWord), showsHidden)
    }
  })

  it('is printed, whatever somebody has written into it', async () => {
    const deps = testDeps()
    await hostileState(deps.state)
    const page = await ask(open(deps), '/ui/public')
    assert.equal(page.status, 200)
    for (const text of hostileTexts) if (text.includes('<')) assert.ok(!page.text.includes(text), text)
  })

  it('shows the beginning of a commit or a version, and nothing else of a revision', () => {
    const rows: readonly [string | undefined, string | undefined][] = [
      [`main@sha1:${newCommit}`, newCommit.slice(0, 8)],
      [`latest@sha256:${'a'.repeat(64)}`, 'aaaaaaaa'],
      ['1.2.3', '1.2.3'],
      ['v1.2.3-rc.1', 'v1.2.3-rc.1'],
      ['main', undefined],
      ['<script>', undefined],
      ['secret-branch', undefined],
      [undefined, undefined],
    ]
    for (const [revision, want] of rows) assert.equal(shortRevision(revision), want, revision)
  })

  it('is configured as true, or as clusters and namespaces', () => {
    const read = (value: string) => (name: string) =>
      ({ CLUSTERS: '[{"name":"one","server":"https://one.example"}]', PUBLIC_READ: value })[name]
    const of = (value: string): unknown => loadConfig(read(value)).reading.publicScope
    assert.deepEqual(of('true'), {})
    assert.equal(of('false'), undefined)
    assert.equal(of(''), undefined)
    assert.deepEqual(of('{"clusters":["prod"]}'), { clusters: ['prod'] })
    assert.throws(() => of('{"clusters":[]}'), /PUBLIC_READ/)
    assert.throws(() => of('{"cluster":["a"]}'), /PUBLIC_READ/)
    assert.throws(() => of('"yes"'), /PUBLIC_READ/)
  })
})
