import {
  APPLY_STAGES,
  applyStage,
  compareForApply,
  objectIdOf,
  type ApplyStage,
  type KubeObject,
} from '../resources/index.ts'

/** Kinds of the last stage that others rely on, in groups: what is in one group may be written at the same time. */
const early: readonly (readonly string[])[] = [
  ['ClusterRoleBinding', 'ResourceQuota', 'ServiceAccount', 'Role', 'ConfigMap', 'Secret'],
  ['RoleBinding', 'Service', 'LimitRange'],
  ['Deployment', 'StatefulSet', 'CronJob', 'PodDisruptionBudget'],
]
const late: readonly string[] = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']

/**
 * The wave of a kind inside its stage. Waves follow each other, objects of one wave are written together: an order that is a coarser
 * form of Flux's, which writes one object after the other, and keeps what depends apart (Role before RoleBinding, accounts and
 * configuration before workloads, webhooks last).
 */
export function waveOf(kind: string): number {
  if (late.includes(kind)) return early.length + 1
  const index = early.findIndex((kinds) => kinds.includes(kind))
  return index < 0 ? early.length : index
}

/** Objects by stage, each stage sorted in Flux's order. Empty stages are left out. */
export function splitStages(
  objects: readonly KubeObject[],
  customKinds?: ReadonlySet<string>,
): { stage: ApplyStage; objects: KubeObject[] }[] {
  const stages = APPLY_STAGES.map((stage) => ({ stage, objects: [] as KubeObject[] }))
  for (const object of objects)
    stages.find(({ stage }) => stage === applyStage(object, customKinds))?.objects.push(object)
  for (const { objects: list } of stages) list.sort((a, b) => compareForApply(objectIdOf(a), objectIdOf(b)))
  return stages.filter(({ objects: list }) => list.length > 0)
}

/** Items of a stage grouped into its waves, in order. */
export function splitWaves<T>(items: readonly T[], kindOf: (item: T) => string): T[][] {
  const waves = new Map<number, T[]>()
  for (const item of items) {
    const wave = waveOf(kindOf(item))
    const list = waves.get(wave)
    if (list) list.push(item)
    else waves.set(wave, [item])
  }
  return [...waves.keys()].sort((a, b) => a - b).map((wave) => waves.get(wave) ?? [])
}
