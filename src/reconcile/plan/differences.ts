import { formatKey, keyOf, type PlannedChange } from '../../kube/index.ts'
import {
  formatSteps,
  gvkOf,
  isMap,
  walkDifferences,
  type KubeMap,
  type KubeObject,
  type KubeValue,
} from '../../resources/index.ts'
import { printYaml } from '../../yaml/index.ts'
import type { RecordedChange } from '../job.ts'

/** One field that a run would change, with the values as text; those of Secrets are redacted. */
export interface PlannedDifference {
  /** `.spec.template.spec.containers[name="app"].image`. */
  readonly path: string
  readonly change: 'add' | 'replace' | 'remove'
  readonly before?: string
  readonly after?: string
}

/** What a run would do with one object. */
export interface PlannedObject extends RecordedChange {
  readonly differences: readonly PlannedDifference[]
}

/** Differences of one object that are shown; a plan is for reading. */
const maxDifferences = 200
/** Characters of one value that are shown. */
const maxValueLength = 20_000

const hidden = '***'

/** A planned change as it is shown: fields and values for an object that would be changed, its name alone for all others. */
export function describePlanned(planned: PlannedChange): PlannedObject {
  const { change, live, result } = planned
  const differences = change.action === 'configured' && live !== undefined ? differencesOf(live, result) : []
  return {
    object: formatKey(change),
    action: change.action,
    ...(change.note === undefined ? {} : { note: change.note }),
    ...(change.action === 'configured' ? { drift: change.drift ?? [] } : {}),
    differences,
  }
}

/** What differs between an object and what it would become. */
export function differencesOf(live: KubeObject, result: KubeObject): readonly PlannedDifference[] {
  const found: PlannedDifference[] = []
  const [before, after] = isSecret(live) ? hideSecrets(live, result) : [live, result]
  walkDifferences(before, after, (steps, change, was, is) => {
    if (found.length >= maxDifferences) return
    found.push({
      path: formatSteps(steps),
      change,
      ...(was === undefined ? {} : { before: textOf(was) }),
      ...(is === undefined ? {} : { after: textOf(is) }),
    })
  })
  return found
}

function isSecret(object: KubeObject): boolean {
  const { group, kind } = gvkOf(object)
  return group === '' && kind === 'Secret'
}

/** Both with every value of the Secret hidden, so that only which of them differ can be seen. What kubectl keeps of it in an annotation goes too. */
function hideSecrets(live: KubeObject, result: KubeObject): readonly [KubeObject, KubeObject] {
  const hide = (own: KubeObject, other: KubeObject, word: string): KubeObject => {
    const object = { ...own }
    for (const field of ['data', 'stringData']) {
      const values = own[field]
      if (!isMap(values)) continue
      const others = isMap(other[field]) ? other[field] : {}
      object[field] = Object.fromEntries(
        Object.entries(values).map(([key, value]) => [key, value === others[key] ? hidden : `${hidden} (${word})`]),
      )
    }
    const metadata = isMap(own['metadata']) ? { ...own['metadata'] } : {}
    if (isMap(metadata['annotations'])) {
      const annotations: KubeMap = { ...metadata['annotations'] }
      delete annotations['kubectl.kubernetes.io/last-applied-configuration']
      metadata['annotations'] = annotations
    }
    return { ...object, metadata }
  }
  return [hide(live, result, 'before'), hide(result, live, 'after')]
}

function textOf(value: KubeValue): string {
  const text = typeof value === 'string' ? value : printYaml(value, { dialect: 'sigs' }).trimEnd()
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text
}

/** The same change for the record of a run, which says what differs and never how: values may be secret. */
export function recordedChange({ differences: _differences, ...change }: PlannedObject): RecordedChange {
  return change
}

/** An object that would be deleted, or have something else done to it that is no apply. */
export function plannedAction(object: KubeObject, action: string, note?: string): PlannedObject {
  return { object: formatKey(keyOf(object)), action, ...(note === undefined ? {} : { note }), differences: [] }
}
