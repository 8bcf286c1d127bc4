import { gvkOf, type KubeObject } from '../../resources/index.ts'
import { alwaysCurrentHealth } from './always-current.ts'
import { customResourceDefinitionHealth } from './custom-resource-definition.ts'
import { daemonSetHealth } from './daemon-set.ts'
import { deploymentHealth } from './deployment.ts'
import { genericHealth, readyConditionHealth } from './generic.ts'
import { type Health, type HealthRule } from './health.ts'
import { jobHealth } from './job.ts'
import { namespaceHealth } from './namespace.ts'
import { persistentVolumeClaimHealth } from './persistent-volume-claim.ts'
import { podHealth } from './pod.ts'
import { replicaSetHealth } from './replica-set.ts'
import { serviceHealth } from './service.ts'
import { statefulSetHealth } from './stateful-set.ts'

/** Rules by `group/Kind`; the version plays no part. To add a kind: one file with its rule, one row here, one table of tests. */
const rules: { readonly [kind: string]: HealthRule } = {
  '/ConfigMap': alwaysCurrentHealth,
  '/Namespace': namespaceHealth,
  '/PersistentVolumeClaim': persistentVolumeClaimHealth,
  '/Pod': podHealth,
  '/Secret': alwaysCurrentHealth,
  '/Service': serviceHealth,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinitionHealth,
  'apps/DaemonSet': daemonSetHealth,
  'apps/Deployment': deploymentHealth,
  'apps/ReplicaSet': replicaSetHealth,
  'apps/StatefulSet': statefulSetHealth,
  'batch/CronJob': alwaysCurrentHealth,
  'batch/Job': jobHealth,
  'policy/PodDisruptionBudget': alwaysCurrentHealth,
}

/**
 * The health of an object as it is in the cluster (fluxcd/cli-utils 1.2 kstatus, with Flux's rule for Jobs): rules for every object,
 * then those of its kind, then its Ready condition. Pure; `now` is milliseconds since 1970.
 */
export function computeHealth(object: KubeObject, now: number): Health {
  const generic = genericHealth(object)
  if (generic) return generic
  const { group, kind } = gvkOf(object)
  const rule = rules[`${group}/${kind}`] ?? readyConditionHealth
  return rule(object, now)
}

export type { Health, HealthStatus } from './health.ts'
