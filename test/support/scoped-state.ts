import type { FunctionDeps } from '../../functions/deps.ts'
import type { NamedToken } from '../../functions/access/config.ts'
import type { Grant } from '../../functions/access/roles.ts'
import type { Json } from '../../src/base/index.ts'
import { createRunStore } from '../../src/coordinator/index.ts'
import type { StateStore } from '../../src/ports/index.ts'
import type { ApprovalStore, NodeRecord, ObjectSummary } from '../../src/reconcile/index.ts'
import { putSigned, waitKey, type WaitRecord } from '../../src/reconcile/approval/records.ts'
import { rememberDrift } from '../../src/reconcile/drift-memory.ts'
import { writeHeads } from '../../src/reconcile/summary/heads.ts'
import { readShards, shardIndex, writeShards } from '../../src/reconcile/summary/shards.ts'
import { systemClock } from './memory-ports.ts'
import { observedState, pushedAt, pushRun } from './observed-state.ts'
import { newCommit } from './summary-objects.ts'

/** Stands in everything that is not the reader's: in the namespace of somebody else, and in the name of another cluster's objects. */
export const hiddenWord = 'canary-hidden'
export const hiddenRun = '01dddddddddddddddddddddddd'
/** Its target names an object of the reader and one of somebody else; of the first there is a record. */
export const mixedRun = '01eeeeeeeeeeeeeeeeeeeeeeee'
/** Its target is an object of somebody else, and what it did is the reader's. */
export const aimedRun = '01ffffffffffffffffffffffff'
export const hiddenTarget = { cluster: 'one', kind: 'Kustomization', namespace: 'canary-hidden', name: 'canary-hidden' }
const hiddenId = `Kustomization/${hiddenWord}/${hiddenWord}`
const shopId = 'Kustomization/apps/shop'

/** Bearer tokens of the test's deployment by role and scope. */
export const tokensOf = {
  viewer: 'token-of-a-viewer-of-everything',
  scoped: 'token-of-a-viewer-in-apps-of-one',
  operator: 'token-of-an-operator-in-apps-of-one',
  maintainer: 'token-of-a-maintainer-of-everything',
} as const

const inApps: Grant['scope'] = { clusters: ['one'], namespaces: ['apps'] }
const grants: { readonly [name in keyof typeof tokensOf]: Grant } = {
  viewer: { role: 'viewer', scope: {} },
  scoped: { role: 'viewer', scope: inApps },
  operator: { role: 'operator', scope: inApps },
  maintainer: { role: 'maintainer', scope: {} },
}

/** The tokens as the configuration has them. */
export const namedTokens: readonly NamedToken[] = (Object.keys(tokensOf) as (keyof typeof tokensOf)[]).map((name) => ({
  name: `the ${name}`,
  tokens: [tokensOf[name]],
  grant: grants[name],
}))

/** The state of `observedState`, where somebody else's objects lie in the same cluster, the same runs and the same commit. */
export async function scopedState(state: StateStore): Promise<void> {
  await observedState(state)
  await hideObject(state)
  const { namespace, name } = hiddenTarget
  const clock = { ...systemClock, now: () => pushedAt }
  for (const id of ['Kustomization/apps/shop', `Kustomization/${namespace}/${name}`])
    await rememberDrift({ state, cluster: { name: 'one' }, clock }, id, [
      {
        object: `ConfigMap/${id.split('/').slice(1).join('/')}`,
        action: 'configured',
        drift: [{ path: '.data.a', pointer: '/data/a', change: 'replace' }],
      },
    ])
  const runs = createRunStore(state)
  const node: NodeRecord = {
    kind: 'Kustomization',
    namespace,
    name,
    state: 'failed',
    message: hiddenWord,
    revision: `main@sha1:${newCommit}`,
    changes: [{ object: `ConfigMap/${namespace}/a`, action: 'configured' }],
    unchanged: 0,
    timings: { startedAt: pushedAt, finishedAt: pushedAt + 1 },
  }
  const record = await runs.getRecord(pushRun, 'one')
  if (record !== undefined)
    await runs.putRecord({ ...record, nodes: [...record.nodes, node], error: { code: 'x', message: hiddenWord } })
  const target = { object: hiddenTarget }
  await runs.putRequest({
    id: hiddenRun,
    trigger: 'trigger',
    receivedAt: pushedAt + 90_000,
    clusters: ['one'],
    target,
    actor: hiddenWord,
  })
  await runs.putRecord({
    id: hiddenRun,
    cluster: 'one',
    trigger: 'trigger',
    state: 'failed',
    receivedAt: pushedAt,
    nodes: [node],
    timings: {},
  })
  await putAimedRuns(state, node)
  const [note] = await state.list(`commits/${newCommit}/one/`)
  const known = note?.value as unknown as { readonly nodes: readonly Json[] }
  await state.put(note?.key ?? '', {
    ...known,
    nodes: [...known.nodes, { ...node, changes: 1, startedAt: 1, finishedAt: 2 }],
  } as unknown as Json)
  const entry = { at: 1, actor: 'ann', how: 'session', action: 'suspend', outcome: 'done' }
  await state.put('action-log/01aaaaaaaaaa', { ...entry, id: '01aaaaaaaaaa', target: hiddenTarget, reason: hiddenWord })
  await state.put('action-log/01bbbbbbbbbb', {
    ...entry,
    id: '01bbbbbbbbbb',
    target: { cluster: 'one', kind: 'Kustomization', namespace: 'apps', name: 'shop' },
    reason: 'the visible one',
  })
  await state.put('action-log/01cccccccccc', { ...entry, id: '01cccccccccc', action: 'sign-in', reason: hiddenWord })
  const delivery = { at: 1, provider: 'generic', deliveryId: 'd', event: 'push', verified: true, outcome: 'run' }
  const receivers = [
    ['01aaaaaaaaaa', `${namespace}/hook`],
    ['01bbbbbbbbbb', 'apps/hook'],
  ]
  for (const [id = '', receiver = ''] of receivers)
    await state.put(`delivery-log/${id}`, { ...delivery, id, receiver, clusters: ['one'] })
  await state.put('delivery-log/01cccccccccc', {
    ...delivery,
    id: '01cccccccccc',
    reason: hiddenWord,
    clusters: ['one'],
  })
  await state.put('clusters/one', {
    cluster: 'one',
    lastSeenAt: pushedAt,
    failingSince: pushedAt,
    error: { code: 'cluster-unreachable', message: hiddenWord },
  })
  // A part of the store that the view knows nothing of.
  await state.put('something-new/one', { text: hiddenWord })
}

