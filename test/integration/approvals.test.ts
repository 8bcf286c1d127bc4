import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../src/base/index.ts'
import {
  approvePlan,
  approveWaiting,
  createCaches,
  listWaiting,
  type ChangesPolicy,
  type DeploymentRequests,
  type NodeRecord,
  type ReplanWish,
  type RunRecord,
} from '../../src/reconcile/index.ts'
import { partKey, putSigned, waitKey } from '../../src/reconcile/approval/records.ts'
import { useCluster } from '../support/cluster.ts'
import { createCutTransport } from '../support/cut-transport.ts'
import { createMemoryState } from '../support/memory-ports.ts'
import { notePlan, setPolicy, storeOf } from '../support/planned.ts'
import { configMapTemplate, createReleaseScenario, dataOf } from '../support/release-scenario.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const configMap = (name: string, color: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: { color: ${color} }\n`
const blue = { 'app/a.yaml': configMap('a', 'blue') }
const green = { 'app/a.yaml': configMap('a', 'green') }

/** A scenario whose Kustomization has applied `blue`, and what it is to do with changes from then on. */
async function withPolicy(
  changes: ChangesPolicy,
  files: { readonly [path: string]: string } = blue,
  requests?: DeploymentRequests,
): Promise<Scenario> {
  const made = await createScenario(cluster, { files })
  await made.kustomization()
  await made.pushed()
  setPolicy(made, changes, requests === undefined ? {} : { requests })
  return made
}

const colorOf = async ({ client, namespace }: Scenario, name = 'a'): Promise<unknown> =>
  (await client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }))?.['data'].color

const nodeIn = (record: RunRecord): NodeRecord => nodeOf(record, 'Kustomization/app')

async function heldIn({ client, namespace }: Scenario): Promise<{ reason: string; message: string } | undefined> {
  const ref = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization', namespace, name: 'app' }
  const { conditions } = (await client.get(ref))['status']
  return conditions.find((one: { type: string }) => one.type === 'Held')
}

async function reasonsIn({ client, namespace }: Scenario): Promise<readonly string[]> {
  const events = await client.request('GET', `/api/v1/namespaces/${namespace}/events`)
  return (events as unknown as { items: { reason: string }[] }).items.map(({ reason }) => reason)
}

/** The run that is asked for when something was approved. */
async function lookAgain(made: Scenario): Promise<RunRecord> {
  const object = { kind: 'Kustomization', namespace: made.namespace, name: 'app' }
  return (await made.run({ kind: 'trigger', target: { objects: [object] } })).record
}

/** A scan for which every interval is over. */
async function dueScan(made: Scenario): Promise<RunRecord> {
  delete (made.deps.caches as { checks?: unknown }).checks
  for (const { key } of await made.deps.state.list('checks/')) await made.deps.state.delete(key)
  return made.scan()
}

async function disturb({ client, namespace }: Scenario): Promise<void> {
  await client.request('PATCH', `/api/v1/namespaces/${namespace}/configmaps/a`, {
    body: { data: { color: 'red' } },
    contentType: 'application/merge-patch+json',
  })
}

