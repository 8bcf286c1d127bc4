import { raw, type Rendered } from '../../plan/index.ts'
import {
  isMap,
  metaText,
  nameOf,
  namespaceOf,
  objectIdKey,
  objectIdOf,
  scalarText,
  type KubeObject,
} from '../../resources/index.ts'
import type { RenderedSide, SideObject } from './types.ts'

/** An object of one rendering. */
export interface FormObject {
  readonly object: KubeObject
  /** What it comes from: the same in every form, for as long as secrets do not decide it. */
  readonly source: string
  readonly file?: string | undefined
  readonly line?: number | undefined
}

/** The renderings of one side. `twin` and `desired` are missing where they were not made. */
export interface Forms {
  readonly open: readonly FormObject[]
  readonly twin?: readonly FormObject[] | undefined
  readonly desired?: readonly FormObject[] | undefined
}

/**
 * What a plan gets of the objects: those of the rendering with placeholders, each with its counterparts in the others, found by what they come from, since names may depend on secrets. What only the rendering with
 * secrets has is in nothing that is shown. Without a twin no secret took part, and the objects are what they are.
 */
export function pairForms(forms: Forms): Pick<RenderedSide, 'objects' | 'items' | 'desired'> {
  const { open, twin, desired } = forms
  const twins = twin && matchObjects(open, twin)
  const wanted = desired && matchObjects(open, desired)
  const paired = open.map((one, index) => pairOne(one, twins && { object: twins[index] }, wanted?.[index]))
  return {
    objects: paired.map(({ rendered }) => rendered),
    items: paired.map(({ item }) => item),
    ...(desired === undefined ? {} : { desired: desired.map(({ object }) => object) }),
  }
}

function pairOne(
  { object, file, line }: FormObject,
  twin: { readonly object: KubeObject | undefined } | undefined,
  desired: KubeObject | undefined,
): { readonly rendered: Rendered; readonly item: SideObject } {
  const place = { ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) }
  const id = objectIdKey(objectIdOf(object))
  if (twin === undefined) {
    const item = { id, shown: object, hasPlaceholders: false, ...(desired === undefined ? {} : { desired }) }
    return { rendered: { object: raw(object), open: 'itself', ...place }, item }
  }
  const hasPlaceholders = twin.object === undefined || !isSame(object, twin.object)
  const open = twin.object === undefined ? 'unknown' : hasPlaceholders ? raw(twin.object) : 'itself'
  const isNameHidden =
    twin.object === undefined ||
    nameOf(object) !== nameOf(twin.object) ||
    namespaceOf(object) !== namespaceOf(twin.object)
  return {
    rendered: { object: raw(object), open, ...place },
    item: {
      id,
      shown: object,
      hasPlaceholders,
      ...(hasPlaceholders && twin.object !== undefined ? { twin: twin.object } : {}),
      ...(desired === undefined ? {} : { desired }),
      ...(isNameHidden ? { isNameHidden } : {}),
    },
  }
}

/**
 * The counterpart of each object: of the same kind, from the same source, and of the same name; or, where names differ, the one that comes in the same place among those of that source that have no counterpart yet.
 */
function matchObjects(
  objects: readonly FormObject[],
  others: readonly FormObject[],
): readonly (KubeObject | undefined)[] {
  const groupOf = ({ object, source }: FormObject): string =>
    JSON.stringify([scalarText(object['apiVersion']), scalarText(object['kind']), source])
  const groups = Map.groupBy(others, groupOf)
  const found = new Map<FormObject, KubeObject>()
  for (const [group, own] of Map.groupBy(objects, groupOf)) {
    const candidates = new Set(groups.get(group))
    const take = (one: FormObject, candidate: FormObject | undefined): void => {
      if (candidate === undefined) return
      found.set(one, candidate.object)
      candidates.delete(candidate)
    }
    for (const one of own)
      take(
        one,
        [...candidates].find((other) => hasSameName(one.object, other.object)),
      )
    for (const one of own) if (!found.has(one)) take(one, candidates.values().next().value)
  }
  return objects.map((one) => found.get(one))
}

function hasSameName(a: KubeObject, b: KubeObject): boolean {
  return nameOf(a) === nameOf(b) && namespaceOf(a) === namespaceOf(b)
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return JSON.stringify(a, bigints) === JSON.stringify(b, bigints)
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}

/**
 * What is looked up in the cluster, and dry-run: an object as it is shown, under the name that it really has where a secret is part of the name. That name is base's: whether head has another one depends on
 * what the secret is, and whether the cluster has an object of a name that head makes would tell it.
 *
 * @param base The item of base with the same id, also for itself.
 */
export function triedObject(item: SideObject, base: SideObject | undefined): KubeObject {
  if (item.isNameHidden !== true || base?.desired === undefined) return item.shown
  const { metadata } = item.shown
  const name = metaText(base.desired, 'name')
  const namespace = namespaceOf(base.desired)
  return {
    ...item.shown,
    metadata: { ...(isMap(metadata) ? metadata : {}), name, ...(namespace === '' ? {} : { namespace }) },
  }
}