/** Puts somebody else's object among those of cluster `one`, as the engine saves it: its summary, its head, and what `shop` waits for. */
async function hideObject(state: StateStore): Promise<void> {
  const known = await readShards(state, 'one')
  const objects = new Map<string, ObjectSummary>([...known.values()].flatMap((shard) => [...shard.objects]))
  const shop = objects.get(shopId)
  if (shop === undefined) throw new Error('there is no shop')
  const { kind, namespace, name } = hiddenTarget
  objects.set(shopId, { ...shop, blockers: [{ id: hiddenId, message: hiddenWord }, ...shop.blockers] })
  objects.set(hiddenId, {
    ...shop,
    kind,
    namespace,
    name,
    dependsOn: [],
    blockers: [],
    commits: [newCommit],
    path: hiddenWord,
    url: `https://git.example/${hiddenWord}`,
  })
  await writeShards(state, 'one', known, objects)
  await writeHeads(state, 'one', objects)
  const heads = JSON.stringify(await state.get(`heads/one/${String(shardIndex(hiddenId)).padStart(2, '0')}`))
  if (!heads.includes(hiddenWord)) throw new Error('the hidden object has no head')
}

/** Runs at objects that not all who see them may see. */
async function putAimedRuns(state: StateStore, hidden: NodeRecord): Promise<void> {
  const runs = createRunStore(state)
  const shop = { kind: 'Kustomization', namespace: 'apps', name: 'shop' }
  const { kind, namespace, name } = hiddenTarget
  const object = { kind, namespace, name }
  const shared = { trigger: 'trigger', receivedAt: pushedAt } as const
  for (const [id, target] of [
    [mixedRun, { objects: [shop, object] }],
    [aimedRun, { object }],
  ] as const) {
    await runs.putRequest({ ...shared, id, clusters: ['one'], target })
    await runs.putRecord({
      ...shared,
      id,
      cluster: 'one',
      state: 'failed',
      nodes: [{ ...hidden, ...shop, message: 'the visible one', changes: [] }, hidden],
      timings: {},
    })
  }
}

/** What waits for an approval that only others may see: the object of somebody else. */
export async function hiddenWait(store: ApprovalStore): Promise<void> {
  const wait: WaitRecord = {
    application: hiddenId,
    cluster: 'one',
    revision: `main@sha1:${newCommit}`,
    generation: 1,
    since: pushedAt,
    message: `${hiddenWord} waits`,
    desired: 'a',
    artifacts: 'b',
    live: 'c',
  }
  await putSigned(store, waitKey('one', hiddenId), wait)
}

/** A request as somebody with a token. */
export function asBearer(token: string | undefined): { readonly [name: string]: string } {
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

/** The reading part of a configuration with the tokens. */
export function withTokens(
  reading: FunctionDeps['config']['reading'],
  more: readonly NamedToken[] = [],
): FunctionDeps['config']['reading'] {
  return { ...reading, namedTokens: [...namedTokens, ...more], metricsTokens: ['token-for-metrics-alone'] }
}