describe('a cluster that holds what was not approved', () => {
  it('applies what was approved without asking, whatever else the commit has', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      const plan = await notePlan(made, 7, green)
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      const node = nodeIn(await made.push({ ...green, 'README.md': 'merged with another one\n' }))
      assert.equal(node.state, 'ready', node.message)
      assert.equal(await colorOf(made), 'green')
      assert.equal(await heldIn(made), undefined)
      assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
      assert.ok(!(await reasonsIn(made)).includes('NotAsApproved'))
    } finally {
      await made.close()
    }
  })

  it('waits for the notice of the merge where the push comes first, and goes on when it comes', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      const plan = await notePlan(made, 7, green)
      const node = nodeIn(await made.push(green))
      assert.equal(node.state, 'skipped')
      assert.equal(node.reason, 'WaitingForApproval')
      assert.match(
        node.message ?? '',
        /no plan of it is approved; the last one is that of pull request #7; to approve it: /,
      )
      assert.equal(await colorOf(made), 'blue')
      assert.equal((await heldIn(made))?.reason, 'WaitingForApproval')
      const { clusters } = await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      assert.deepEqual(clusters, [
        { cluster: 'test', applications: [{ kind: 'Kustomization', namespace: made.namespace, name: 'app' }] },
      ])
      assert.equal(nodeIn(await lookAgain(made)).state, 'ready')
      assert.equal(await colorOf(made), 'green')
      assert.equal(await heldIn(made), undefined)
    } finally {
      await made.close()
    }
  })

  it('is approved from its pull request where merging did not, whatever other plan was made last', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      const plan = await notePlan(made, 7, green)
      await notePlan(made, 9, { 'app/a.yaml': configMap('a', 'yellow') })
      const node = nodeIn(await made.push(green))
      assert.match(node.message ?? '', /no plan of it is approved; the last one is that of pull request #9; /)
      const of = { repository: 'team/app', pullRequest: 7, plan }
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'command', of })
      assert.equal(nodeIn(await lookAgain(made)).state, 'ready')
      assert.equal(await colorOf(made), 'green')
      assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
    } finally {
      await made.close()
    }
  })

  it('goes on with the next scan where nobody could be asked to run', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      const plan = await notePlan(made, 7, green)
      await made.push(green)
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      Object.assign(made.deps, { caches: createCaches() })
      await made.scan()
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('waits where another pull request was merged first, repairs drift meanwhile, and renders nothing again', async () => {
    const made = await withPolicy({ afterMerge: 'hold' }, { ...blue, 'app/b.yaml': configMap('b', 'blue') })
    try {
      const both = { 'app/a.yaml': configMap('a', 'green'), 'app/b.yaml': configMap('b', 'yellow') }
      const plan = await notePlan(made, 7, { ...green, 'app/b.yaml': configMap('b', 'blue') })
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      const node = nodeIn(await made.push(both))
      assert.equal(node.reason, 'WaitingForApproval')
      assert.match(
        node.message ?? '',
        /^waits for approval: differs in the wanted objects from what was approved with the plan of pull request #7; to approve it: comment \/apply test on the pull request, or sluice approve waiting --cluster test$/,
      )
      await disturb(made)
      const scan = nodeIn(await dueScan(made))
      assert.equal(scan.state, 'ready', scan.message)
      assert.equal(await colorOf(made), 'blue')
      assert.equal(await colorOf(made, 'b'), 'blue')
      const again = nodeIn(await made.scan())
      assert.equal(again.reason, 'WaitingForApproval')
      assert.equal(again.timings.renderedAt, undefined)
      const [waiting] = await listWaiting(storeOf(made), 'test')
      assert.equal(waiting?.pullRequest, 7)
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'command' })
      await lookAgain(made)
      assert.equal(await colorOf(made), 'green')
      assert.equal(await colorOf(made, 'b'), 'yellow')
      assert.equal(await heldIn(made), undefined)
    } finally {
      await made.close()
    }
  })

  it('approves nothing but what was seen', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      await made.push(green)
      const seenAt = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 5))
      await made.push({ 'app/a.yaml': configMap('a', 'yellow') })
      const wish = { by: 'ada', how: 'command', seenAt } as const
      await assert.rejects(approveWaiting(storeOf(made), 'test', wish), { code: 'approval-outdated' })
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'command' })
      await made.push({ 'app/a.yaml': configMap('a', 'black') })
      assert.equal(await colorOf(made), 'blue')
      await assert.rejects(approveWaiting(storeOf(made), 'other', wish), { code: 'nothing-waits' })
    } finally {
      await made.close()
    }
  })

  it('keeps an approval that comes while a run notes again that it waits', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      assert.equal(nodeIn(await made.push(green)).reason, 'WaitingForApproval')
      const store = storeOf(made)
      const key = waitKey('test', `Kustomization/${made.namespace}/app`)
      let isRead = false
      const state: typeof store.state = {
        ...store.state,
        get: async (wanted) => {
          const found = await store.state.get(wanted)
          if (wanted !== key || isRead) return found
          isRead = true
          await approveWaiting(store, 'test', { by: 'ada', how: 'page' })
          return found
        },
      }
      Object.assign(made.deps, { state })
      // Another commit, which changes nothing of it: what waits is noted with that one.
      assert.equal(nodeIn(await made.push({ 'README.md': 'another one\n' })).reason, 'WaitingForApproval')
      assert.ok(isRead)
      assert.equal(nodeIn(await lookAgain(made)).state, 'ready')
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('does not take an approval twice: going back needs another one', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      const yellow = { 'app/a.yaml': configMap('a', 'yellow') }
      for (const [pull, files] of [
        [7, green],
        [8, yellow],
      ] as const) {
        const plan = await notePlan(made, pull, files)
        await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
        await made.push(files)
      }
      assert.equal(await colorOf(made), 'yellow')
      const node = nodeIn(await made.push(green))
      assert.equal(node.reason, 'WaitingForApproval')
      assert.equal(await colorOf(made), 'yellow')
    } finally {
      await made.close()
    }
  })

  it('holds deletions with the rest', async () => {
    const made = await withPolicy({ afterMerge: 'hold' }, { ...blue, 'app/b.yaml': configMap('b', 'blue') })
    try {
      const node = nodeIn(await made.push({ 'app/b.yaml': null as unknown as string }))
      assert.equal(node.reason, 'WaitingForApproval')
      assert.match(node.message ?? '', /there is no plan of it/)
      assert.equal(await colorOf(made, 'b'), 'blue')
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'trigger' })
      await lookAgain(made)
      assert.equal(await colorOf(made, 'b'), undefined)
    } finally {
      await made.close()
    }
  })

  it('believes no record that it has not signed', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      await made.push(green)
      const { state } = made.deps
      const [entry, ...others] = await state.list('approval-waits/')
      assert.ok(entry)
      assert.deepEqual(others, [])
      const { body, mac } = entry.value as { body: object; mac: unknown }
      assert.equal(typeof mac, 'string')
      const note = { by: 'mallory', how: 'command', at: Date.now() }
      const forged = JSON.parse(JSON.stringify({ body: { ...body, approved: note }, mac })) as Json
      await state.put(entry.key, forged)
      assert.equal(nodeIn(await lookAgain(made)).reason, 'WaitingForApproval')
      assert.equal(await colorOf(made), 'blue')
      // What was lost with the store waits again.
      Object.assign(made.deps, { state: createMemoryState(), caches: createCaches() })
      assert.equal(nodeIn(await lookAgain(made)).reason, 'WaitingForApproval')
      // It is the signature that was missing: the same approval of what waits now, signed, is followed.
      const store = storeOf(made)
      const [again] = await store.state.list('approval-waits/')
      assert.ok(again)
      const { body: waits } = again.value as { body: object }
      await putSigned(store, again.key, { ...waits, approved: note })
      assert.equal(nodeIn(await lookAgain(made)).state, 'ready')
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('goes on where it was cut off after the approval was used', async () => {
    const made = await withPolicy({ afterMerge: 'hold' }, { ...blue, 'app/b.yaml': configMap('b', 'blue') })
    try {
      const both = { 'app/a.yaml': configMap('a', 'green'), 'app/b.yaml': configMap('b', 'green') }
      const plan = await notePlan(made, 7, both)
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      const { transport } = made.deps
      const cuts: number[] = []
      await made.repository.commit(
        Object.fromEntries(
          Object.entries(both).map(([path, text]) => [path, text.replaceAll('$NAMESPACE', made.namespace)]),
        ),
      )
      for (let at = 2; at < 60; at += 1) {
        const cut = createCutTransport(transport, at, at % 2 === 0 ? 'after' : 'before')
        Object.assign(made.deps, { transport: cut })
        await made.pushed().catch(() => undefined)
        if (!cut.isCut) break
        cuts.push(at)
      }
      Object.assign(made.deps, { transport })
      assert.ok(cuts.length > 3, `cut ${cuts.length} times`)
      await made.pushed()
      assert.equal(await colorOf(made), 'green')
      assert.equal(await colorOf(made, 'b'), 'green')
      assert.deepEqual(await listWaiting(storeOf(made), 'test'), [])
    } finally {
      await made.close()
    }
  })

  it('lets nothing through that the plan does not have any more, made again before it was approved', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      await notePlan(made, 7, green)
      const plan = await notePlan(made, 7, undefined)
      const { clusters } = await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      assert.deepEqual(clusters, [{ cluster: 'test', applications: [] }])
      assert.equal(nodeIn(await made.push(green)).reason, 'WaitingForApproval')
      assert.equal(await colorOf(made), 'blue')
    } finally {
      await made.close()
    }
  })

  it('lets nothing through by an approval of what the plan said before, cut off while it is noted anew', async () => {
    const made = await withPolicy({ afterMerge: 'hold' })
    try {
      const plan = await notePlan(made, 7, { 'app/a.yaml': configMap('a', 'yellow') })
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      const store = storeOf(made)
      const cut: typeof store = {
        ...store,
        state: {
          ...store.state,
          put: (key, value, options) =>
            key === partKey(plan, 'test') ? Promise.reject(new Error('cut off')) : store.state.put(key, value, options),
        },
      }
      await assert.rejects(notePlan(made, 7, green, cut), /cut off/)
      assert.equal(nodeIn(await made.push(green)).reason, 'WaitingForApproval')
      assert.equal(await colorOf(made), 'blue')
      await notePlan(made, 7, green)
      await approvePlan(store, plan, { by: 'ada', how: 'merge' })
      assert.equal(nodeIn(await lookAgain(made)).state, 'ready')
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })

  it('leaves applications out that a rule names', async () => {
    const made = await withPolicy({ afterMerge: 'hold', rules: [{ names: ['ap*'], afterMerge: 'apply' }] })
    try {
      await made.push(green)
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })
})

