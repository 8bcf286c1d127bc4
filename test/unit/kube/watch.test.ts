import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WatchEvent } from '../../../src/kube/index.ts'
import { createFakeServer, status } from './fake-server.ts'

const kind = { apiVersion: 'v1', kind: 'ConfigMap' }
const event = (type: string, resourceVersion: string): string =>
  JSON.stringify({ type, object: { metadata: { resourceVersion } } }) + '\n'

test('a resource version that is too old ends the watch', async () => {
  const gone = JSON.stringify({
    type: 'ERROR',
    object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' },
  })
  for (const answer of [{ status: 200, body: `${event('ADDED', '5')}${gone}\n` }, status(410, 'Expired', 'too old')]) {
    const { client } = createFakeServer([answer])
    const seen: WatchEvent[] = []
    const watching = async (): Promise<void> => {
      for await (const found of client.watch(kind, { resourceVersion: '1', timeoutMs: 5_000 })) seen.push(found)
    }
    await assert.rejects(watching(), { code: 'kube-gone', disposition: 'retry' })
    assert.ok(seen.length <= 1)
  }
})

test('a connection that ends is taken up behind the last event, bookmarks included', async () => {
  const { client, requests, clock } = createFakeServer([
    { status: 200, body: event('ADDED', '5') + event('BOOKMARK', '9') },
    new Error('reset'),
    { status: 200, body: event('MODIFIED', '10') },
  ])
  const seen: string[] = []
  for await (const { type } of client.watch(kind, { namespace: 'ns', resourceVersion: '1', timeoutMs: 5_000 })) {
    seen.push(type)
    if (seen.length === 3) break
  }
  assert.deepEqual(seen, ['ADDED', 'BOOKMARK', 'MODIFIED'])
  assert.deepEqual(
    requests.map(({ path }) => /resourceVersion=(\d+)/.exec(path)?.[1]),
    ['1', '9', '9'],
  )
  assert.deepEqual(clock.sleeps, [250])
})
