import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkHealth, formatFindings, type HealthReport, type ObjectKey } from '../../src/kube/index.ts'
import type { KubeObject } from '../../src/resources/index.ts'
import { systemClock } from '../support/memory-ports.ts'
import { behaviourAnnotation } from '../support/pod-behaviour.ts'
import { apply, deployment, ownerIn, useKube } from './kube-fixture.ts'

const kube = useKube()

async function look(
  behaviours: { readonly [name: string]: string },
  budgetMs: number,
  kind: 'Deployment' | 'StatefulSet' = 'Deployment',
  /** What the status of a Pod has in it by then, by the name of its workload. */
  shows?: { readonly [name: string]: RegExp },
): Promise<HealthReport> {
  const namespace = await kube.cluster.namespace()
  const client = kube.client()
  const objects = Object.entries(behaviours).map(([name, behaviour]) => {
    const object = structuredClone(deployment(namespace, name)) as {
      kind: string
      spec: { template: { metadata: object }; serviceName?: string }
    }
    object.kind = kind
    object.spec.template.metadata = {
      ...object.spec.template.metadata,
      annotations: { [behaviourAnnotation]: behaviour },
    }
    if (kind === 'StatefulSet') object.spec.serviceName = name
    return object
  })
  const result = await apply(client, ownerIn(namespace), objects)
  assert.deepEqual(result.errors, [])
  if (shows !== undefined) await untilShown(namespace, shows)
  const targets = Object.keys(behaviours).map((name) => ({
    key: { apiVersion: 'apps/v1', kind, namespace, name } as ObjectKey,
  }))
  return checkHealth(client, { targets, budgetMs, pollMs: 100 })
}

async function untilShown(namespace: string, shows: { readonly [name: string]: RegExp }): Promise<void> {
  for (const end = Date.now() + 60_000; ; await systemClock.sleep(50)) {
    const pods = await kube.cluster.client.list({ apiVersion: 'v1', kind: 'Pod', namespace })
    const missing = Object.entries(shows).filter(
      ([name, text]) =>
        !pods.some((pod) => pod.metadata.name.startsWith(`${name}-`) && text.test(JSON.stringify(pod['status']))),
    )
    if (missing.length === 0) return
    assert.ok(Date.now() < end, `no Pod shows ${String(missing)}: ${JSON.stringify(pods.map((pod) => pod['status']))}`)
  }
}

test('healthy after a while, inside the budget', async () => {
  const started = Date.now()
  const report = await look({ now: 'run', later: 'ready-after=500ms' }, 15_000)
  assert.deepEqual(report, { ready: true, notReady: [], failed: [] })
  assert.ok(Date.now() - started < 14_000)
})

test('not ready at the end of the budget: with the Pod’s own reason', async () => {
  const report = await look(
    { image: 'image-pull', nowhere: 'unschedulable', slow: 'never-ready' },
    2_500,
    'Deployment',
    { image: /ErrImagePull|ImagePullBackOff/, nowhere: /Unschedulable/, slow: /"ready":false/ },
  )
  assert.equal(report.ready, false)
  assert.deepEqual(report.failed, [])
  const text = formatFindings(report.notReady)
  assert.match(
    text,
    /Deployment\/.*\/image status: 'InProgress' \(.*; Pod image-.*: container app: (ErrImagePull|ImagePullBackOff)/,
  )
  assert.match(text, /Pod nowhere-.*: unschedulable: ./)
  assert.match(text, /Pod slow-/)
})

test('a StatefulSet fails with a Pod that crashes, a Deployment does not', async () => {
  const set = await look({ loop: 'crash-loop' }, 10_000, 'StatefulSet')
  const failing = set.failed.length > 0 ? set : await look({ loop: 'crash-loop' }, 10_000, 'StatefulSet')
  assert.match(formatFindings(failing.failed), /CrashLoopBackOff/)
  const single = await look({ loop: 'crash-loop' }, 3_000, 'Deployment', { loop: /CrashLoopBackOff|"Error"/ })
  assert.deepEqual(single.failed, [])
  assert.match(formatFindings(single.notReady), /CrashLoopBackOff|Error/)
})

test('what is not there, what may not be read, and a Job that has deleted itself', async () => {
  const namespace = await kube.cluster.namespace()
  const key: ObjectKey = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'nothing' }
  const job: ObjectKey = { apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'done' }
  const desired = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'done', namespace },
    spec: { ttlSecondsAfterFinished: 1 },
  } as KubeObject
  const report = await checkHealth(kube.client(), { targets: [{ key }, { key: job, desired }], budgetMs: 0 })
  assert.deepEqual(report, {
    ready: false,
    failed: [],
    notReady: [{ key, status: 'NotFound', message: 'it is not there' }],
  })
  assert.equal((await checkHealth(kube.client(), { targets: [{ key: job, desired }], budgetMs: 0 })).ready, true)
  const other = kube.client().as(`system:serviceaccount:${namespace}:nobody`)
  const refused = await checkHealth(other, { targets: [{ key }], budgetMs: 0 })
  assert.equal(refused.notReady[0]?.status, 'Unknown')
  assert.match(refused.notReady[0]?.message ?? '', /forbidden.*nobody/)
})
