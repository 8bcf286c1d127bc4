import { EngineError } from '../../base/index.ts'
import { compareText, KUSTOMIZE_FIRST, KUSTOMIZE_LAST, kindRanks } from '../../resources/index.ts'

/** Selects kinds: a part that is missing fits all. */
export interface GvkSelector {
  readonly group?: string
  readonly version?: string
  readonly kind?: string
}

/** A field of some kinds: `path` is '/'-separated, `[]` marks a list, `\/` stands for a slash inside a name. */
export interface FieldSpec extends GvkSelector {
  readonly path: string
  /** Create the field where it is missing. */
  readonly create?: boolean
}

/** The fields that refer to an object of some kind by its name. */
export interface NameReference extends GvkSelector {
  readonly referrers: readonly FieldSpec[]
}

/** True when what is known of `gvk` fits `selector`. */
export function isSelected(gvk: GvkSelector, selector: GvkSelector): boolean {
  return (
    (!selector.group || gvk.group === selector.group) &&
    (!selector.version || gvk.version === selector.version) &&
    (!selector.kind || gvk.kind === selector.kind)
  )
}

/**
 * Adds `incoming` to `list` where no entry covers it. Throws EngineError `field-spec-conflict` when an entry for the same field differs in
 * `create` (types, FsSlice.MergeOne).
 */
export function mergeFieldSpecs(list: readonly FieldSpec[], incoming: readonly FieldSpec[]): readonly FieldSpec[] {
  if (list === incoming || incoming.length === 0) return list
  let result: FieldSpec[] | undefined
  for (const spec of incoming) {
    const known = (result ?? list).find((one) => one.path === spec.path && isSelected(one, spec))
    if (known === undefined) {
      result ??= [...list]
      result.push(spec)
    } else if ((known.create ?? false) !== (spec.create ?? false)) {
      throw new EngineError(
        `conflicting fieldspecs: ${JSON.stringify(spec.path)} is given both with and without create; use the same in all configurations`,
        { code: 'field-spec-conflict' },
      )
    }
  }
  return result ?? list
}

/** Adds the referrers of `incoming` to the entries for the same kinds, and entries for new ones. */
export function mergeNameReferences(
  list: readonly NameReference[],
  incoming: readonly NameReference[],
): readonly NameReference[] {
  if (list === incoming || incoming.length === 0) return list
  const result = [...list]
  for (const entry of incoming) {
    let found = false
    result.forEach((known, index) => {
      if (!sameGvk(known, entry)) return
      found = true
      result[index] = { ...known, referrers: mergeFieldSpecs(known.referrers, entry.referrers) }
    })
    if (!found) result.push(entry)
  }
  return result
}

function sameGvk(a: GvkSelector, b: GvkSelector): boolean {
  return (
    (a.group ?? '') === (b.group ?? '') && (a.version ?? '') === (b.version ?? '') && (a.kind ?? '') === (b.kind ?? '')
  )
}

const RANKS = kindRanks(KUSTOMIZE_FIRST, KUSTOMIZE_LAST)

/** A copy in the order of kinds, then of group, version and kind: the order in which specs are applied. */
export function sortByKind<T extends GvkSelector>(list: readonly T[]): readonly T[] {
  const rank = (one: GvkSelector): number => RANKS.get(one.kind ?? '') ?? 0
  return list.toSorted((a, b) => rank(a) - rank(b) || compareText(sortKey(a), sortKey(b)))
}

function sortKey(gvk: GvkSelector): string {
  return `${gvk.group || '~G'}_${gvk.version || '~V'}_${gvk.kind || '~K'}`
}
