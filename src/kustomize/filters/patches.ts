import type { Diagnostic } from '../../base/index.ts'
import {
  applyJsonPatch,
  findFault,
  type JsonPatchOperation,
  type KubeValue,
  parseJsonPatch,
  type Schema,
} from '../../resources/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import { findingsOf, problem, problems } from '../problems.ts'
import { readObjects } from '../read-objects.ts'
import type { Resource } from '../resource.ts'
import { formatId } from '../resource-id.ts'
import type { ResourceList } from '../resource-list.ts'
import type { PatchEntry, Selector } from '../types.ts'
import { applyStrategicMerge, type ChangePermissions, preparePatch } from './strategic-merge.ts'

/** The text of a patch and where it stands. */
export interface PatchText {
  readonly text: string
  readonly file: string
}

/** A patch that has been read: objects to merge, or JSON patch operations. */
export type ParsedPatch =
  | { readonly kind: 'merge'; readonly patches: readonly Resource[] }
  | { readonly kind: 'json'; readonly operations: readonly JsonPatchOperation[] }

/**
 * Applies one entry of `patches`: strategic-merge patches (to the objects they name, or to those that the target selects) or a JSON patch to
 * the selected objects (api/internal/builtins PatchTransformer). A target that selects nothing is no error.
 */
export function applyPatch(list: ResourceList, entry: PatchEntry, parsed: ParsedPatch, file: string): void {
  if (parsed.kind === 'json') {
    if (entry.target === undefined)
      throw problem('kustomize-patch-target', 'must specify a target for a JSON patch', { file })
    applyJsonPatches(list, entry.target, parsed.operations, file, true)
    return
  }
  const permissions: ChangePermissions = {
    name: entry.options?.allowNameChange === true,
    kind: entry.options?.allowKindChange === true,
  }
  const [first, ...rest] = parsed.patches
  if (entry.target !== undefined) {
    if (rest.length > 0) {
      throw problem(
        'kustomize-patch-target',
        'a file with several strategic-merge patches cannot be used with a target; give each patch its own entry',
        {
          file,
        },
      )
    }
    if (first !== undefined) applyToSelected(list, list.select(entry.target), first, permissions)
    return
  }
  for (const patch of parsed.patches) {
    const target = named(
      () => list.getById(patch.originalId()),
      `no resource matches strategic merge patch ${formatId(patch.originalId())}`,
      patch,
    )
    applyStrategicMerge(target, patch, permissions)
    list.dropEmpty()
  }
}

/** Reads the operations of `patchesJson6902` (PatchJson6902Transformer). Throws where none is there, or the target has no name. */
export function parseJson6902(target: Selector | undefined, source: PatchText): readonly JsonPatchOperation[] {
  if (!target?.name) throw problem('kustomize-patch-target', 'must specify the target name', { file: source.file })
  const operations = parseOperations(source)
  if (operations.length === 0)
    throw problem('kustomize-patch-empty', 'patch appears to be empty', { file: source.file })
  return operations
}

/** Applies one entry of `patchesJson6902`. */
export function applyJson6902(
  list: ResourceList,
  target: Selector,
  operations: readonly JsonPatchOperation[],
  file: string,
): void {
  applyJsonPatches(list, target, operations, file, false)
}

/** Applies the objects of `patchesStrategicMerge` to their namesakes (PatchStrategicMergeTransformer). */
export function applyStrategicMerges(list: ResourceList, patches: readonly Resource[]): void {
  for (const patch of patches) {
    const target = named(() => list.getById(patch.originalId()), undefined, patch)
    applyToSelected(list, [target], patch, { name: false, kind: false })
  }
}

function named(find: () => Resource, prefix: string | undefined, patch: Resource): Resource {
  try {
    return find()
  } catch (error) {
    const place = patch.place ?? {}
    throw problems(
      findingsOf(error).map((one): Diagnostic => ({
        ...one,
        message: prefix === undefined ? one.message : `${prefix}: ${one.message}`,
        ...place,
      })),
    )
  }
}

function applyToSelected(
  list: ResourceList,
  selected: readonly Resource[],
  patch: Resource,
  permissions: ChangePermissions,
): void {
  for (const target of selected) applyStrategicMerge(target, preparePatch(patch, target), permissions)
  list.keep((one) => !one.isEmpty())
}

function applyJsonPatches(
  list: ResourceList,
  target: Selector,
  operations: readonly JsonPatchOperation[],
  file: string,
  remember: boolean,
): void {
  for (const resource of list.select(target)) {
    const fault = resource.hasFaults ? findFault(resource.object, resource.object) : undefined
    if (fault !== undefined) throw problems([{ severity: 'error', ...fault, object: resource.describe() }])
    if (remember) resource.rememberId()
    try {
      resource.object = withoutBigInts(applyJsonPatch(resource.object, operations)) as typeof resource.object
    } catch (error) {
      throw problems(findingsOf(error, { file, object: resource.describe() }))
    }
    resource.setTexts('annotations', resource.texts('annotations'))
  }
}

/** JSON patches go through JSON numbers in kustomize: integers beyond 2^53 lose their last digits. */
function withoutBigInts(value: KubeValue): KubeValue {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(withoutBigInts)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutBigInts(item)]))
}

/** Reads a patch, which may be of either kind. */
export function parsePatch(source: PatchText, schema: Schema): ParsedPatch {
  let mergeError: unknown
  let patches: readonly Resource[] | undefined
  let operations: readonly JsonPatchOperation[] | undefined
  try {
    patches = readObjects(source.text, source.file, schema)
  } catch (error) {
    findingsOf(error)
    mergeError = error
  }
  let jsonError: unknown
  try {
    operations = parseOperations(source)
  } catch (error) {
    findingsOf(error)
    jsonError = error
  }
  if (patches !== undefined) return { kind: 'merge', patches }
  if (operations !== undefined) return { kind: 'json', operations }
  // Report what is wrong with what the author most likely meant.
  const looksLikeList = /^\s*(\[|-\s)/.test(source.text)
  throw problems([
    {
      code: 'kustomize-patch-unreadable',
      severity: 'error',
      message: `unable to parse SM or JSON patch: ${findingsOf(looksLikeList ? jsonError : mergeError)[0]?.message ?? ''}`,
      file: source.file,
    },
  ])
}

/** What starts with a bracket is JSON to kustomize, not YAML (api/internal/builtins, jsonPatchFromBytes). */
function parseOperations(source: PatchText): JsonPatchOperation[] {
  if (source.text.startsWith('[')) requireJson(source)
  const { documents, diagnostics } = parseDocuments(source.text, { dialect: 'sigs', file: source.file, first: true })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  return parseJsonPatch((documents[0]?.value ?? null) as KubeValue)
}

function requireJson(source: PatchText): void {
  try {
    JSON.parse(source.text)
  } catch (error) {
    throw problem(
      'kustomize-patch-unreadable',
      `a JSON patch that starts with '[' must be JSON: ${error instanceof Error ? error.message : ''}; write YAML as a list with '- op: …'`,
      { file: source.file },
    )
  }
}
