import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describePermanent, rememberDrift } from '../../../src/reconcile/drift-memory.ts'
import { compileIgnoreRules } from '../../../src/reconcile/ignore-rules.ts'
import { createMemoryState } from '../../support/memory-ports.ts'

const id = 'Kustomization/team/app'

function memory(): {
  look: (...paths: string[]) => ReturnType<typeof rememberDrift>
  state: ReturnType<typeof createMemoryState>
} {
  const state = createMemoryState()
  let now = 0
  const clock = { now: () => (now += 1000), sleep: () => Promise.resolve() }
  return {
    state,
    look: (...paths) =>
      rememberDrift(
        { state, clock, cluster: { name: 'c' } },
        id,
        paths.map((path) => ({
          object: 'Deployment/team/web.v1',
          action: 'configured',
          drift: [{ path, pointer: path.replaceAll('.', '/'), change: 'replace', manager: 'autoscaler' }],
        })),
      ),
  }
}

describe('differences that come back', () => {
  it('count as permanent with the third look in a row, and come with the rule that leaves just them alone', async () => {
    const { look } = memory()
    assert.deepEqual(await look('.spec.replicas'), [])
    assert.deepEqual(await look('.spec.replicas', '.spec.paused'), [])
    const found = await look('.spec.replicas', '.spec.paused')
    assert.deepEqual(found, [
      {
        object: 'Deployment/team/web.v1',
        path: '.spec.replicas',
        manager: 'autoscaler',
        since: 1000,
        rule: { paths: ['/spec/replicas'], target: { kind: 'Deployment', namespace: 'team', name: 'web\\.v1' } },
      },
    ])
    const ignored = compileIgnoreRules(
      found.map(({ rule }) => rule),
      'spec.ignore',
    )
    const object = (name: string) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'team' },
    })
    assert.deepEqual(ignored?.(object('web.v1')), ['/spec/replicas'])
    assert.deepEqual(ignored?.(object('web-v1')), [])
    assert.match(
      describePermanent(found, 'spec.ignore'),
      /^These differences come back each time\. To leave them alone, add to spec\.ignore:\nDeployment\/team\/web\.v1 \.spec\.replicas, written by autoscaler: \{"paths":\["\/spec\/replicas"\],/,
    )
  })

  it('begin anew after a look without them, and leave nothing behind', async () => {
    const { look, state } = memory()
    await look('.spec.replicas')
    await look('.spec.replicas')
    assert.deepEqual(await look(), [])
    assert.deepEqual(await state.list('drift/'), [])
    assert.deepEqual(await look('.spec.replicas'), [])
    assert.deepEqual(await look('.spec.replicas'), [])
  })

  it('survive a memory that cannot be read', async () => {
    const { look, state } = memory()
    await state.put(`drift/c/${id}`, { 'Deployment/team/web.v1 .spec.replicas': { count: 'many' }, x: null })
    assert.deepEqual(await look('.spec.replicas'), [])
  })
})
