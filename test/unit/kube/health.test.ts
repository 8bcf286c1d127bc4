import assert from 'node:assert/strict'
import { test } from 'node:test'
import { computeHealth, type HealthStatus } from '../../../src/kube/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

const now = Date.parse('2026-01-01T00:01:00Z')
const condition = (type: string, status: string, reason = '', message = ''): KubeObject => ({
  type,
  status,
  reason,
  message,
})
const replicas = (spec: object, status: object): object => ({ spec: { replicas: 2, ...spec }, status })
const rolledOut = {
  replicas: 2,
  updatedReplicas: 2,
  availableReplicas: 2,
  readyReplicas: 2,
  conditions: [condition('Progressing', 'True', 'NewReplicaSetAvailable'), condition('Available', 'True')],
}
const fullSet = {
  replicas: 2,
  readyReplicas: 2,
  currentReplicas: 2,
  updatedReplicas: 2,
  currentRevision: 'a',
  updateRevision: 'a',
}
const fullDaemon = {
  observedGeneration: 1,
  desiredNumberScheduled: 2,
  currentNumberScheduled: 2,
  updatedNumberScheduled: 2,
  numberAvailable: 2,
  numberReady: 2,
}
const fullReplicaSet = { replicas: 2, fullyLabeledReplicas: 2, availableReplicas: 2, readyReplicas: 2 }
const waiting = (reason: string): object => ({
  containerStatuses: [{ name: 'app', state: { waiting: { reason, message: 'why' } } }],
})

