import { equalValues, isMap, type KubeMap, type KubeObject, type KubeValue } from './object.ts'

/** A step of a path: a field, or a list item with the value it has (to be matched with its merge keys). */
export type FieldStep = { readonly field: string } | { readonly item: KubeValue; readonly index: number }

/**
 * Visits every difference of two objects in labels, annotations and everything outside `metadata` and `status` (what fluxcd/pkg ssa, hasDrifted, counts), with the values on
 * both sides: whoever shows them takes care of what is secret.
 */
export function walkDifferences(live: KubeObject, dryRun: KubeObject, report: ReportDifference): void {
  const metadata = { live: mapOf(live['metadata']), dryRun: mapOf(dryRun['metadata']) }
  for (const part of ['labels', 'annotations']) {
    const steps = [{ field: 'metadata' }, { field: part }]
    compareValues(mapOf(metadata.live[part]), mapOf(metadata.dryRun[part]), steps, report)
  }
  const fields = new Set([...Object.keys(live), ...Object.keys(dryRun)])
  for (const field of fields) {
    if (field === 'metadata' || field === 'status') continue
    compareValues(live[field], dryRun[field], [{ field }], report)
  }
}

/** One difference: where, how, and what was and would be there. */
export type ReportDifference = (
  steps: readonly FieldStep[],
  change: 'add' | 'replace' | 'remove',
  before: KubeValue | undefined,
  after: KubeValue | undefined,
) => void

/** Visits every difference of two values, the innermost that has a value on one side only or a scalar on both. */
export function compareValues(
  before: KubeValue | undefined,
  after: KubeValue | undefined,
  steps: readonly FieldStep[],
  report: ReportDifference,
): void {
  if (before === undefined && after === undefined) return
  if (before === undefined) return report(steps, 'add', before, after)
  if (after === undefined) return report(steps, 'remove', before, after)
  if (equalValues(before, after)) return
  if (isMap(before) && isMap(after)) return compareMaps(before, after, steps, report)
  if (Array.isArray(before) && Array.isArray(after)) return compareLists(before, after, steps, report)
  report(steps, 'replace', before, after)
}

function compareMaps(before: KubeMap, after: KubeMap, steps: readonly FieldStep[], report: ReportDifference): void {
  for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
    compareValues(ownValue(before, field), ownValue(after, field), [...steps, { field }], report)
  }
}

/** Items are matched by name where all have one, else by position. */
function compareLists(
  before: readonly KubeValue[],
  after: readonly KubeValue[],
  steps: readonly FieldStep[],
  report: ReportDifference,
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
    compareValues(item, after[at], [...steps, { item, index }], report)
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
