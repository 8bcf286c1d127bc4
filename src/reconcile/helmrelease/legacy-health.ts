import type { Health } from '../../kube/index.ts'
import { gvkOf, isMap, scalarText, type KubeMap, type KubeObject } from '../../resources/index.ts'
import { mapOf } from './objects.ts'

/**
 * Readiness as Helm 3 had it and Helm 4 keeps it as `legacy` (pkg/kube, ReadyChecker): kinds that it does not know are ready once they are there, and
 * nothing but a failed Job ever fails.
 */
export function legacyHealth(object: KubeObject): Health {
  const reason = whyNotReady(object)
  if (reason === undefined) return { status: 'Current', message: 'ready' }
  return { status: reason.startsWith('failed') ? 'Failed' : 'InProgress', message: reason }
}

function whyNotReady(object: KubeObject): string | undefined {
  const [spec, status] = [mapOf(object['spec']), mapOf(object['status'])]
  switch (gvkOf(object).kind) {
    case 'Pod':
      return hasCondition(status, 'Ready') ? undefined : 'Pod is not ready'
    case 'Job':
      return whyJobNotReady(spec, status)
    case 'Deployment':
      return whyDeploymentNotReady(object, spec, status)
    case 'PersistentVolumeClaim':
      return status['phase'] === 'Bound' ? undefined : 'PersistentVolumeClaim is not bound'
    case 'Service':
      return whyServiceNotReady(spec, status)
    case 'DaemonSet':
      return whyDaemonSetNotReady(object, spec, status)
    case 'StatefulSet':
      return whyStatefulSetNotReady(object, spec, status)
    case 'ReplicaSet':
    case 'ReplicationController':
      return isObserved(object, status) && count(status, 'readyReplicas') >= wantedReplicas(spec)
        ? undefined
        : `${count(status, 'readyReplicas')} of ${wantedReplicas(spec)} Pods are ready`
    case 'CustomResourceDefinition':
      return hasCondition(status, 'Established') || conditionValue(status, 'NamesAccepted') === 'False'
        ? undefined
        : 'CustomResourceDefinition is not established'
    default:
      return undefined
  }
}

function whyJobNotReady(spec: KubeMap, status: KubeMap): string | undefined {
  if (count(status, 'failed') > (typeof spec['backoffLimit'] === 'number' ? spec['backoffLimit'] : 6))
    return 'failed: the Job has used up its retries'
  const wanted = typeof spec['completions'] === 'number' ? spec['completions'] : 1
  return count(status, 'succeeded') >= wanted ? undefined : 'the Job is not completed'
}

function whyDeploymentNotReady(object: KubeObject, spec: KubeMap, status: KubeMap): string | undefined {
  if (spec['paused'] === true) return undefined
  if (!isObserved(object, status)) return 'Deployment was not observed yet'
  const wanted = wantedReplicas(spec)
  const update = mapOf(mapOf(spec['strategy'])['rollingUpdate'])
  const isRolling = scalarText(mapOf(spec['strategy'])['type']) !== 'Recreate'
  const expected = wanted - (isRolling ? share(update['maxUnavailable'], wanted, Math.floor) : 0)
  const ready = Math.min(count(status, 'readyReplicas'), count(status, 'updatedReplicas'))
  return ready >= expected ? undefined : `${ready} out of ${expected} expected Pods are ready`
}

function whyServiceNotReady(spec: KubeMap, status: KubeMap): string | undefined {
  if (spec['type'] === 'ExternalName') return undefined
  if (scalarText(spec['clusterIP']) === '') return 'Service does not have a cluster IP address'
  if (spec['type'] !== 'LoadBalancer') return undefined
  if (Array.isArray(spec['externalIPs']) && spec['externalIPs'].length > 0) return undefined
  const ingress = mapOf(status['loadBalancer'])['ingress']
  return Array.isArray(ingress) && ingress.length > 0 ? undefined : 'Service has no load balancer address'
}

function whyDaemonSetNotReady(object: KubeObject, spec: KubeMap, status: KubeMap): string | undefined {
  if (!isObserved(object, status)) return 'DaemonSet was not observed yet'
  const strategy = mapOf(spec['updateStrategy'])
  if (strategy['type'] !== 'RollingUpdate') return undefined
  const desired = count(status, 'desiredNumberScheduled')
  if (count(status, 'updatedNumberScheduled') !== desired)
    return `${count(status, 'updatedNumberScheduled')} out of ${desired} expected Pods have been scheduled`
  const expected = desired - share(mapOf(strategy['rollingUpdate'])['maxUnavailable'], desired, Math.ceil)
  return count(status, 'numberReady') >= expected
    ? undefined
    : `${count(status, 'numberReady')} out of ${expected} expected Pods are ready`
}

function whyStatefulSetNotReady(object: KubeObject, spec: KubeMap, status: KubeMap): string | undefined {
  if (!isObserved(object, status)) return 'StatefulSet was not observed yet'
  const strategy = mapOf(spec['updateStrategy'])
  if (strategy['type'] !== 'RollingUpdate') return undefined
  const wanted = wantedReplicas(spec)
  const partition = mapOf(strategy['rollingUpdate'])['partition']
  const expected = wanted - (typeof partition === 'number' ? partition : 0)
  if (count(status, 'updatedReplicas') < expected)
    return `${count(status, 'updatedReplicas')} out of ${expected} expected Pods have been scheduled`
  if (count(status, 'readyReplicas') !== wanted)
    return `${count(status, 'readyReplicas')} out of ${wanted} expected Pods are ready`
  return partition === undefined || partition === 0
    ? status['currentRevision'] === status['updateRevision']
      ? undefined
      : 'StatefulSet is being updated'
    : undefined
}

function isObserved(object: KubeObject, status: KubeMap): boolean {
  return count(status, 'observedGeneration') >= Number(mapOf(object['metadata'])['generation'] ?? 0)
}

function wantedReplicas(spec: KubeMap): number {
  return typeof spec['replicas'] === 'number' ? spec['replicas'] : 1
}

function count(status: KubeMap, field: string): number {
  const value = status[field]
  return typeof value === 'number' ? value : 0
}

/** A number or a percentage of a whole; none counts as zero. */
function share(value: unknown, whole: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value
  const percent = typeof value === 'string' ? /^(\d+)%$/.exec(value)?.[1] : undefined
  return percent === undefined ? 0 : round((Number(percent) * whole) / 100)
}

function hasCondition(status: KubeMap, type: string): boolean {
  return conditionValue(status, type) === 'True'
}

function conditionValue(status: KubeMap, type: string): string {
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] : []
  const found = conditions.find((condition) => isMap(condition) && condition['type'] === type)
  return isMap(found) ? scalarText(found['status']) : ''
}
