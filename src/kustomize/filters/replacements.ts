import {
  copyValue,
  isMap,
  type KubeValue,
  matchesLabels,
  parseLabelSelector,
  scalarText,
  splitFieldPath,
} from '../../resources/index.ts'
import { leadsToBuildAnnotations, withBuildAnnotations } from '../build-annotations.ts'
import { lookupParts, lookupSlot, type Match, matchFields } from '../lookup.ts'
import { at, problem } from '../problems.ts'
import type { Resource } from '../resource.ts'
import { formatId } from '../resource-id.ts'
import type { ResourceList } from '../resource-list.ts'
import { resolvePlain, retype } from '../scalar.ts'
import { compileSelector } from '../selector.ts'
import type { FieldOptions, ReplacementEntry, Selector } from '../types.ts'
import { elementTest } from './element-test.ts'
import { readSlot, writeSlot } from './field-spec.ts'
import { replaceInText } from './structured-text.ts'

type Target = NonNullable<ReplacementEntry['targets']>[number]

/** A value to write, and whether it is text without a type of its own (`sourceValue`). */
export interface SourceValue {
  readonly value: KubeValue
  readonly plain: boolean
}

/** Copies the value of one field to others (api/filters/replacement). */
export function applyReplacement(list: ResourceList, entry: ReplacementEntry): void {
  if ((entry.source === undefined && entry.sourceValue === undefined) || entry.targets === undefined) {
    throw problem('kustomize-replacement', 'replacements must specify a source and at least one target', {
      field: 'replacements',
    })
  }
  const { targets } = entry
  const replace = (): void => {
    const source = at({ field: 'replacements' }, () => sourceValue(list, entry))
    for (const target of targets) at({ field: 'replacements' }, () => writeTargets(list, target, source))
  }
  const paths = [entry.source?.fieldPath, ...targets.flatMap((target) => target.fieldPaths ?? [])]
  if (paths.some((path) => path && leadsToBuildAnnotations(splitFieldPath(path))))
    withBuildAnnotations(list.items, replace)
  else replace()
}

function sourceValue(list: ResourceList, entry: ReplacementEntry): SourceValue {
  const { source } = entry
  if (entry.sourceValue !== undefined) {
    if (source !== undefined)
      throw problem('kustomize-replacement', 'sourceValue and source are mutually exclusive; remove one')
    return { value: entry.sourceValue, plain: true }
  }
  const matches = list.items.filter((one) => ids(one).some((id) => isSelectedBy(id, source ?? {})))
  const shown = describeSelector(source ?? {})
  const match = matches[0]
  if (match === undefined) throw problem('kustomize-replacement-source', `nothing selected by ${shown}`)
  if (matches.length > 1) {
    throw problem(
      'kustomize-replacement-source',
      `multiple matches for selector ${shown}: ${matches.map((one) => one.describe()).join(', ')}`,
    )
  }
  const path = source?.fieldPath || 'metadata.name'
  const found = lookupParts(match.object, splitFieldPath(path))
  if (found === undefined || found === null || (typeof found === 'object' && Object.keys(found).length === 0)) {
    throw problem(
      'kustomize-replacement-source',
      `fieldPath \`${path}\` is missing for replacement source ${formatId(match.currentId())}`,
      match.place,
    )
  }
  const options = source?.options
  if (!options?.delimiter) return { value: found, plain: false }
  if (typeof found === 'object')
    throw problem('kustomize-replacement', 'delimiter option can only be used with scalar nodes')
  const parts = scalarText(found).split(options.delimiter)
  const index = Number(options.index ?? 0)
  const part = parts[index]
  if (index < 0 || part === undefined) {
    throw problem('kustomize-replacement', `options.index ${index} is out of bounds for value ${scalarText(found)}`)
  }
  return { value: retype(found, part), plain: false }
}

interface PlainId {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly name: string
  readonly namespace: string
}

/** Current id first, then the former ones. Scopes do not count here. */
function ids(resource: Resource): readonly PlainId[] {
  return [resource.currentId(), ...resource.formerIds()]
}

const namespaceOrDefault = (namespace: string): string => (namespace === '' ? 'default' : namespace)

function isSelectedBy(id: PlainId, selector: Selector): boolean {
  return (
    (!selector.name || selector.name === id.name) &&
    (!selector.namespace || namespaceOrDefault(selector.namespace) === namespaceOrDefault(id.namespace)) &&
    (!selector.group || selector.group === id.group) &&
    (!selector.version || selector.version === id.version) &&
    (!selector.kind || selector.kind === id.kind)
  )
}

function describeSelector(selector: Selector): string {
  return formatId({
    group: selector.group ?? '',
    version: selector.version ?? '',
    kind: selector.kind ?? '',
    name: selector.name ?? '',
    namespace: selector.namespace ?? '',
  })
}

