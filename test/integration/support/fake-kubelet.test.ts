import assert from 'node:assert/strict'
import { test } from 'node:test'
import { useCluster } from '../../support/cluster.ts'
import { behaviourAnnotation } from '../../support/fake-kubelet.ts'
import type { TestObject } from '../../support/kube-test-client.ts'

const cluster = useCluster()

function deployment(namespace: string, annotations: { readonly [key: string]: string } = {}): object {
  const labels = { app: 'web' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { containers: [{ name: 'web', image: 'example.com/web:1' }] },
      },
    },
  }
}

function job(namespace: string, annotations: { readonly [key: string]: string } = {}): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'work', namespace },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { annotations },
        spec: { restartPolicy: 'Never', containers: [{ name: 'work', image: 'example.com/work:1' }] },
      },
    },
  }
}

test('a Deployment becomes available, and its pods go away with it', async () => {
  const namespace = await cluster.namespace()
  await cluster.client.create(deployment(namespace))
  const web = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'web' }
  await cluster.client.waitFor(web, (found) => found?.['status']?.availableReplicas === 2)
  const pods = await cluster.client.list({ apiVersion: 'v1', kind: 'Pod', namespace })
  assert.equal(pods.length, 2)
  for (const pod of pods) assert.match(pod['status'].podIP, /^10\.244\./)
  await cluster.client.delete(web)
  for (const pod of pods) {
    await cluster.client.waitFor(
      { apiVersion: 'v1', kind: 'Pod', namespace, name: pod.metadata.name },
      (found) => found === undefined,
    )
  }
})

const behaviours: readonly { behaviour: string; isThere: (pod: TestObject) => boolean }[] = [
  { behaviour: 'never-ready', isThere: (pod) => pod['status'].phase === 'Running' && readiness(pod) === 'False' },
  {
    behaviour: 'image-pull',
    isThere: (pod) => pod['status'].phase === 'Pending' && waitingReason(pod) === 'ImagePullBackOff',
  },
  {
    behaviour: 'crash-loop',
    isThere: (pod) => waitingReason(pod) === 'CrashLoopBackOff' && pod['status'].containerStatuses[0].restartCount > 1,
  },
  { behaviour: 'unschedulable', isThere: (pod) => pod['status'].conditions?.[0]?.reason === 'Unschedulable' },
  { behaviour: 'ready-after=300ms', isThere: (pod) => readiness(pod) === 'True' },
  { behaviour: 'succeed-after=100ms', isThere: (pod) => pod['status'].phase === 'Succeeded' },
]

for (const { behaviour, isThere } of behaviours) {
  test(`a pod asked for ${behaviour}`, async () => {
    const namespace = await cluster.namespace()
    const metadata = { name: 'one', namespace, annotations: { [behaviourAnnotation]: behaviour } }
    const spec = {
      restartPolicy: behaviour.startsWith('succeed') ? 'Never' : 'Always',
      containers: [{ name: 'one', image: 'example.com/one:1' }],
    }
    await cluster.client.create({ apiVersion: 'v1', kind: 'Pod', metadata, spec })
    await cluster.client.waitFor(
      { apiVersion: 'v1', kind: 'Pod', namespace, name: 'one' },
      (pod) => pod?.['status'] !== undefined && isThere(pod),
      10_000,
    )
  })
}

for (const { name, annotations, type } of [
  { name: 'a Job completes', annotations: {}, type: 'Complete' },
  { name: 'a Job whose pod fails', annotations: { [behaviourAnnotation]: 'fail' }, type: 'Failed' },
]) {
  test(name, async () => {
    const namespace = await cluster.namespace()
    await cluster.client.create(job(namespace, annotations))
    const isOver = (found: TestObject | undefined): boolean =>
      (found?.['status']?.conditions ?? []).some(
        (condition: { type: string; status: string }) => condition.type === type && condition.status === 'True',
      )
    await cluster.client.waitFor({ apiVersion: 'batch/v1', kind: 'Job', namespace, name: 'work' }, isOver)
  })
}

test('requests are counted per verb, resource and user', async () => {
  const namespace = await cluster.namespace()
  const mark = await cluster.auditMark()
  const mine = { userAgent: 'sluice-tests', namespace }
  for (let i = 0; i < 3; i++) {
    await cluster.client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: `c${i}`, namespace },
      data: {},
    })
  }
  await assert.rejects(
    cluster.as('nobody').list({ apiVersion: 'v1', kind: 'Secret', namespace }),
    /cannot list resource "secrets"/,
  )
  const counts = await cluster.requestCounts(mark)
  assert.equal(counts.count({ ...mine, verb: 'patch', resource: 'configmaps', code: 201 }), 3)
  assert.equal(counts.count({ ...mine, verb: 'list', resource: 'secrets', user: 'nobody', code: 403 }), 1)
})

function readiness(pod: TestObject): string | undefined {
  return pod['status'].conditions?.find((condition: { type: string }) => condition.type === 'Ready')?.status
}

function waitingReason(pod: TestObject): string | undefined {
  return pod['status'].containerStatuses?.[0]?.state?.waiting?.reason
}
