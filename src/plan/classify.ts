import { compareByteOrder } from '../base/index.ts'
import {
  compareValues,
  isMap,
  walkDifferences,
  type FieldStep,
  type KubeMap,
  type KubeObject,
  type KubeValue,
  type ReportDifference,
} from '../resources/index.ts'
import type { FieldDifference, Origin } from './document.ts'
import type { ObjectInput } from './input.ts'
import { reveal } from './raw.ts'
import type { ObjectRedaction } from './redact.ts'
import { fieldKey, openOf, taintOf, valuesAt } from './taint.ts'

/** Differences of one object that are listed; a plan is for reading. */
export const maxDifferences = 200

/** One difference with its values, before redaction; stays in this folder. */
export interface RawDifference {
  readonly steps: readonly FieldStep[]
  readonly change: 'add' | 'replace' | 'remove'
  readonly before: KubeValue | undefined
  readonly after: KubeValue | undefined
}

/** What differs of one object, and why. */
export interface Classified {
  readonly differences: readonly FieldDifference[]
  readonly omitted: number
  /** Of all differences, listed or not; undefined: an apply changes nothing. */
  readonly origin: 'change' | 'drift' | 'both' | undefined
  /** False where the cluster was asked, and the object could not be compared with it. */
  readonly isCompared?: false
}

/**
 * Sorts the differences of one object: what this change does (base against head) apart from what had already drifted (base against the cluster). With a cluster, the differences are those of its dry-run, in the
 * spelling of the server; without one, those of base and head.
 *
 * Whether a text of head is that of the cluster is told for fields that hold no secrets only: an author could otherwise find out a value by guessing. Hidden values are compared in the renderings that everybody may
 * read and never with the cluster; other texts count as changed where this change writes them, also where the cluster has them already.
 */
export function classify(input: ObjectInput, isLive: boolean, redaction: ObjectRedaction): Classified {
  const changed = collapseHidden(
    changesOf(input).map((one) => asInHead(one, openOf(input.head))),
    redaction,
  )
  const live = isLive && input.live !== undefined ? reveal(input.live) : undefined
  if (live === undefined)
    return summarize(
      changed.map((difference) => ({ difference, origin: 'change' })),
      redaction,
    )
  // Places in such lists cannot be told apart for sure, and what cannot be told apart might tell of a guess.
  if ([live, openOf(input.base), openOf(input.head)].some(hasEqualNames))
    return {
      ...summarize(
        changed.map((difference) => ({ difference, origin: 'change' })),
        redaction,
      ),
      isCompared: false,
    }
  const effects = effectsOf(input).filter(({ steps }) => !redaction.isHidden(steps))
  if (input.base === undefined) {
    const told = effects.filter(({ steps, before, after }) =>
      [before, after].some((one) => one !== undefined && redaction.isComparable(one, steps)),
    )
    return summarize(
      told.map((difference) => ({ difference, origin: 'change' })),
      redaction,
    )
  }
  const isChanged = index(changed.filter(({ steps }) => !redaction.isHidden(steps)))
  const hasDrifted = index(driftOf(input))
  const isEffect = index(effects, exactKey)
  const found: Found[] = effects.map((difference) => {
    if (!isChanged(difference.steps)) return { difference, origin: 'drift' }
    return { difference, origin: hasDrifted(difference.steps) ? 'both' : 'change' }
  })
  for (const difference of changed) {
    if (redaction.isHidden(difference.steps)) {
      if (!isEffect(difference.steps)) found.push({ difference, origin: 'change' })
      continue
    }
    // The cluster has this very text; shown is what would be if it had another.
    for (const { steps, after } of writtenTexts(difference, redaction))
      if (valuesAt(live, steps).includes(after))
        found.push({
          difference: { steps, change: 'replace', before: after, after },
          origin: hasDrifted(steps) ? 'both' : 'change',
        })
    // What is hidden inside of what the change writes is a change whatever the cluster has there.
    for (const steps of hiddenWithin(difference, redaction))
      if (!isEffect(steps))
        found.push({ difference: { steps, change: 'replace', before: undefined, after: undefined }, origin: 'change' })
    if (isComparable(difference, redaction) && !isEffect(difference.steps))
      found.push({ difference, origin: 'settled' })
  }
  return summarize(found, redaction)
}

interface Found {
  readonly difference: RawDifference
  readonly origin: Origin
}

