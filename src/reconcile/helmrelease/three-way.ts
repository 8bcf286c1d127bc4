import {
  builtInSchema,
  isMap,
  scalarText,
  type KubeMap,
  type KubeObject,
  type KubeValue,
} from '../../resources/index.ts'

type Schema = ReturnType<typeof builtInSchema.forType>

/**
 * The patch that brings a live object from what was last wanted (`original`) to what is wanted now, and leaves alone what others set: everything that is
 * wanted, and the removal of what no longer is (Helm v4 pkg/kube, three-way merge). Strategic for kinds whose lists are known, else a JSON
 * merge patch.
 */
export function threeWayPatch(
  original: KubeObject,
  wanted: KubeObject,
): { readonly type: 'strategic' | 'merge'; readonly body: KubeMap } {
  const schema = builtInSchema.forType(scalarText(wanted['apiVersion']), scalarText(wanted['kind']))
  return { type: schema === undefined ? 'merge' : 'strategic', body: mergeMaps(original, wanted, schema) }
}

function mergeMaps(original: KubeMap, wanted: KubeMap, schema: Schema): KubeMap {
  const patch: KubeMap = {}
  for (const key of Object.keys(original)) if (!Object.hasOwn(wanted, key)) patch[key] = null
  for (const [key, value] of Object.entries(wanted)) {
    const before = Object.hasOwn(original, key) ? original[key] : undefined
    const below = schema?.field(key)
    if (isMap(value)) patch[key] = mergeMaps(isMap(before) ? before : {}, value, below)
    else if (Array.isArray(value) && Array.isArray(before) && below?.mergeKeys !== undefined) {
      mergeLists({ key, before, value, mergeKey: below.mergeKeys[0], elements: below.elements }, patch)
    } else patch[key] = value
  }
  return patch
}

interface ListChange {
  readonly key: string
  readonly before: readonly KubeValue[]
  readonly value: readonly KubeValue[]
  readonly mergeKey: string | undefined
  readonly elements: Schema
}

function mergeLists({ key, before, value, mergeKey, elements }: ListChange, into: KubeMap): void {
  if (mergeKey === undefined) {
    into[key] = [...value]
    const gone = before.filter((item) => !value.includes(item))
    if (gone.length > 0) into[`$deleteFromPrimitiveList/${key}`] = gone
    return
  }
  const idOf = (item: KubeValue): string | undefined =>
    isMap(item) && item[mergeKey] !== undefined ? JSON.stringify(item[mergeKey], bigints) : undefined
  const old = new Map(before.map((item) => [idOf(item), item]))
  const kept = value.map((item) => {
    const earlier = old.get(idOf(item))
    return isMap(item) ? mergeMaps(isMap(earlier) ? earlier : {}, item, elements) : item
  })
  const wantedIds = new Set(value.map(idOf))
  const gone = before
    .filter((item) => isMap(item) && !wantedIds.has(idOf(item)))
    .map((item): KubeValue => ({ [mergeKey]: (item as KubeMap)[mergeKey] ?? null, $patch: 'delete' }))
  into[key] = [...kept, ...gone]
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