function writeTargets(list: ResourceList, target: Target, source: SourceValue): void {
  const { select } = target
  if (select === undefined) throw problem('kustomize-replacement', 'target must specify resources to select')
  const selected = compileSelector(select)
  const rejected = (target.reject ?? []).map((one) => ({ selector: one, compiled: compileSelector(one) }))
  const fieldPaths =
    target.fieldPaths !== undefined && target.fieldPaths.length > 0 ? target.fieldPaths : ['metadata.name']
  for (const resource of list.items) {
    if (!fitsLabels(resource, select)) continue
    if (
      rejected.some(
        ({ selector }) => (selector.labelSelector || selector.annotationSelector) && fitsLabels(resource, selector),
      )
    )
      continue
    const all = ids(resource)
    const isRejected = rejected.some(
      ({ selector, compiled }) =>
        hasId(selector) &&
        all.some((id) => compiled.gvk(id) && compiled.name(id.name) && compiled.namespace(id.namespace)),
    )
    if (isRejected || !all.some((id) => selected.gvk(id) && selected.name(id.name) && selected.namespace(id.namespace)))
      continue
    for (const path of fieldPaths) {
      at({ object: resource.describe(), ...resource.place }, () =>
        writeField(resource, path, target.options ?? {}, source),
      )
    }
  }
}

function hasId(selector: Selector): boolean {
  return Boolean(selector.group || selector.version || selector.kind || selector.name || selector.namespace)
}

function fitsLabels(resource: Resource, selector: Selector): boolean {
  const labels = parseLabelSelector(selector.labelSelector ?? '')
  const annotations = parseLabelSelector(selector.annotationSelector ?? '')
  return (
    (annotations.length === 0 || matchesLabels(annotations, resource.texts('annotations'))) &&
    (labels.length === 0 || matchesLabels(labels, resource.texts('labels')))
  )
}

function writeField(resource: Resource, path: string, options: FieldOptions, source: SourceValue): void {
  const parts = splitFieldPath(path)
  const kind =
    typeof source.value !== 'object' || source.value === null
      ? 'scalar'
      : Array.isArray(source.value)
        ? 'list'
        : 'mapping'
  const create = options.create === true ? kind : undefined
  // A key made on the way may be no text, and the value may have faults, too.
  resource.hasFaults = true
  if (writeInText(resource, parts, source, create)) return
  const missing = `unable to find ${create ? 'or create ' : ''}field ${JSON.stringify(path)} in replacement target`
  let matches: Match[]
  try {
    matches = matchFields(resource.object, parts, create, elementTest)
  } catch (error) {
    throw at({}, () => {
      throw prefixed(missing, error)
    })
  }
  if (matches.length === 0) throw problem('kustomize-replacement-target', missing)
  for (const match of matches) writeMatch(match, options, source)
}

function prefixed(prefix: string, error: unknown): unknown {
  return error instanceof Error && 'diagnostics' in error
    ? problem('kustomize-replacement-target', `${prefix}: ${error.message}`)
    : error
}

function writeMatch(match: Match, options: FieldOptions, source: SourceValue): void {
  const old = readSlot(match)
  const isScalar = old === null || typeof old !== 'object'
  let text = source.value === null ? '' : scalarText(source.value)
  if (options.delimiter) {
    if (!isScalar) throw problem('kustomize-replacement', 'delimiter option can only be used with scalar nodes')
    const parts = scalarText(old).split(options.delimiter)
    const index = Number(options.index ?? 0)
    if (index < 0) parts.unshift(text)
    else if (index >= parts.length) parts.push(text)
    else parts[index] = text
    text = parts.join(options.delimiter)
  }
  if (!isScalar) writeSlot(match, source.plain ? resolvePlain(text) : copyValue(source.value))
  else writeSlot(match, match.created ? resolvePlain(text) : retype(old, text))
}

/** Writes into YAML or JSON that a text field holds, where the path goes on behind it. True when it did. */
function writeInText(
  resource: Resource,
  parts: readonly string[],
  source: SourceValue,
  create: 'scalar' | 'mapping' | 'list' | undefined,
): boolean {
  for (let length = 1; length < parts.length; length++) {
    let slot
    try {
      slot = lookupSlot(resource.object, parts.slice(0, length))
    } catch (error) {
      at({}, () => undefined)
      if (!(error instanceof Error && 'diagnostics' in error)) throw error
      continue
    }
    if (slot === undefined) continue
    const value = readSlot(slot)
    if (typeof value === 'object') {
      if (isMap(value) || Array.isArray(value)) continue
      return false
    }
    const changed = replaceInText(scalarText(value), parts.slice(length), source, create)
    if (changed === undefined) return false
    writeSlot(slot, typeof value === 'string' ? changed : retype(value, changed))
    return true
  }
  return false
}
