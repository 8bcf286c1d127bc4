import { equalValues, isMap, scalarText, type KubeMap, type KubeObject, type KubeValue } from '../resources/index.ts'
import { maxDriftPaths, type DriftPath } from './change-set.ts'
import { describeDriftValue } from './drift-value.ts'
import { writerOf, type FieldStep } from './managed-fields.ts'
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

/** Visits every difference that {@link compareDryRun} counts, with the values on both sides: whoever shows them takes care of what is secret. */
export function walkDifferences(live: KubeObject, dryRun: KubeObject, report: Report): void {
  const metadata = { live: mapOf(live['metadata']), dryRun: mapOf(dryRun['metadata']) }
  for (const part of ['labels', 'annotations']) {
    const steps = [{ field: 'metadata' }, { field: part }]
    compare(mapOf(metadata.live[part]), mapOf(metadata.dryRun[part]), steps, report)
  }
  const fields = new Set([...Object.keys(live), ...Object.keys(dryRun)])
  for (const field of fields) {
    if (field === 'metadata' || field === 'status') continue
    compare(live[field], dryRun[field], [{ field }], report)
  }
}

function pointerOf(steps: readonly FieldStep[]): string {
  const parts = steps.map((step) => ('field' in step ? step.field : String(step.index)))
  return parts.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** True when a dry-run's answer says that the object would be new. */
export function isNewObject(dryRun: KubeObject): boolean {
  return resourceVersionOf(dryRun) === ''
}

/** One difference: where, how, and what was and would be there. */
export type Report = (
  steps: readonly FieldStep[],
  change: DriftPath['change'],
  before: KubeValue | undefined,
  after: KubeValue | undefined,
) => void

function compare(
  before: KubeValue | undefined,
  after: KubeValue | undefined,
  steps: readonly FieldStep[],
  report: Report,
): void {
  if (before === undefined && after === undefined) return
  if (before === undefined) return report(steps, 'add', before, after)
  if (after === undefined) return report(steps, 'remove', before, after)
  if (equalValues(before, after)) return
  if (isMap(before) && isMap(after)) return compareMaps(before, after, steps, report)
  if (Array.isArray(before) && Array.isArray(after)) return compareLists(before, after, steps, report)
  report(steps, 'replace', before, after)
}

function compareMaps(before: KubeMap, after: KubeMap, steps: readonly FieldStep[], report: Report): void {
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    compare(ownValue(before, field), ownValue(after, field), [...steps, { field }], report)
  }
}

/** Items are matched by name where all have one, else by position. */
function compareLists(
  before: readonly KubeValue[],
  after: readonly KubeValue[],
  steps: readonly FieldStep[],
  report: Report,
): void {
  const names = [before, after].map((list) => list.map((item) => (isMap(item) ? item['name'] : undefined)))
  const isNamed = names.every(
    (list) => list.every((name) => typeof name === 'string') && new Set(list).size === list.length,
  )
  const position = (list: readonly KubeValue[], key: KubeValue | undefined, index: number): number =>
    isNamed ? list.findIndex((item) => isMap(item) && item['name'] === key) : index
  const seen = new Set<number>()
  before.forEach((item, index) => {
    const at = position(after, names[0]?.[index], index)
    if (at >= 0) seen.add(at)
    compare(item, after[at], [...steps, { item, index }], report)
  })
  after.forEach((item, index) => {
    if (!seen.has(index)) report([...steps, { item, index }], 'add', undefined, item)
  })
  // The same items in another order.
  if (isNamed && seen.size === before.length && before.length === after.length) {
    if (names[0]?.some((name, index) => name !== names[1]?.[index]) === true)
      report(steps, 'replace', [...before], [...after])
  }
}

function ownValue(map: KubeMap, field: string): KubeValue | undefined {
  return Object.hasOwn(map, field) ? map[field] : undefined
}

function mapOf(value: KubeValue | undefined): KubeMap {
  return isMap(value) ? value : {}
}

/** `.spec.containers[name="app"].image`; keys that are no identifiers are quoted, unnamed items have their index. */
export function formatSteps(steps: readonly FieldStep[]): string {
  let text = ''
  for (const step of steps) {
    if ('field' in step)
      text += /^[A-Za-z_][\w-]*$/.test(step.field) ? `.${step.field}` : `[${JSON.stringify(step.field)}]`
    else if (isMap(step.item) && typeof step.item['name'] === 'string')
      text += `[name=${JSON.stringify(step.item['name'])}]`
    else text += `[${step.index}]`
  }
  return text
}