/** Where a secret is part of a place, the place as a whole is told: what is inside depends on it. */
function collapseHidden(differences: readonly RawDifference[], redaction: ObjectRedaction): readonly RawDifference[] {
  const places = new Map<string, RawDifference>()
  const open = differences.filter(({ steps }) => {
    if (!redaction.isHidden(steps)) return true
    const place = redaction.placeOf(steps)
    places.set(fieldKey(place), { steps: place, change: 'replace', before: undefined, after: undefined })
    return false
  })
  return [...open, ...places.values()]
}

/** In the order of paths, each once, so that where a difference was found cannot be told. */
function summarize(found: readonly Found[], redaction: ObjectRedaction): Classified {
  const byPath = new Map<string, FieldDifference>()
  for (const { difference, origin } of found) {
    const shown = show(difference, origin, redaction)
    // A path that is cut may be that of another field.
    const key = shown.path.endsWith('…') ? `${shown.path}${byPath.size}` : shown.path
    if (!byPath.has(key)) byPath.set(key, shown)
  }
  const shown = [...byPath.values()].sort((a, b) => compareByteOrder(a.path, b.path))
  return {
    differences: shown.slice(0, maxDifferences),
    omitted: Math.max(0, shown.length - maxDifferences),
    origin: originOf(found.map(({ origin }) => origin)),
  }
}

/** The same difference with items called as head calls them, which is how the cluster will. */
function asInHead(difference: RawDifference, head: KubeObject | undefined): RawDifference {
  if (difference.after === undefined) return difference
  let value: KubeValue | undefined = head
  const steps = difference.steps.map((step): FieldStep => {
    if ('field' in step) {
      value = isMap(value) ? value[step.field] : undefined
      return step
    }
    const list: readonly KubeValue[] = Array.isArray(value) ? value : []
    const name = nameOf(step.item)
    value = (typeof name === 'string' ? list.find((item) => nameOf(item) === name) : undefined) ?? list[step.index]
    return value === undefined ? step : { item: value, index: step.index }
  })
  return { ...difference, steps }
}

/** Whether a list somewhere has two items of one name, or items with and without names. */
function hasEqualNames(value: KubeValue | undefined): boolean {
  if (isMap(value)) return Object.values(value).some(hasEqualNames)
  if (!Array.isArray(value)) return false
  const names = value.map(nameOf).filter((name) => typeof name === 'string')
  return (names.length > 0 && new Set(names).size < value.length) || value.some(hasEqualNames)
}

function nameOf(item: KubeValue): KubeValue | undefined {
  return isMap(item) ? item['name'] : undefined
}

/** Texts that a change writes into fields that may hold anything. */
function writtenTexts(
  { steps, after }: RawDifference,
  redaction: ObjectRedaction,
): readonly { readonly steps: readonly FieldStep[]; readonly after: string }[] {
  const visit = (
    value: KubeValue | undefined,
    here: readonly FieldStep[],
  ): readonly { readonly steps: readonly FieldStep[]; readonly after: string }[] => {
    if (Array.isArray(value)) return value.flatMap((item, at) => visit(item, [...here, { item, index: at }]))
    if (isMap(value)) return Object.entries(value).flatMap(([field, one]) => visit(one, [...here, { field }]))
    return typeof value !== 'string' || redaction.isHidden(here) || redaction.isComparable(value, here)
      ? []
      : [{ steps: here, after: value }]
  }
  return visit(after, steps)
}

/** The outermost places that are hidden in what a change writes. */
function hiddenWithin({ steps, after }: RawDifference, redaction: ObjectRedaction): readonly (readonly FieldStep[])[] {
  const visit = (value: KubeValue | undefined, here: readonly FieldStep[]): readonly (readonly FieldStep[])[] => {
    if (redaction.isHidden(here)) return [here]
    if (Array.isArray(value)) return value.flatMap((item, at) => visit(item, [...here, { item, index: at }]))
    return isMap(value) ? Object.entries(value).flatMap(([field, one]) => visit(one, [...here, { field }])) : []
  }
  return visit(after, steps)
}

/** One origin for many. What the cluster has already counts as no effect. */
export function originOf(origins: readonly Origin[]): Classified['origin'] {
  const hasDrift = origins.includes('drift')
  if (origins.includes('both') || (hasDrift && origins.includes('change'))) return 'both'
  if (origins.includes('change')) return 'change'
  return hasDrift ? 'drift' : undefined
}

/** Base against head, as everybody may read them; and where a secret takes part on one side only, or it is not known. */
export function changesOf({ base, head }: ObjectInput): readonly RawDifference[] {
  const [before, after] = [openOf(base), openOf(head)]
  const unknown: RawDifference = { steps: [], change: 'replace', before: undefined, after: undefined }
  if (base === undefined || head === undefined) return []
  if (before === undefined || after === undefined) return [unknown]
  const found = collect((report) => compareObjects(before, after, report))
  const keys = new Set(found.map(({ steps }) => fieldKey(steps)))
  const [was, is] = [taintOf(base).fields, taintOf(head).fields]
  for (const [one, other] of [
    [was, is],
    [is, was],
  ] as const)
    for (const [key, steps] of one) if (!other.has(key) && !keys.has(key)) found.push({ ...unknown, steps })
  return found
}

