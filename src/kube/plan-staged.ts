import type { KubeObject } from '../resources/index.ts'
import { createApplyContext } from './apply-context.ts'
import { planAll } from './apply.ts'
import type { ApplyOptions, ObjectFailure } from './apply-types.ts'
import { broughtBy } from './brought-by.ts'
import { changeOf, type Change } from './change-set.ts'
import type { KubeClient } from './client-types.ts'
import { isNotFound } from './errors.ts'
import { formatKey, keyOf } from './object-key.ts'
import type { PlannedObject } from './plan-object.ts'
import { splitStages } from './waves.ts'
import { EngineError } from '../base/index.ts'

/** What an apply would do to one object. */
export interface PlannedChange {
  readonly change: Change
  /** The object as the caller gave it. */
  readonly source: KubeObject
  /** The object as it is; undefined for one that is new. */
  readonly live: KubeObject | undefined
  /** As the server says it would be; as it would be sent, where the server could not be asked. */
  readonly result: KubeObject
  /** Set for an object that would be deleted and created again: why its change is refused. `result` says nothing then. */
  readonly refusal?: EngineError
  /** No dry-run was possible: its namespace or kind comes with the same apply. */
  readonly isUnchecked?: true
}

/** A whole plan, in the order of applying. */
export interface StagedPlan {
  readonly changes: readonly PlannedChange[]
  /** Objects that the server refuses. */
  readonly errors: readonly ObjectFailure[]
}

/**
 * What {@link applyStaged} would do with the same options, without doing any of it: reads and dry-runs only. Objects whose namespace or kind
 * comes with the same apply cannot be dry-run before it is there; they are `created`, with a note that says so.
 *
 * @throws EngineError `aborted`, `cluster-unreachable`. What is wrong with an object is in `errors`.
 */
export async function planStaged(client: KubeClient, options: ApplyOptions): Promise<StagedPlan> {
  const context = createApplyContext(client, { ...options, keepResults: true })
  const isBrought = broughtBy(options.objects)
  const changes: PlannedChange[] = []
  const errors: ObjectFailure[] = []
  for (const { objects } of splitStages(options.objects, options.customStageKinds)) {
    const planned = await planAll(context, objects)
    const fatal = planned.isCutOff ? planned.errors.at(-1) : undefined
    if (fatal !== undefined) throw fatal.error
    const bySource = new Map(planned.plans.map((plan) => [plan.source, plan]))
    for (const object of objects) {
      const plan = bySource.get(object)
      if (plan !== undefined) changes.push(changeFrom(plan))
    }
    for (const failure of planned.errors) {
      const object = objects.find((one) => formatKey(keyOf(one)) === formatKey(failure.key))
      const brought = object === undefined ? undefined : isBrought(object)
      if (object === undefined || brought === undefined || !isForWantOfIt(failure.error)) errors.push(failure)
      else
        changes.push({
          source: object,
          change: changeOf(object, 'created', { note: `not checked: its ${brought} comes with the same apply` }),
          live: undefined,
          result: object,
          isUnchecked: true,
        })
    }
  }
  return { changes, errors }
}

function changeFrom({ change, source, live, result, object, refusal }: PlannedObject): PlannedChange {
  return { change, source, live, result: result ?? live ?? object, ...(refusal === undefined ? {} : { refusal }) }
}

/** The server does not know the namespace or the kind. */
function isForWantOfIt(error: unknown): boolean {
  return isNotFound(error) || (error instanceof EngineError && error.code === 'kube-kind-unknown')
}
