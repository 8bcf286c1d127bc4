import { formatSteps, scalarText, walkDifferences, type FieldStep, type KubeObject } from '../resources/index.ts'
import { maxDriftPaths, type DriftPath } from './change-set.ts'
import { describeDriftValue } from './drift-value.ts'
import { writerOf } from './managed-fields.ts'
import { isSecretKind, resourceVersionOf } from './object-key.ts'

/**
 * What an apply would change: the differences between the live object and the answer of its dry-run, in labels, annotations and
 * everything outside `metadata` and `status` (fluxcd/pkg ssa, hasDrifted). Empty: nothing. Values only as far as they may be shown, of Secrets none.
 */
export function compareDryRun(live: KubeObject, dryRun: KubeObject): readonly DriftPath[] {
  const found: DriftPath[] = []
  const isHidden = isSecretKind({ apiVersion: scalarText(live['apiVersion']), kind: scalarText(live['kind']) })
  walkDifferences(live, dryRun, (steps, change, before, after) => {
    if (found.length >= maxDriftPaths) return
    const writer = change === 'add' ? undefined : writerOf(live, steps)
    found.push({
      path: formatSteps(steps),
      change,
      pointer: pointerOf(steps),
      ...(writer === undefined ? {} : { manager: writer.manager }),
      ...(writer?.time === undefined ? {} : { since: writer.time }),
      ...(isHidden || before === undefined ? {} : { live: describeDriftValue(steps, before) }),
      ...(isHidden || after === undefined ? {} : { wanted: describeDriftValue(steps, after) }),
    })
  })
  return found
}

function pointerOf(steps: readonly FieldStep[]): string {
  const parts = steps.map((step) => ('field' in step ? step.field : String(step.index)))
  return parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** True when a dry-run's answer says that the object would be new. */
export function isNewObject(dryRun: KubeObject): boolean {
  return resourceVersionOf(dryRun) === ''
}