/** What an apply would do to the object in the cluster. */
function effectsOf(input: ObjectInput): readonly RawDifference[] {
  const { live, result, head } = input
  if (live === undefined) return []
  const before = reveal(live)
  if (result !== undefined) return collect((report) => compareObjects(before, reveal(result), report))
  if (head === undefined) return []
  // What the change takes away looks like what only the cluster has.
  const gone = changesOf(input).filter(({ steps, change }) => change === 'remove' && valuesAt(before, steps).length > 0)
  return [...collect((report) => compareOwned(before, reveal(head.object), report)), ...gone]
}

/** Where the cluster is not as base says. */
function driftOf({ base, live, baseResult }: ObjectInput): readonly RawDifference[] {
  if (base === undefined || live === undefined) return []
  const before = reveal(live)
  if (baseResult !== undefined) return collect((report) => compareObjects(before, reveal(baseResult), report))
  return collect((report) => compareOwned(before, reveal(base.object), report))
}

function collect(walk: (report: ReportDifference) => void): RawDifference[] {
  const found: RawDifference[] = []
  walk((steps, change, before, after) => found.push({ steps, change, before, after }))
  return found
}

/** As an apply compares, and finalizers, which decide whether a deletion waits. */
export function compareObjects(before: KubeObject, after: KubeObject, report: ReportDifference): void {
  walkDifferences(before, after, report)
  const finalizers = (object: KubeObject): KubeValue | undefined =>
    isMap(object['metadata']) ? object['metadata']['finalizers'] : undefined
  compareValues(finalizers(before), finalizers(after), [{ field: 'metadata' }, { field: 'finalizers' }], report)
}

/** What is wanted against what is there, without what only the cluster has: defaults, and fields of others. */
function compareOwned(live: KubeObject, wanted: KubeObject, report: ReportDifference): void {
  compareObjects(keepWanted(live, wanted), wanted, report)
}

function keepWanted(live: KubeObject, wanted: KubeObject): KubeObject {
  const prune = (is: KubeValue, wants: KubeValue | undefined): KubeValue => {
    if (isMap(is) && isMap(wants)) {
      const kept: KubeMap = {}
      for (const [field, value] of Object.entries(is))
        if (Object.hasOwn(wants, field)) kept[field] = prune(value, wants[field])
      return kept
    }
    if (!Array.isArray(is) || !Array.isArray(wants)) return is
    return is.map((item, at) => {
      const name = nameOf(item)
      return prune(item, typeof name === 'string' ? wants.find((want) => nameOf(want) === name) : wants[at])
    })
  }
  return prune(live, wanted) as KubeObject
}

/** Whether a place, one above it, or one below it is among the differences. */
function index(differences: readonly RawDifference[], keyOf = fieldKey): (steps: readonly FieldStep[]) => boolean {
  const keys = new Set<string>()
  const above = new Set<string>()
  for (const { steps } of differences) {
    keys.add(keyOf(steps))
    for (let length = 0; length < steps.length; length++) above.add(keyOf(steps.slice(0, length)))
  }
  return (steps) =>
    above.has(keyOf(steps)) || steps.some((_, at) => keys.has(keyOf(steps.slice(0, at)))) || keys.has(keyOf(steps))
}

/** Items without a name by their position: places of one object. */
function exactKey(steps: readonly FieldStep[]): string {
  return steps
    .map((step) => ('index' in step && fieldKey([step]) === '[*]' ? `[${step.index}]` : fieldKey([step])))
    .join('')
}

/** Whether both sides of a difference are of the kind that is compared with the cluster. */
function isComparable({ steps, before, after }: RawDifference, redaction: ObjectRedaction): boolean {
  return [before, after].every((one) => one === undefined || redaction.isComparable(one, steps))
}

function show(
  { steps, change, before, after }: RawDifference,
  origin: Origin,
  redaction: ObjectRedaction,
): FieldDifference {
  const path = redaction.path(steps)
  if (redaction.isHidden(steps)) return { path, change, origin, isHidden: true }
  return {
    path,
    change,
    origin,
    ...(before === undefined ? {} : { before: redaction.value(before, steps, 'before') }),
    ...(after === undefined ? {} : { after: redaction.value(after, steps, 'after') }),
  }
}
