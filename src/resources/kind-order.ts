import { gvkOf, type Gvk, type ObjectId } from './identity.ts'
import type { KubeObject } from './object.ts'

/** Kinds that Flux applies first inside a stage (kustomize-controller 1.9, fluxcd/pkg ssa order of reconcile). */
export const FLUX_FIRST: readonly string[] = [
  'CustomResourceDefinition',
  'Namespace',
  'ClusterRole',
  'ClusterClass',
  'RuntimeClass',
  'PriorityClass',
  'StorageClass',
  'VolumeSnapshotClass',
  'IngressClass',
  'GatewayClass',
  'ClusterRoleBinding',
  'ResourceQuota',
  'ServiceAccount',
  'Role',
  'RoleBinding',
  'ConfigMap',
  'Secret',
  'Service',
  'LimitRange',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
]

/** Kinds that Flux applies last inside a stage. */
export const FLUX_LAST: readonly string[] = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']

/** Helm's order of installing (helm v4 pkg/release/v1/util, InstallOrder). Kinds not listed come last, by name. */
export const HELM_INSTALL_ORDER: readonly string[] = [
  'PriorityClass',
  'Namespace',
  'NetworkPolicy',
  'ResourceQuota',
  'LimitRange',
  'PodSecurityPolicy',
  'PodDisruptionBudget',
  'ServiceAccount',
  'Secret',
  'SecretList',
  'ConfigMap',
  'StorageClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'CustomResourceDefinition',
  'ClusterRole',
  'ClusterRoleList',
  'ClusterRoleBinding',
  'ClusterRoleBindingList',
  'Role',
  'RoleList',
  'RoleBinding',
  'RoleBindingList',
  'Service',
  'DaemonSet',
  'Pod',
  'ReplicationController',
  'ReplicaSet',
  'Deployment',
  'HorizontalPodAutoscaler',
  'StatefulSet',
  'Job',
  'CronJob',
  'IngressClass',
  'Ingress',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
]

/** Helm's order of uninstalling (UninstallOrder): not the exact reverse, Services go before workloads. Kinds not listed come last, by name. */
export const HELM_UNINSTALL_ORDER: readonly string[] = [
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'APIService',
  'Ingress',
  'IngressClass',
  'Service',
  'CronJob',
  'Job',
  'StatefulSet',
  'HorizontalPodAutoscaler',
  'Deployment',
  'ReplicaSet',
  'ReplicationController',
  'Pod',
  'DaemonSet',
  'RoleBindingList',
  'RoleBinding',
  'RoleList',
  'Role',
  'ClusterRoleBindingList',
  'ClusterRoleBinding',
  'ClusterRoleList',
  'ClusterRole',
  'CustomResourceDefinition',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'StorageClass',
  'ConfigMap',
  'SecretList',
  'Secret',
  'ServiceAccount',
  'PodDisruptionBudget',
  'PodSecurityPolicy',
  'LimitRange',
  'ResourceQuota',
  'NetworkPolicy',
  'Namespace',
  'PriorityClass',
]

/** Kinds that come first in kustomize's legacy order (kyaml resid, orderFirst). */
export const KUSTOMIZE_FIRST: readonly string[] = [
  'Namespace',
  'ResourceQuota',
  'StorageClass',
  'CustomResourceDefinition',
  'ServiceAccount',
  'PodSecurityPolicy',
  'Role',
  'ClusterRole',
  'RoleBinding',
  'ClusterRoleBinding',
  'ConfigMap',
  'Secret',
  'Endpoints',
  'Service',
  'LimitRange',
  'PriorityClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
]

/** Kinds that come last in kustomize's legacy order. */
export const KUSTOMIZE_LAST: readonly string[] = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']

/** Rank of each listed kind: negative for those that come first, positive for those that come last; a kind not listed has 0. */
export type KindRanks = ReadonlyMap<string, number>

/** Ranks from a list of first and a list of last kinds. */
export function kindRanks(first: readonly string[], last: readonly string[]): KindRanks {
  const ranks = new Map<string, number>()
  first.forEach((kind, index) => ranks.set(kind, index - first.length))
  last.forEach((kind, index) => ranks.set(kind, index + 1))
  return ranks
}

const FLUX_RANKS = kindRanks(FLUX_FIRST, FLUX_LAST)
const HELM_INSTALL_RANKS = kindRanks(HELM_INSTALL_ORDER, [])
const HELM_UNINSTALL_RANKS = kindRanks(HELM_UNINSTALL_ORDER, [])

/** Compares texts by UTF-16 code units: the same as by bytes for everything that a name, kind or group may hold. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * The order in which Flux applies objects inside a stage: kind rank (the kind's name alone), then group, kind, namespace, name.
 * Deletion goes the other way round.
 */
export function compareForApply(a: ObjectId, b: ObjectId): number {
  const rank = (FLUX_RANKS.get(a.kind) ?? 0) - (FLUX_RANKS.get(b.kind) ?? 0)
  return (
    rank ||
    compareText(a.group, b.group) ||
    compareText(a.kind, b.kind) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  )
}

/** Order of kinds when Helm installs. To be used with a stable sort: objects of one kind keep their order. */
export function compareForHelmInstall(kindA: string, kindB: string): number {
  return compareListed(HELM_INSTALL_RANKS, kindA, kindB)
}

/** Order of kinds when Helm uninstalls. To be used with a stable sort: objects of one kind keep their order. */
export function compareForHelmUninstall(kindA: string, kindB: string): number {
  return compareListed(HELM_UNINSTALL_RANKS, kindA, kindB)
}

function compareListed(ranks: KindRanks, kindA: string, kindB: string): number {
  const a = ranks.get(kindA)
  const b = ranks.get(kindB)
  if (a === undefined) return b === undefined ? compareText(kindA, kindB) : 1
  return b === undefined ? -1 : a - b
}

/** A stage of Flux's apply: a later stage starts when the former has been applied (and, for the first two, is ready). */
export type ApplyStage = 'definitions' | 'classes' | 'custom' | 'rest'

/** The stages in their order. */
export const APPLY_STAGES: readonly ApplyStage[] = ['definitions', 'classes', 'custom', 'rest']

const DEFINITION_KINDS: ReadonlySet<string> = new Set(['CustomResourceDefinition', 'Namespace', 'ClusterRole'])

/**
 * The stage in which Flux applies an object: CRDs, Namespaces and ClusterRoles; then kinds whose name ends in `Class`; then the kinds in
 * `customKinds` (`group/Kind`, kustomize-controller's --custom-apply-stage-kinds); then the rest.
 */
export function applyStage(object: KubeObject | Gvk, customKinds?: ReadonlySet<string>): ApplyStage {
  const { group, kind } = isGvk(object) ? object : gvkOf(object)
  if (DEFINITION_KINDS.has(kind)) return 'definitions'
  if (kind.endsWith('Class')) return 'classes'
  return customKinds?.has(`${group}/${kind}`) === true ? 'custom' : 'rest'
}

function isGvk(value: KubeObject | Gvk): value is Gvk {
  return typeof value['group'] === 'string' && typeof value['version'] === 'string' && !('metadata' in value)
}
