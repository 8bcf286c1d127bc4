import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { requestReconciliation, resumeObject, suspendObject, type RequestContext } from '../../src/reconcile/index.ts'
import { createClusterCache, createKubeClient } from '../../src/kube/index.ts'
import { useCluster } from '../support/cluster.ts'
import { createMemoryLogger, systemClock, systemRandom } from '../support/memory-ports.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: { a: "1" }\n'

/** What asking by hand works with, on the scenario's cluster. */
function requests(made: Scenario, clock = systemClock): RequestContext {
  const logger = createMemoryLogger()
  const client = createKubeClient({
    transport: made.deps.transport,
    clock,
    random: systemRandom,
    logger,
    cache: createClusterCache(),
    requestTimeoutMs: 10_000,
  })
  return { client, clock, logger, signal: AbortSignal.timeout(30_000) }
}

const ks = (namespace: string, name = 'app'): { kind: string; namespace: string; name: string } => ({
  kind: 'Kustomization',
  namespace,
  name,
})

describe('suspended with an end', () => {
  it('says who, why and until when; a scan resumes what is past it and works on it, and leaves the others', async () => {
    const made = await createScenario(cluster, { files: { 'app/a.yaml': configMap } })
    try {
      const { namespace, client } = made
      await made.kustomization()
      await made.kustomization('later')
      await made.kustomization('open')
      const before = requests(made, { ...systemClock, now: () => Date.now() - 7_200_000 })
      const wish = { by: 'ada', reason: 'the disk is full' }
      await suspendObject(before, ks(namespace), { ...wish, until: Date.now() - 1_000 })
      await suspendObject(before, ks(namespace, 'later'), { ...wish, until: Date.now() + 3_600_000 })
      await suspendObject(before, ks(namespace, 'open'), { by: 'ada' })
      const read = async (name: string): Promise<{ suspend: unknown; notes: object }> => {
        const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', ...ks(namespace, name) }
        const { spec, metadata } = (await client.get(ref)) as unknown as {
          spec: { suspend?: boolean }
          metadata: { annotations?: { [key: string]: string } }
        }
        const notes = Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith('sluice.dev/'))
        return { suspend: spec.suspend, notes: Object.fromEntries(notes) }
      }
      const suspended = await read('app')
      assert.equal(suspended.suspend, true)
      assert.deepEqual(Object.keys(suspended.notes).toSorted(), [
        'sluice.dev/suspended-by',
        'sluice.dev/suspended-reason',
        'sluice.dev/suspended-until',
      ])
      const record = await made.scan()
      assert.equal(nodeOf(record, 'Kustomization/app').state, 'ready')
      assert.deepEqual(
        record.nodes.map((node) => node.name),
        ['app'],
      )
      assert.deepEqual(await read('app'), { suspend: undefined, notes: {} })
      assert.equal((await read('later')).suspend, true)
      assert.equal((await read('open')).suspend, true)
      const events = await client.list({ apiVersion: 'v1', kind: 'Event', namespace })
      const said = events.filter((event) => event['involvedObject'].name === 'app').map((event) => event['message'])
      assert.ok(said.some((text) => /^suspended by ada until .*Z: the disk is full$/.test(String(text))))
      assert.ok(said.some((text) => /time that it was suspended for is over/.test(String(text))))
    } finally {
      await made.close()
    }
  })

  it('lasts over an apply from Git that does not speak of it; where Git does, that wins, and whoever asks is told', async () => {
    const kustomization = (extra: string): string =>
      `apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: child\n  namespace: $NAMESPACE\nspec:\n  interval: 10m\n  prune: true\n  path: ./child\n${extra}  sourceRef: { kind: GitRepository, name: app }\n`
    const made = await createScenario(cluster, {
      files: { 'app/child.yaml': kustomization(''), 'child/a.yaml': configMap },
    })
    try {
      const { namespace, client } = made
      await made.kustomization()
      await made.pushed()
      const ctx = requests(made)
      const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', ...ks(namespace, 'child') }
      const suspended = async (): Promise<unknown> => (await client.get(ref))['spec'].suspend
      assert.equal((await suspendObject(ctx, ks(namespace, 'child'), { by: 'ada' })).revertedBy, undefined)
      await made.push({ 'app/child.yaml': kustomization('  timeout: 1m\n') })
      assert.equal(await suspended(), true)
      assert.equal((await client.get(ref))['spec'].timeout, '1m')
      assert.equal((await suspendObject(ctx, ks(namespace, 'child'), { by: 'ada' })).unchanged, true)
      await assert.rejects(requestReconciliation(ctx, ks(namespace, 'child')), /is suspended; resume it first/)
      assert.equal((await resumeObject(ctx, ks(namespace, 'child'), 'ada')).unchanged, false)
      assert.equal((await resumeObject(ctx, ks(namespace, 'child'), 'ada')).unchanged, true)
      await made.push({ 'app/child.yaml': kustomization('  suspend: false\n') })
      const result = await suspendObject(ctx, ks(namespace, 'child'), { by: 'ada' })
      assert.equal(result.revertedBy, 'kustomize-controller')
      assert.equal(await suspended(), true)
      await made.push({ 'app/child.yaml': kustomization('  suspend: false\n  timeout: 2m\n') })
      assert.equal(await suspended(), false)
    } finally {
      await made.close()
    }
  })
})
