import { EngineError } from '../base/index.ts'
import { mergeList } from './strategic-merge-list.ts'
import { copyValue } from './copy-value.ts'
import { getKey, isMap, type KubeMap, type KubeObject, type KubeValue, scalarText, setKey } from './object.ts'
import { setSharedKey } from './shared-slots.ts'
import { copySourceText, hasEmptyText, isQuoted, sourceText } from './source-text.ts'
import { type Directive, type MergeOptions, unknownDirective } from './merge-rules.ts'
import type { Schema, SchemaNode } from './schema.ts'

/**
 * Merges `patch` into `target` by kyaml's rules (kyaml v0.21.1 yaml/merge2): mappings merge, lists merge where the schema names merge keys
 * and are replaced elsewhere, null removes, `$patch: delete | replace | merge` direct. Changes `target`; leaves `patch` alone.
 * Returns the merged object, or undefined where the patch deletes it. Throws EngineError `merge-kind-mismatch` and `merge-unknown-directive`.
 *
 * Like kyaml, it also tidies what the patch does not touch: elements of a merged list that share their keys become one, and a field
 * written without any value disappears.
 */
export function strategicMerge(target: KubeObject, patch: KubeObject, options: MergeOptions): KubeObject | undefined {
  const merged = walk({ value: target, textEmpty: false }, copyValue(patch), undefined, options)
  return isMap(merged) ? merged : undefined
}

/** The target's side of one place: its value, and whether a null there was written without any text. */
interface Target {
  readonly value: KubeValue | undefined
  readonly textEmpty: boolean
}

/** Merges one place. The result undefined clears it; null keeps a null that the target spells out. */
function walk(
  target: Target,
  patch: KubeValue | undefined,
  known: SchemaNode | undefined,
  options: MergeOptions,
): KubeValue | undefined {
  const dest = target.value
  const shape = shapeOf(dest) ?? shapeOf(patch)
  const patchShape = shapeOf(patch)
  if (patchShape !== undefined && patchShape !== shape) {
    throw new EngineError(
      `wrong node kind: the target is a ${shape} and the patch a ${patchShape}; write the patch with the same structure as its target`,
      { code: 'merge-kind-mismatch' },
    )
  }
  const schema = known ?? schemaOf(dest, options.schema) ?? schemaOf(patch, options.schema)
  if (shape === 'list') {
    if (schema?.mergeKeys === undefined) return replaced(dest, patch)
    return mergeList(dest as KubeValue[] | null | undefined, patch as KubeValue[] | null | undefined, schema, {
      ...options,
      mergeElement: (element, change, below) => walk({ value: element, textEmpty: false }, change, below, options),
    })
  }
  if (shape === 'scalar') return replaced(dest, patch)
  return walkMap(target, patch as KubeMap | null | undefined, schema, options)
}

/** Scalars and lists without merge keys: what the patch says, if it says anything; its null clears. */
function replaced(dest: KubeValue | undefined, patch: KubeValue | undefined): KubeValue | undefined {
  return patch === undefined ? dest : patch === null ? undefined : patch
}

function walkMap(
  target: Target,
  patch: KubeMap | null | undefined,
  schema: SchemaNode | undefined,
  options: MergeOptions,
): KubeValue | undefined {
  const dest = target.value
  if (dest === undefined || dest === null) {
    if (patch === undefined) return dest === null && !target.textEmpty ? null : undefined
    if (patch === null || takeDirective(patch, true) === 'delete') return undefined
    return mergeFields(patch, patch, schema, options)
  }
  if (patch === null) return undefined
  const directive = patch === undefined ? 'merge' : takeDirective(patch, false)
  if (directive === 'delete') return undefined
  return mergeFields(directive === 'replace' && patch ? patch : (dest as KubeMap), patch, schema, options)
}

/** Merges field by field into `dest`. `patch` may be `dest` itself: then nulls and directives inside it are resolved. */
function mergeFields(
  dest: KubeMap,
  patch: KubeMap | undefined,
  schema: SchemaNode | undefined,
  options: MergeOptions,
): KubeMap {
  const names = new Set(Object.keys(dest))
  if (patch && patch !== dest) for (const name of Object.keys(patch)) names.add(name)
  for (const name of names) {
    const before = getKey(dest, name)
    const after = walk(
      { value: before, textEmpty: before === null && hasEmptyText(dest, name) },
      patch && getKey(patch, name),
      schema?.field(name),
      options,
    )
    if (after === undefined) delete dest[name]
    else {
      if (after !== before) setMerged(dest, name, after, patch)
      if (patch && patch !== dest) copySourceText(patch, dest, name)
    }
  }
  return dest
}

/** A scalar keeps the quotes of the one that it replaces, which makes it text. */
function setMerged(dest: KubeMap, name: string, value: KubeValue, patch: KubeMap | undefined): void {
  const isScalar = value !== null && typeof value !== 'object'
  if (!isScalar || !Object.hasOwn(dest, name)) setKey(dest, name, value)
  else if (typeof value !== 'string' && isQuoted(dest, name))
    setSharedKey(dest, name, patch === undefined ? scalarText(value) : sourceText(patch, name))
  else setSharedKey(dest, name, value)
}

/** Reads `$patch` of a mapping and removes it. With `lenient`, a directive that is not known counts as none. */
function takeDirective(patch: KubeMap, lenient: boolean): Directive {
  const value = getKey(patch, '$patch')
  if (value === undefined) return 'merge'
  const text = scalarText(value)
  if (text === 'delete' || text === 'replace' || text === 'merge') {
    delete patch['$patch']
    return text
  }
  if (lenient) return 'merge'
  throw unknownDirective(text)
}

function shapeOf(value: KubeValue | undefined): 'mapping' | 'list' | 'scalar' | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value !== 'object' ? 'scalar' : Array.isArray(value) ? 'list' : 'mapping'
}

/** An object inside an object (a template) brings its own schema along. */
function schemaOf(value: KubeValue | undefined, schema: Schema): SchemaNode | undefined {
  if (!isMap(value)) return undefined
  const { kind, apiVersion } = value
  return typeof kind === 'string' && typeof apiVersion === 'string' ? schema.forType(apiVersion, kind) : undefined
}
