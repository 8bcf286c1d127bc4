import { createRunStore } from '../../src/coordinator/index.ts'
import type { Json } from '../../src/base/index.ts'
import type { StateStore } from '../../src/ports/index.ts'
import type { Managed } from '../../src/reconcile/world.ts'
import { pushRun, saveRun } from './observed-state.ts'
import { gitRepository, helmRelease, kustomization, newCommit, readyCondition } from './summary-objects.ts'

/** What somebody writes into a commit, a branch, a chart or a message so that it becomes part of a page. Each sets a mark where it runs. */
export const hostileTexts = [
  '<script>window.marked=1</script>',
  '"><img src=x onerror=window.marked=1>',
  "' onmouseover='window.marked=1' x='",
  '</code></a><svg/onload=window.marked=1>',
  'javascript:window.marked=1',
  '{{constructor.constructor("window.marked=1")()}}',
  '<style>*{display:none}</style>',
  '\u202e<iframe srcdoc="<script>parent.marked=1</script>"></iframe>\u0000',
] as const

const all = hostileTexts.join(' ')

/** Fills every field that others can name with hostile texts: objects, a run, a commit, a cluster's error. Object `Kustomization/apps/evil` has most of them. */
export async function hostileState(state: StateStore): Promise<void> {
  const infra = kustomization('evil', {
    applied: newCommit,
    ready: { ...readyCondition('False', all, all), lastTransitionTime: all },
    spec: { path: all, dependsOn: [{ name: all }] },
  })
  const branchy: Managed = {
    ...infra,
    metadata: {
      ...infra.metadata,
      annotations: {
        'sluice.dev/suspended-by': all,
        'sluice.dev/suspended-reason': all,
        'sluice.dev/suspended-until': all,
        'sluice.dev/pin': all,
        'sluice.dev/pinned-by': all,
        'sluice.dev/pinned-reason': all,
        'sluice.dev/pinned-until': all,
        'sluice.dev/windows': all,
      },
      labels: { 'kustomize.toolkit.fluxcd.io/name': all, 'kustomize.toolkit.fluxcd.io/namespace': all },
    },
    status: { ...infra.status, lastAppliedRevision: `${all}@sha1:${newCommit}`, lastAttemptedRevision: all },
  }
  const release = helmRelease('evil')
  const [snapshot] = release.status?.history ?? []
  const charted: Managed = {
    ...release,
    status: {
      ...release.status,
      history: snapshot === undefined ? [] : [{ ...snapshot, chartName: all, chartVersion: all, appVersion: all }],
    },
  }
  const source = gitRepository(newCommit, { url: `git@${all}` })
  const push = {
    provider: all,
    deliveryId: all,
    urls: ['javascript:window.marked=1', `https://git.example/${encodeURIComponent(all)}`, all],
    ref: `refs/heads/${all}`,
    after: newCommit,
    actor: all,
  }
  const request = { id: pushRun, trigger: 'push', receivedAt: Date.now(), clusters: ['one', 'two'], push } as const
  await saveRun(
    state,
    request,
    'one',
    [source, branchy, charted, kustomization(all)],
    [
      {
        kind: 'Kustomization',
        namespace: 'apps',
        name: 'evil',
        state: 'failed',
        revision: `${all}@sha1:${newCommit}`,
        reason: all,
        message: all,
        changes: [{ object: all, action: all, drift: [{ path: all, change: 'add' }] }],
        unchanged: 0,
        timings: { startedAt: 1, finishedAt: 2 },
      },
    ],
  )
  const record = await createRunStore(state).getRecord(pushRun, 'one')
  if (record !== undefined)
    await createRunStore(state).putRecord({
      ...record,
      cluster: 'two',
      state: 'failed',
      error: { code: all, message: all },
    })
  await state.put('delivery-log/01ddddddddddddddd', {
    id: '01ddddddddddddddd',
    at: 1,
    provider: all,
    receiver: all,
    deliveryId: all,
    event: all,
    ref: `refs/heads/${all}`,
    verified: true,
    outcome: 'run',
    reason: all,
    run: pushRun,
  })
  const action = { at: 1, actor: all, how: all, action: all, outcome: all, reason: all, run: all }
  for (const [id, target] of [
    ['01ddddddddddddddd', { cluster: all, kind: all, namespace: all, name: all }],
    ['01eeeeeeeeeeeeeee', { plan: all, cluster: all }],
    ['01fffffffffffffff', { run: all }],
    ['01ggggggggggggggg', { cluster: all }],
  ] as const)
    await state.put(`action-log/${id}`, { ...action, id, target })
  const difference = {
    path: all,
    pointer: `/${all}`,
    change: 'replace',
    manager: all,
    since: all,
    live: all,
    wanted: all,
  }
  const last = { ...difference, object: `Deployment/${all}/x`, action: all, at: 1 }
  await state.put('drift/one/Kustomization/apps/evil', { [all]: { count: 3, since: 1, last } } as Json)
  await state.put('clusters/two', { cluster: 'two', failingSince: 1, error: { code: all, message: all } } as Json)
}

/** Pages that show all of it. */
export const hostilePages = [
  '/ui',
  `/ui?state=${encodeURIComponent(all)}&namespace=${encodeURIComponent(all)}`,
  `/ui?text=${encodeURIComponent('window.marked')}&cluster=${encodeURIComponent(all)}&page=${encodeURIComponent(all)}`,
  '/ui?show=sources',
  '/ui/commits',
  `/ui/commits?before=${encodeURIComponent(all)}`,
  '/ui/deliveries',
  `/ui/deliveries?provider=${encodeURIComponent(all)}&outcome=${encodeURIComponent(all)}`,
  '/ui/objects/one/Kustomization/apps/evil',
  '/ui/objects/one/Kustomization/apps/evil?live=true',
  '/ui/objects/one/HelmRelease/apps/evil',
  '/ui/objects/one/GitRepository/apps/app',
  `/ui/objects/one/Kustomization/apps/${encodeURIComponent(all)}`,
  `/ui/commits/${newCommit}`,
  `/ui/commits/${encodeURIComponent(all)}`,
  '/ui/actions',
  `/ui/actions?before=${encodeURIComponent(all)}`,
  '/ui/drift',
  '/ui/drift?cluster=one',
  '/ui/clusters/one',
  '/ui/clusters/two',
  '/ui/runs',
  `/ui/runs?cluster=${encodeURIComponent(all)}`,
  `/ui/runs/${pushRun}`,
  `/ui/sign-in?next=${encodeURIComponent(`/ui/${all}`)}`,
  `/ui/sign-in?next=${encodeURIComponent('javascript:window.marked=1')}`,
] as const
