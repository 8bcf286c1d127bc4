import assert from 'node:assert/strict'
import { after, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClusterCache, createKubeClient, leaseKind } from '../../src/kube/index.ts'
import { createClusterLease, type ClusterLease } from '../../src/reconcile/index.ts'
import { createNodeKubeTransport } from '../../src/platforms/node/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createMemoryLogger, systemClock, systemRandom } from '../support/memory-ports.ts'

const cluster = useCluster()
const closers: (() => void)[] = []
after(() => closers.forEach((close) => close()))

const signal = new AbortController().signal

function replica(namespace: string, holder: string, durationMs = 3_000): ClusterLease {
  const { server, caPem, token } = cluster.address
  const transport = createNodeKubeTransport({ cluster: 'test', server, ca: caPem, token: async () => token })
  closers.push(() => transport.close())
  const client = createKubeClient({
    transport,
    clock: systemClock,
    random: systemRandom,
    logger: createMemoryLogger(),
    cache: createClusterCache(),
    requestTimeoutMs: 5_000,
  })
  return createClusterLease({ client: () => Promise.resolve(client), namespace, holder, durationMs })
}

const busy = { code: 'cluster-busy', disposition: 'retry', retryAfterMs: 1_000 }

it('of two replicas one works on a cluster at a time, and the other when it is done', async () => {
  const namespace = await cluster.namespace()
  const [one, two] = [replica(namespace, 'one'), replica(namespace, 'two')]
  const first = Promise.withResolvers<string>()
  const work = one.hold(() => first.promise, signal)
  const also = one.hold(() => Promise.resolve('several at a time'), signal)
  assert.equal(await also, 'several at a time')
  await assert.rejects(
    two.hold(() => Promise.resolve('no'), signal),
    busy,
  )
  // Longer than the lock lasts without being renewed, the clocks' difference included.
  await sleep(6_000)
  await assert.rejects(
    two.hold(() => Promise.resolve('no'), signal),
    busy,
  )
  first.resolve('done')
  assert.equal(await work, 'done')
  assert.equal(await two.hold(() => Promise.resolve('at once'), signal), 'at once')
})

it('a replica that was killed keeps the others away for a while only; one that has lost the lock is told', async () => {
  const namespace = await cluster.namespace()
  const [one, two] = [replica(namespace, 'one', 2_000), replica(namespace, 'two', 2_000)]
  const lost = one.hold(
    (gone) => new Promise<string>((resolve) => gone.addEventListener('abort', () => resolve('stopped'))),
    signal,
  )
  const key = { ...leaseKind, namespace, name: 'sluice' }
  await cluster.client.waitFor(key, (object) => object?.['spec']?.holderIdentity !== undefined)
  // Somebody takes it by force: what the first does from now on would not be alone.
  // Without a version: it is renewed meanwhile.
  const renewTime = new Date().toISOString().replace('Z', '000Z')
  await cluster.client.patch(key, { spec: { holderIdentity: 'somebody', renewTime } })
  assert.equal(await lost, 'stopped')
  await assert.rejects(
    two.hold(() => Promise.resolve('no'), signal),
    busy,
  )
  await sleep(5_000)
  assert.equal(await two.hold(() => Promise.resolve('taken over'), signal), 'taken over')
})
