import { runBounded, type Settled } from '../base/index.ts'
import { isMap, parseApiVersion, type KubeObject } from '../resources/index.ts'
import {
  createApplyContext,
  failureOf,
  isFatal,
  throughConflicts,
  withoutNamespace,
  type ApplyContext,
} from './apply-context.ts'
import type { ApplyOptions, ApplyResult, ObjectFailure } from './apply-types.ts'
import { broughtBy } from './brought-by.ts'
import { changeOf, type Change, type ChangeSet } from './change-set.ts'
import type { KubeClient } from './client-types.ts'
import { throwIfAborted } from './deadline.ts'
import { keyOf } from './object-key.ts'
import { planObject, prepareObject, type PlannedObject } from './plan-object.ts'
import { servedKinds, waitForStage } from './stage-wait.ts'
import { splitStages, splitWaves } from './waves.ts'
import { writeObject } from './write-object.ts'

/**
 * Applies objects as their owner, in Flux's stages (definitions, classes, custom, rest). Each stage is compared with the cluster by
 * a dry-run of every object before its first write; one refused object means that nothing of its stage is written, and all refused
 * objects are reported, those of later stages too. Objects that would not change are not written.
 *
 * Effects: `beforeWrites` is awaited before the first write; then, per object that differs, a patch that takes over other tools'
 * fields where there are some, and the server-side apply. With `partial` refused objects hold up nothing but themselves. It can be cut off between any two requests and be run again.
 *
 * @throws EngineError `aborted` when the signal has aborted before anything was done, and what `beforeWrites` throws. Everything else is in the result.
 */
export async function applyStaged(client: KubeClient, options: ApplyOptions): Promise<ApplyResult> {
  const context = createApplyContext(client, options)
  const stages = splitStages(options.objects, options.customStageKinds)
  const done: Change[] = []
  const refused: ObjectFailure[] = []
  let isAnnounced = false
  for (const [index, { stage, objects }] of stages.entries()) {
    if (index === 0) throwIfAborted(options.signal)
    const planned = await planAll(context, objects)
    if (planned.errors.length > 0 && options.partial === true && !planned.isCutOff) refused.push(...planned.errors)
    else if (planned.errors.length > 0) {
      const later = planned.isCutOff ? [] : await findLaterErrors(context, stages.slice(index + 1), options.objects)
      return { changes: done, errors: [...refused, ...planned.errors, ...later] }
    }
    if (!isAnnounced && planned.plans.some(isWrite)) {
      const rest = stages.slice(index + 1).flatMap((later) => later.objects)
      await options.beforeWrites?.([
        ...done,
        ...planned.plans.map((plan) => plan.change),
        ...(await pendingChanges(context, rest)),
      ])
      isAnnounced = true
    }
    const written = await writeAll(context, planned.plans)
    done.push(...written.changes)
    if (written.errors.length > 0 && (options.partial !== true || written.errors.some(({ error }) => isFatal(error))))
      return { changes: done, errors: [...refused, ...written.errors] }
    refused.push(...written.errors)
    noteDefinitions(context, planned.plans)
    if (stage === 'definitions' || stage === 'classes') {
      const errors = await waitForStage(context, planned.plans)
      if (errors.length > 0) return { changes: done, errors: [...refused, ...errors] }
    }
  }
  return { changes: done, errors: refused }
}

function isWrite(plan: PlannedObject): boolean {
  return plan.change.action === 'created' || plan.change.action === 'configured'
}

/** What was found out about the objects of one stage. */
export interface PlannedStage {
  readonly plans: readonly PlannedObject[]
  readonly errors: readonly ObjectFailure[]
  /** True when not every object was looked at: the cluster is away, or the caller has stopped. */
  readonly isCutOff: boolean
}

/** Compares all objects of a stage with the cluster. Writes nothing. */
export async function planAll(context: ApplyContext, objects: readonly KubeObject[]): Promise<PlannedStage> {
  const results = await runBounded(
    objects,
    context.concurrency,
    (object) => throughConflicts(context, () => planObject(context, object)),
    isFatal,
  )
  const { values, errors } = settle(context, objects, results, 'dry-run')
  return { plans: values, errors, isCutOff: results.includes(undefined) }
}