const rows: { name: string; kind: string; object: object; want: HealthStatus; message?: RegExp }[] = [
  {
    name: 'being deleted',
    kind: 'v1/ConfigMap',
    object: { metadata: { deletionTimestamp: 'x' } },
    want: 'Terminating',
  },
  {
    name: 'generation not observed',
    kind: 'example.com/v1/X',
    object: { metadata: { generation: 2 }, status: { observedGeneration: 1 } },
    want: 'InProgress',
    message: /generation is 2, but latest observed generation is 1/,
  },
  {
    name: 'reconciling',
    kind: 'example.com/v1/X',
    object: { status: { conditions: [condition('Reconciling', 'True', 'r', 'busy'), condition('Ready', 'True')] } },
    want: 'InProgress',
    message: /busy/,
  },
  {
    name: 'stalled',
    kind: 'example.com/v1/X',
    object: { status: { conditions: [condition('Stalled', 'True', 'r', 'stuck')] } },
    want: 'Failed',
    message: /stuck/,
  },
  {
    name: 'ready',
    kind: 'example.com/v1/X',
    object: { status: { conditions: [condition('Ready', 'True')] } },
    want: 'Current',
  },
  {
    name: 'not ready is never failed',
    kind: 'example.com/v1/X',
    object: { status: { conditions: [condition('Ready', 'False', 'r', 'no')] } },
    want: 'InProgress',
    message: /no/,
  },
  {
    name: 'ready unknown',
    kind: 'example.com/v1/X',
    object: { status: { conditions: [condition('Ready', 'Unknown')] } },
    want: 'InProgress',
  },
  { name: 'no status', kind: 'example.com/v1/X', object: {}, want: 'Current' },
  { name: 'a kind of the same name in another group', kind: 'example.com/v1/Deployment', object: {}, want: 'Current' },
  { name: 'always', kind: 'v1/Secret', object: {}, want: 'Current' },
  { name: 'always', kind: 'batch/v1/CronJob', object: {}, want: 'Current' },
  { name: 'always', kind: 'policy/v1/PodDisruptionBudget', object: {}, want: 'Current' },
  {
    name: 'rolled out',
    kind: 'apps/v1/Deployment',
    object: replicas({ progressDeadlineSeconds: 600 }, rolledOut),
    want: 'Current',
  },
  {
    name: 'no status',
    kind: 'apps/v1/Deployment',
    object: replicas({}, {}),
    want: 'InProgress',
    message: /Replicas: 0\/2/,
  },
  {
    name: 'default replicas',
    kind: 'apps/v1/Deployment',
    object: {
      spec: {},
      status: { ...rolledOut, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 },
    },
    want: 'Current',
  },
  {
    name: 'old Pods',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, updatedReplicas: 1 }),
    want: 'InProgress',
    message: /Updated: 1\/2/,
  },
  {
    name: 'too many',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, replicas: 3 }),
    want: 'InProgress',
    message: /Pending termination: 1/,
  },
  {
    name: 'not available',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, availableReplicas: 1 }),
    want: 'InProgress',
    message: /Available: 1\/2/,
  },
  {
    name: 'not ready',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, readyReplicas: 1 }),
    want: 'InProgress',
    message: /Ready: 1\/2/,
  },
  {
    name: 'deadline',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded')] }),
    want: 'Failed',
  },
  {
    name: 'no new replica set yet',
    kind: 'apps/v1/Deployment',
    object: replicas({ progressDeadlineSeconds: 600 }, { ...rolledOut, conditions: [condition('Available', 'True')] }),
    want: 'InProgress',
    message: /ReplicaSet/,
  },
  {
    name: 'without a deadline',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, conditions: [condition('Available', 'True')] }),
    want: 'Current',
  },
  {
    name: 'Available False',
    kind: 'apps/v1/Deployment',
    object: replicas({}, { ...rolledOut, conditions: [] }),
    want: 'InProgress',
    message: /Deployment not Available/,
  },
  { name: 'full', kind: 'apps/v1/StatefulSet', object: replicas({}, fullSet), want: 'Current' },
  {
    name: 'on delete',
    kind: 'apps/v1/StatefulSet',
    object: replicas({ updateStrategy: { type: 'OnDelete' } }, {}),
    want: 'Current',
  },
  {
    name: 'too few',
    kind: 'apps/v1/StatefulSet',
    object: replicas({}, { ...fullSet, replicas: 1 }),
    want: 'InProgress',
    message: /Replicas: 1\/2/,
  },
  {
    name: 'not ready',
    kind: 'apps/v1/StatefulSet',
    object: replicas({}, { ...fullSet, readyReplicas: 1 }),
    want: 'InProgress',
    message: /Ready: 1\/2/,
  },
  {
    name: 'too many',
    kind: 'apps/v1/StatefulSet',
    object: replicas({}, { ...fullSet, replicas: 3 }),
    want: 'InProgress',
  },
  {
    name: 'partition',
    kind: 'apps/v1/StatefulSet',
    object: replicas(
      { updateStrategy: { rollingUpdate: { partition: 1 } } },
      { ...fullSet, updatedReplicas: 0, currentRevision: 'b' },
    ),
    want: 'InProgress',
    message: /updated: 0\/1/,
  },
  {
    name: 'partition done',
    kind: 'apps/v1/StatefulSet',
    object: replicas(
      { updateStrategy: { rollingUpdate: { partition: 1 } } },
      { ...fullSet, updatedReplicas: 1, currentRevision: 'b' },
    ),
    want: 'Current',
  },
  {
    name: 'old revision',
    kind: 'apps/v1/StatefulSet',
    object: replicas({}, { ...fullSet, updateRevision: 'b' }),
    want: 'InProgress',
    message: /revision/,
  },
  {
    name: 'too few current',
    kind: 'apps/v1/StatefulSet',
    object: replicas({}, { ...fullSet, currentReplicas: 1 }),
    want: 'InProgress',
    message: /current: 1\/2/,
  },
  {
    name: 'full',
    kind: 'apps/v1/DaemonSet',
    object: { metadata: { generation: 1 }, status: fullDaemon },
    want: 'Current',
  },
  {
    name: 'not observed',
    kind: 'apps/v1/DaemonSet',
    object: { metadata: { generation: 1 }, status: {} },
    want: 'InProgress',
    message: /observedGeneration/,
  },
  {
    name: 'no number',
    kind: 'apps/v1/DaemonSet',
    object: { metadata: { generation: 1 }, status: { observedGeneration: 1 } },
    want: 'InProgress',
  },
  {
    name: 'no nodes',
    kind: 'apps/v1/DaemonSet',
    object: { metadata: { generation: 1 }, status: { observedGeneration: 1, desiredNumberScheduled: 0 } },
    want: 'Current',
  },
  {
    name: 'old',
    kind: 'apps/v1/DaemonSet',
    object: { metadata: { generation: 1 }, status: { ...fullDaemon, updatedNumberScheduled: 1 } },
    want: 'InProgress',
    message: /Updated: 1\/2/,
  },
  { name: 'full', kind: 'apps/v1/ReplicaSet', object: replicas({}, fullReplicaSet), want: 'Current' },
  {
    name: 'failure',
    kind: 'apps/v1/ReplicaSet',
    object: replicas({}, { ...fullReplicaSet, conditions: [condition('ReplicaFailure', 'True')] }),
    want: 'InProgress',
  },
  {
    name: 'not labelled',
    kind: 'apps/v1/ReplicaSet',
    object: replicas({}, { ...fullReplicaSet, fullyLabeledReplicas: 0 }),
    want: 'InProgress',
    message: /Labelled: 0\/2/,
  },
  {
    name: 'too many',
    kind: 'apps/v1/ReplicaSet',
    object: replicas({}, { ...fullReplicaSet, replicas: 3 }),
    want: 'InProgress',
  },
  {
    name: 'running and ready',
    kind: 'v1/Pod',
    object: { status: { phase: 'Running', conditions: [condition('Ready', 'True')] } },
    want: 'Current',
  },
  { name: 'running', kind: 'v1/Pod', object: { status: { phase: 'Running' } }, want: 'InProgress' },
  {
    name: 'crash loop',
    kind: 'v1/Pod',
    object: { status: { phase: 'Running', ...waiting('CrashLoopBackOff') } },
    want: 'Failed',
    message: /app/,
  },
  { name: 'succeeded', kind: 'v1/Pod', object: { status: { phase: 'Succeeded' } }, want: 'Current' },
  { name: 'failed is over', kind: 'v1/Pod', object: { status: { phase: 'Failed' } }, want: 'Current' },
  { name: 'pending', kind: 'v1/Pod', object: { status: { phase: 'Pending' } }, want: 'InProgress' },
  {
    name: 'unschedulable for a moment',
    kind: 'v1/Pod',
    object: {
      metadata: { creationTimestamp: '2026-01-01T00:00:50Z' },
      status: { phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable')] },
    },
    want: 'InProgress',
  },
  {
    name: 'unschedulable',
    kind: 'v1/Pod',
    object: {
      metadata: { creationTimestamp: '2026-01-01T00:00:40Z' },
      status: { phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable')] },
    },
    want: 'Failed',
  },
  { name: 'no phase', kind: 'v1/Pod', object: {}, want: 'InProgress' },
  { name: 'bound', kind: 'v1/PersistentVolumeClaim', object: { status: { phase: 'Bound' } }, want: 'Current' },
  { name: 'pending', kind: 'v1/PersistentVolumeClaim', object: { status: { phase: 'Pending' } }, want: 'InProgress' },
  { name: 'cluster ip', kind: 'v1/Service', object: { spec: {} }, want: 'Current' },
  {
    name: 'load balancer without address outside',
    kind: 'v1/Service',
    object: { spec: { type: 'LoadBalancer', clusterIP: '10.0.0.1' } },
    want: 'Current',
  },
  {
    name: 'load balancer without cluster ip',
    kind: 'v1/Service',
    object: { spec: { type: 'LoadBalancer' } },
    want: 'InProgress',
  },
  {
    name: 'complete',
    kind: 'batch/v1/Job',
    object: { status: { conditions: [condition('Complete', 'True')] } },
    want: 'Current',
  },
  {
    name: 'failed',
    kind: 'batch/v1/Job',
    object: { status: { conditions: [condition('Failed', 'True', 'r', 'too often')] } },
    want: 'Failed',
    message: /too often/,
  },
  {
    name: 'running is waited for',
    kind: 'batch/v1/Job',
    object: { status: { startTime: 'x', active: 1 } },
    want: 'InProgress',
  },
  { name: 'suspended', kind: 'batch/v1/Job', object: { spec: { suspend: true } }, want: 'Current' },
  { name: 'not started', kind: 'batch/v1/Job', object: {}, want: 'InProgress' },
  {
    name: 'established',
    kind: 'apiextensions.k8s.io/v1/CustomResourceDefinition',
    object: { status: { conditions: [condition('NamesAccepted', 'True'), condition('Established', 'True')] } },
    want: 'Current',
  },
  {
    name: 'installing',
    kind: 'apiextensions.k8s.io/v1/CustomResourceDefinition',
    object: { status: { conditions: [condition('Established', 'False', 'Installing')] } },
    want: 'InProgress',
  },
  {
    name: 'names taken',
    kind: 'apiextensions.k8s.io/v1/CustomResourceDefinition',
    object: { status: { conditions: [condition('NamesAccepted', 'False', 'r', 'taken')] } },
    want: 'Failed',
    message: /taken/,
  },
  {
    name: 'refused',
    kind: 'apiextensions.k8s.io/v1/CustomResourceDefinition',
    object: { status: { conditions: [condition('Established', 'False', 'NotAccepted', 'x')] } },
    want: 'Failed',
  },
  { name: 'active', kind: 'v1/Namespace', object: { status: { phase: 'Active' } }, want: 'Current' },
  { name: 'no phase', kind: 'v1/Namespace', object: {}, want: 'InProgress' },
]

for (const { name, kind, object, want, message } of rows) {
  test(`${kind}: ${name}`, () => {
    const cut = kind.lastIndexOf('/')
    const health = computeHealth(
      { apiVersion: kind.slice(0, cut), kind: kind.slice(cut + 1), ...(object as KubeObject) },
      now,
    )
    assert.equal(health.status, want, health.message)
    if (message) assert.match(health.message, message)
    assert.notEqual(health.message, '')
  })
}
