import { gvkOf, isMap, type FieldStep, type KubeObject } from '../resources/index.ts'
import type { RawDifference } from './classify.ts'

const podTemplate = ['spec.selector']

/** Fields that an API server does not change once they are set (Kubernetes 1.34, pkg/apis validation), as paths of fields; what is below them counts too. */
const immutableFields: { readonly [type: string]: readonly string[] } = {
  'apps/DaemonSet': podTemplate,
  'apps/Deployment': podTemplate,
  'apps/ReplicaSet': podTemplate,
  'batch/Job': ['spec.selector', 'spec.template', 'spec.completionMode', 'spec.managedBy', 'spec.podFailurePolicy'],
  '/PersistentVolume': [
    'spec.csi',
    'spec.nfs',
    'spec.hostPath',
    'spec.local',
    'spec.iscsi',
    'spec.nodeAffinity',
    'spec.volumeMode',
  ],
  '/PersistentVolumeClaim': [
    'spec.accessModes',
    'spec.selector',
    'spec.storageClassName',
    'spec.volumeMode',
    'spec.volumeName',
    'spec.dataSource',
    'spec.dataSourceRef',
  ],
  '/Secret': ['type'],
  'rbac.authorization.k8s.io/RoleBinding': ['roleRef'],
  'rbac.authorization.k8s.io/ClusterRoleBinding': ['roleRef'],
  'storage.k8s.io/StorageClass': ['provisioner', 'parameters', 'reclaimPolicy', 'volumeBindingMode'],
  'storage.k8s.io/CSIDriver': ['spec.attachRequired', 'spec.volumeLifecycleModes'],
  'scheduling.k8s.io/PriorityClass': ['value', 'preemptionPolicy'],
  'node.k8s.io/RuntimeClass': ['handler'],
  'networking.k8s.io/IngressClass': ['spec.controller'],
  'apiextensions.k8s.io/CustomResourceDefinition': ['spec.group', 'spec.names.kind', 'spec.names.plural', 'spec.scope'],
}

/** All of a StatefulSet's spec but these (apps/v1, ValidateStatefulSetUpdate). */
const mutableOfStatefulSet: ReadonlySet<string> = new Set([
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
])

/** Where a difference touches a field that cannot be changed: the differences that do. Additions to what was empty count where the server counts them. */
export function immutableDifferences(
  object: KubeObject,
  differences: readonly RawDifference[],
): readonly RawDifference[] {
  const { group, kind } = gvkOf(object)
  return differences.filter(({ steps, before }) => {
    const path = steps.flatMap((step) => ('field' in step ? [step.field] : []))
    if (group === 'apps' && kind === 'StatefulSet')
      return path[0] === 'spec' && path[1] !== undefined && !mutableOfStatefulSet.has(path[1])
    if (group === '' && ['ConfigMap', 'Secret'].includes(kind) && object['immutable'] === true)
      return ['data', 'binaryData', 'stringData', 'immutable'].includes(path[0] ?? '')
    // The cluster fills what a claim leaves open, once.
    if (kind === 'PersistentVolumeClaim' && before === undefined) return false
    return (immutableFields[`${group}/${kind}`] ?? []).some((field) => isBelow(path, field.split('.')))
  })
}

/** Whether an object of this kind, or this object, has fields that cannot be changed. */
export function hasImmutableFields(object: KubeObject): boolean {
  const { group, kind } = gvkOf(object)
  return object['immutable'] === true || kind === 'StatefulSet' || immutableFields[`${group}/${kind}`] !== undefined
}

function isBelow(path: readonly string[], field: readonly string[]): boolean {
  return field.every((part, index) => path[index] === part)
}

/** The value at a path of fields; undefined where it is not there. */
export function fieldAt(object: KubeObject | undefined, ...path: readonly string[]): KubeObject[string] | undefined {
  let value: KubeObject[string] | undefined = object
  for (const field of path) value = isMap(value) && Object.hasOwn(value, field) ? value[field] : undefined
  return value
}

/** The steps of a path of fields. */
export function stepsOf(...path: readonly string[]): readonly FieldStep[] {
  return path.map((field) => ({ field }))
}