describe('a cluster that plans again', () => {
  it('asks for a plan of what is applied against the merged commit, once, and waits for its approval', async () => {
    const asked: ReplanWish[] = []
    const requests: DeploymentRequests = { run: async () => undefined, plan: async (wish) => void asked.push(wish) }
    const made = await withPolicy({ afterMerge: 'plan' }, blue, requests)
    try {
      const ref = {
        apiVersion: 'source.toolkit.fluxcd.io/v1',
        kind: 'GitRepository',
        namespace: made.namespace,
        name: 'app',
      }
      const commitOf = async (): Promise<string> =>
        (await made.client.get(ref))['status'].artifact.revision.split(':')[1]
      const base = await commitOf()
      const old = await notePlan(made, 7, { 'app/a.yaml': configMap('a', 'yellow') })
      await approvePlan(storeOf(made), old, { by: 'ada', how: 'merge' })
      const node = nodeIn(await made.push(green))
      assert.equal(node.reason, 'WaitingForApproval')
      assert.match(node.message ?? '', /a new plan is made; to approve it: /)
      await lookAgain(made)
      const head = await commitOf()
      const url = made.repository.url
      const waiting = {
        application: `Kustomization/${made.namespace}/app`,
        why: 'differs in the wanted objects from what was approved with the plan of pull request #7',
      }
      const branch = 'refs/heads/main'
      assert.deepEqual(asked, [{ cluster: 'test', url, branch, base, head, pullRequest: 7, waiting: [waiting] }])
      const plan = await notePlan(made, 8, green)
      assert.equal(await colorOf(made), 'blue')
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'page' })
      await lookAgain(made)
      assert.equal(await colorOf(made), 'green')
    } finally {
      await made.close()
    }
  })
})

