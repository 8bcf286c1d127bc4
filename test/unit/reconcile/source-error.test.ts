import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineError } from '../../../src/base/index.ts'
import { markedSources } from '../../../src/reconcile/change/source-error.ts'
import type { SourceResults } from '../../../src/reconcile/source/index.ts'
import { createWorld, idOf, type Managed } from '../../../src/reconcile/world.ts'

const secret = 'https://git.example.com/canary/x.git'

function source(kind: 'GitRepository' | 'HelmRepository' | 'HelmChart', name: string, spec: object): Managed {
  return { kind, metadata: { name, namespace: 'shop' }, spec } as unknown as Managed
}

const objects = [
  source('GitRepository', 'hidden', { url: secret }),
  source('GitRepository', 'outer', {
    url: 'https://git.example.com/open',
    include: [{ repository: { name: 'hidden' } }],
  }),
  source('GitRepository', 'open', { url: 'https://git.example.com/open', include: [{ repository: { name: 'open' } }] }),
  source('HelmRepository', 'hidden', { url: secret }),
  source('HelmChart', 'made', { sourceRef: { kind: 'HelmRepository', name: 'hidden' } }),
]
const world = createWorld(new Map(objects.map((object) => [idOf(object), object])), {
  withoutSpec: [],
  serves: () => true,
})

async function messageOf(
  id: string,
  error: EngineError,
): Promise<{ readonly text: string; readonly error: EngineError }> {
  const fail = (): Promise<never> => Promise.reject(error)
  const given: SourceResults = {
    fetchedAt: undefined,
    refresh: fail,
    forget: () => undefined,
    artifact: fail,
    artifactAt: fail,
    chart: fail,
  }
  const sources = markedSources(given, { world, hasSecrets: ({ metadata }) => metadata.name === 'hidden' })
  const [kind = '', name = ''] = id.split('/')
  const key = { kind, namespace: 'shop', name } as Parameters<SourceResults['chart']>[0]
  const caught = await (kind === 'HelmChart' ? sources.chart(key) : sources.artifact(key)).catch((one: unknown) => one)
  assert.ok(caught instanceof EngineError)
  return { text: [caught.message, JSON.stringify(caught.data), String(caught.cause)].join(' '), error: caught }
}

const failures = [
  new EngineError(`repository not found: ${secret}`, { code: 'git-not-found', data: { url: secret } }),
  new EngineError(`refused by the policy of tenant 'shop': source-url: the tenant may not use ${secret}`, {
    code: 'tenancy-refused',
    reason: 'AccessDenied',
  }),
]

for (const id of ['GitRepository/hidden', 'GitRepository/outer', 'HelmRepository/hidden', 'HelmChart/made'])
  test(`nothing is said of why ${id} cannot be had, whose URL has a secret`, async () => {
    for (const failure of failures) {
      const { text, error } = await messageOf(id, failure)
      assert.doesNotMatch(text, /canary/)
      assert.match(text, failure.code === 'tenancy-refused' ? /is refused by a policy/ : /cannot be had/)
      assert.equal(error.reason, failure.code === 'tenancy-refused' ? 'AccessDenied' : 'ArtifactFailed')
      assert.equal(error.code, failure.code)
    }
  })

test('what has no secret says why, and an API server that does not answer is no matter of a source', async () => {
  for (const failure of failures)
    assert.ok((await messageOf('GitRepository/open', failure)).text.startsWith(failure.message))
  const away = new EngineError('no answer', { code: 'cluster-unreachable', disposition: 'retry' })
  assert.equal((await messageOf('GitRepository/hidden', away)).error, away)
})