/** Writes what differs, wave by wave. A wave with a failure is finished, the next one is not begun. */
async function writeAll(
  context: ApplyContext,
  plans: readonly PlannedObject[],
): Promise<{ changes: Change[]; errors: ObjectFailure[] }> {
  const changes = new Map<PlannedObject, Change>()
  for (const plan of plans) if (!isWrite(plan)) changes.set(plan, plan.change)
  const errors: ObjectFailure[] = []
  for (const wave of splitWaves(plans.filter(isWrite), (plan) => plan.key.kind)) {
    const results = await runBounded(wave, context.concurrency, (plan) => writeObject(context, plan), isFatal)
    results.forEach((result, index) => {
      const plan = wave[index]
      if (plan && result && 'value' in result) changes.set(plan, result.value)
    })
    errors.push(
      ...settle(
        context,
        wave.map((plan) => plan.source),
        results,
        'apply',
      ).errors,
    )
    if (errors.length > 0 && (context.options.partial !== true || errors.some(({ error }) => isFatal(error)))) break
  }
  return { changes: plans.map((plan) => changes.get(plan)).filter((change) => change !== undefined), errors }
}

function settle<R>(
  context: ApplyContext,
  objects: readonly KubeObject[],
  results: readonly (Settled<R> | undefined)[],
  phase: ObjectFailure['phase'],
): { values: R[]; errors: ObjectFailure[] } {
  const values: R[] = []
  const errors: ObjectFailure[] = []
  results.forEach((result, index) => {
    const object = objects[index]
    if (!result || !object) return
    if ('value' in result) return void values.push(result.value)
    // One word about a cluster that is away is enough, however many requests found out.
    if (isFatal(result.error) && errors.some((failure) => isFatal(failure.error))) return
    errors.push(failureOf(result.error, keyOf(object), phase, context.options.originOf?.(object)))
  })
  return { values, errors }
}

/** Every object of stages to come, as far as the inventory needs to know it. */
async function pendingChanges(context: ApplyContext, objects: readonly KubeObject[]): Promise<ChangeSet> {
  return Promise.all(
    objects.map(async (source) => {
      try {
        const { object } = await prepareObject(context, source)
        return changeOf(object, 'pending')
      } catch {
        // Its kind may be defined by this very apply, which then says its scope.
        return changeOf(isClusterScoped(context, source) ? withoutNamespace(source) : source, 'pending')
      }
    }),
  )
}

/** True for an object whose kind is defined as cluster-scoped by a definition of the same apply. */
function isClusterScoped(context: ApplyContext, source: KubeObject): boolean {
  const key = keyOf(source)
  return context.options.objects.some((object) => {
    if (
      keyOf(object).kind !== 'CustomResourceDefinition' ||
      !isMap(object['spec']) ||
      object['spec']['scope'] !== 'Cluster'
    )
      return false
    return servedKinds(object).some((kind) => kind.apiVersion === key.apiVersion && kind.kind === key.kind)
  })
}

/** Definitions that were written change what the cluster serves. */
function noteDefinitions(context: ApplyContext, plans: readonly PlannedObject[]): void {
  for (const plan of plans) {
    if (plan.key.kind !== 'CustomResourceDefinition' || !isWrite(plan)) continue
    context.client.invalidateDiscovery()
    for (const kind of servedKinds(plan.object))
      context.newKinds.add(`${parseApiVersion(kind.apiVersion).group}/${kind.kind}`)
  }
}

/**
 * Errors of stages that cannot be reached, so that they are reported together with those of the stage that failed. What may be a
 * consequence of the earlier stage is left out: kinds and namespaces that this apply itself brings.
 */
async function findLaterErrors(
  context: ApplyContext,
  stages: readonly { readonly objects: readonly KubeObject[] }[],
  all: readonly KubeObject[],
): Promise<ObjectFailure[]> {
  const isBrought = broughtBy(all)
  const objects = stages.flatMap((stage) => stage.objects).filter((object) => isBrought(object) === undefined)
  const { errors } = await planAll(context, objects)
  return [...errors]
}
