import { compareValues, isMap, type FieldStep, type KubeObject, type KubeValue } from '../resources/index.ts'
import { reveal, type Raw } from './raw.ts'

/**
 * An object as it was rendered, and as everybody may read it: the same rendering with every secret that took part (what was decrypted, what came from a Secret of the cluster) replaced by a placeholder
 * that depends on where it comes from and on nothing else, and that nobody can guess. `itself`: no secret took part. `unknown`: nothing of the object is shown but its kind.
 */
export interface Rendered {
  readonly object: Raw<KubeObject>
  readonly open: Raw<KubeObject> | 'itself' | 'unknown'
  /** Where it is written. */
  readonly file?: string | undefined
  readonly line?: number | undefined
}

/** Which fields of a rendered object have something of a secret in them. */
export interface Taint {
  /** Nothing is known: all of it may be secret. */
  readonly isTotal: boolean
  /** Fields whose value is tainted, by their key. */
  readonly fields: ReadonlyMap<string, readonly FieldStep[]>
  /** Keys of fields and items whose very name is. */
  readonly names: ReadonlySet<string>
}

/** Nothing is tainted. */
export const clean: Taint = { isTotal: false, fields: new Map(), names: new Set() }

/** The key of a field for comparing places of different objects: items by name; those without one all have the same key, since they have other positions in the cluster. */
export function fieldKey(steps: readonly FieldStep[]): string {
  return steps.map(stepKey).join('')
}

function stepKey(step: FieldStep): string {
  if ('field' in step) return `/${JSON.stringify(step.field)}`
  return isMap(step.item) && typeof step.item['name'] === 'string' ? `[${JSON.stringify(step.item['name'])}]` : '[*]'
}

/** Finds what is tainted: every place where the object differs from what everybody may read. */
export function taintOf(rendered: Rendered | undefined): Taint {
  if (rendered === undefined || rendered.open === 'itself') return clean
  if (rendered.open === 'unknown') return { ...clean, isTotal: true }
  const fields = new Map<string, readonly FieldStep[]>()
  const names = new Set<string>()
  compareValues(reveal(rendered.object), reveal(rendered.open), [], (steps, change) => {
    const place = (upTo: number): readonly FieldStep[] => steps.slice(0, upTo)
    const [item, last] = steps.slice(-2)
    const isName =
      item !== undefined && 'item' in item && last !== undefined && 'field' in last && last.field === 'name'
    // Where a name itself is a secret, which of its neighbours have that name must not be told either: all of the list or mapping counts.
    const end = isName ? steps.length - 2 : change === 'replace' ? steps.length : steps.length - 1
    fields.set(fieldKey(place(end)), place(end))
    if (change !== 'replace') names.add(fieldKey(steps))
    if (isName) names.add(fieldKey(place(steps.length - 1)))
  })
  return { isTotal: false, fields, names }
}

/** Whether a field, or one that it is part of, is tainted. */
export function isTainted(taint: Taint, steps: readonly FieldStep[]): boolean {
  if (taint.isTotal) return true
  if (taint.fields.size === 0) return false
  if (taint.fields.has('')) return true
  let key = ''
  return steps.some((step) => taint.fields.has((key += stepKey(step))))
}

/** The object as everybody may read it; undefined where that is not known. */
export function openOf(rendered: Rendered | undefined): KubeObject | undefined {
  if (rendered === undefined || rendered.open === 'unknown') return undefined
  return reveal(rendered.open === 'itself' ? rendered.object : rendered.open)
}

/** The values at a place: one, or those of all items where items have no names. */
export function valuesAt(value: KubeValue | undefined, steps: readonly FieldStep[]): readonly KubeValue[] {
  let found: readonly KubeValue[] = value === undefined ? [] : [value]
  for (const step of steps) {
    found = found.flatMap((one): readonly KubeValue[] => {
      if ('field' in step) {
        const next = isMap(one) && Object.hasOwn(one, step.field) ? one[step.field] : undefined
        return next === undefined ? [] : [next]
      }
      if (!Array.isArray(one)) return []
      const name = isMap(step.item) ? step.item['name'] : undefined
      return typeof name === 'string' ? one.filter((item) => isMap(item) && item['name'] === name) : one
    })
  }
  return found
}