describe('a cluster that applies in any case', () => {
  it('says that it is not what was approved', async () => {
    const made = await withPolicy({ afterMerge: 'apply' })
    try {
      const plan = await notePlan(made, 7, { 'app/a.yaml': configMap('a', 'yellow') })
      await approvePlan(storeOf(made), plan, { by: 'ada', how: 'merge' })
      assert.equal(nodeIn(await made.push(green)).state, 'ready')
      assert.equal(await colorOf(made), 'green')
      assert.ok((await reasonsIn(made)).includes('NotAsApproved'))
    } finally {
      await made.close()
    }
  })

  it('costs nothing where there is no policy', async () => {
    const made = await createScenario(cluster, { files: blue })
    try {
      await made.kustomization()
      await made.pushed()
      const asked: string[] = []
      const { state } = made.deps
      Object.assign(made.deps, {
        state: {
          ...state,
          get: (key: string) => (asked.push(key), state.get(key)),
          list: (prefix: string, options: object) => (asked.push(prefix), state.list(prefix, options)),
        },
      })
      await made.push(green)
      await made.scan()
      assert.ok(asked.length > 0)
      assert.deepEqual(
        asked.filter((key) => /^(?:approval|wave)/.test(key)),
        [],
      )
    } finally {
      await made.close()
    }
  })
})

describe('a HelmRelease', () => {
  it('waits as a whole, and is upgraded once it is approved', async () => {
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    try {
      await made.release()
      await made.reconcile()
      setPolicy(made, { afterMerge: 'hold' })
      await made.release({ values: { value: 'new' } })
      const node = await made.reconcile()
      assert.equal(node.reason, 'WaitingForApproval', node.message)
      assert.match(await made.condition('Held'), /^True WaitingForApproval$/)
      assert.deepEqual(await dataOf(made), { value: 'default' })
      assert.match(await made.condition('Ready'), /^True/)
      assert.deepEqual(await made.revisions(), ['v1 deployed'])
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'command' })
      assert.equal((await made.reconcile()).state, 'ready')
      assert.deepEqual(await dataOf(made), { value: 'new' })
      assert.equal(await made.condition('Held'), 'none')
    } finally {
      await made.close()
    }
  })

  it('whose release would move leaves nothing behind before it is approved', async () => {
    const made = await createReleaseScenario(cluster, { files: { 'templates/a.yaml': configMapTemplate('a') } })
    try {
      await made.release()
      await made.reconcile()
      setPolicy(made, { afterMerge: 'hold' })
      await made.release({ releaseName: 'moved' })
      assert.equal((await made.reconcile()).reason, 'WaitingForApproval')
      assert.deepEqual(await made.revisions(), ['v1 deployed'])
      await approveWaiting(storeOf(made), 'test', { by: 'ada', how: 'command' })
      assert.equal((await made.reconcile()).state, 'ready')
      assert.deepEqual(await made.revisions('moved'), ['v1 deployed'])
    } finally {
      await made.close()
    }
  })
})
