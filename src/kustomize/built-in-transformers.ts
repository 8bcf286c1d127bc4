import { isMap, type KubeValue } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import type { BuildContext } from './build-context.ts'
import { type FieldSpec, mergeFieldSpecs } from './config/field-spec.ts'
import type { TransformerConfig } from './config/transformer-config.ts'
import { decode, type Shape } from './decode.ts'
import { addPrefix, addSuffix } from './filters/affixes.ts'
import { setImages } from './filters/images.ts'
import { addTexts } from './filters/labels.ts'
import { setNamespaces } from './filters/namespace.ts'
import {
  applyJson6902,
  applyPatch,
  applyStrategicMerges,
  parseJson6902,
  parsePatch,
  type PatchText,
} from './filters/patches.ts'
import { applyReplacement } from './filters/replacements.ts'
import { setReplicas } from './filters/replicas.ts'
import type { Loader } from './loader.ts'
import { at, forEachCollecting, type Place, problem, problems } from './problems.ts'
import { readObjects } from './read-objects.ts'
import type { ResourceList } from './resource-list.ts'
import { REPLACEMENT_ENTRY, REPLACEMENTS } from './shapes.ts'
import type { Kustomization, LabelEntry, PatchEntry, ReplacementEntry, Selector } from './types.ts'

/** What a transformer is configured with. */
export interface TransformerSource {
  readonly kustomization: Kustomization
  readonly config: TransformerConfig
  readonly loader: Loader
  readonly context: BuildContext
  /** The kustomization file, and the place of a field in it. */
  readonly file: string
  place(...path: (string | number)[]): Place
}

/** A configured transformer. */
export type Run = (list: ResourceList) => void

/** Configures the transformers of one kind: one per entry of its field. */
type Configure = (source: TransformerSource) => Run[]

/** The built-in transformers in the order in which they run (api/internal/target, configureBuiltinTransformers). */
export const TRANSFORMER_ORDER: readonly (readonly [kind: string, configure: Configure])[] = [
  ['PatchStrategicMergeTransformer', strategicMerges],
  ['PatchTransformer', patches],
  ['NamespaceTransformer', namespace],
  [
    'PrefixTransformer',
    ({ kustomization, config }) =>
      affix(kustomization.namePrefix, (list, text) => addPrefix(list, text, config.namePrefix)),
  ],
  [
    'SuffixTransformer',
    ({ kustomization, config }) =>
      affix(kustomization.nameSuffix, (list, text) => addSuffix(list, text, config.nameSuffix)),
  ],
  ['LabelTransformer', labels],
  ['AnnotationsTransformer', annotations],
  ['PatchJson6902Transformer', json6902],
  ['ReplicaCountTransformer', replicas],
  ['ImageTagTransformer', images],
  ['ReplacementTransformer', replacements],
]

function affix(text: string, apply: (list: ResourceList, text: string) => void): Run[] {
  return text === '' ? [] : [(list) => apply(list, text)]
}

function strategicMerges(source: TransformerSource): Run[] {
  const { kustomization, loader, context, file } = source
  if (kustomization.patchesStrategicMerge.length === 0) return []
  const loaded: ReturnType<typeof readObjects> = []
  forEachCollecting(kustomization.patchesStrategicMerge.entries(), ([index, text]) => {
    at(source.place('patchesStrategicMerge', index), () => {
      loaded.push(...inlineOrFile(text, loader, context, file))
    })
  })
  if (loaded.length === 0)
    throw problem('kustomize-patch-empty', 'patch appears to be empty', source.place('patchesStrategicMerge'))
  return [(list) => applyStrategicMerges(list, loaded)]
}

/** An entry that is either YAML itself or the path of a file. */
export function inlineOrFile(
  text: string,
  loader: Loader,
  context: BuildContext,
  file: string,
): ReturnType<typeof readObjects> {
  if (isInline(text)) return readObjects(text, file, context.schema)
  // Nothing at all is YAML, too.
  if (text.trim() === '') return []
  return readObjects(loader.loadText(text), loader.shownPath(text), context.schema)
}

/** True for text that holds objects; a path is no mapping. */
export function isInline(text: string): boolean {
  return text.includes('\n') || /^\s*\{/.test(text) || /^\s*[\w.-]+:\s/.test(text)
}

function patches(source: TransformerSource): Run[] {
  const runs: Run[] = []
  forEachCollecting(source.kustomization.patches.entries(), ([index, entry]) => {
    at(source.place('patches', index), () => {
      const text = patchText(entry, source.loader, source.file)
      const parsed = parsePatch(text, source.context.schema)
      runs.push((list) => at(source.place('patches', index), () => applyPatch(list, entry, parsed, text.file)))
    })
  })
  return runs
}

/** The text of a patch, from the entry itself or from the file it names. */
export function patchText(entry: PatchEntry, loader: Loader, file: string): PatchText {
  const inline = entry.patch?.trim() ?? ''
  if (inline === '' && !entry.path) throw problem('kustomize-patch-entry', 'must specify one of patch and path')
  if (inline !== '' && entry.path)
    throw problem('kustomize-patch-entry', "patch and path can't be set at the same time")
  if (inline !== '') return { text: inline, file }
  const path = entry.path ?? ''
  return { text: loader.loadText(path), file: loader.shownPath(path) }
}

function namespace({ kustomization, config }: TransformerSource): Run[] {
  if (kustomization.namespace === '') return []
  return [(list) => setNamespaces(list, { namespace: kustomization.namespace, fieldSpecs: config.namespace })]
}

function labels({ kustomization, config }: TransformerSource): Run[] {
  if (kustomization.labels.length === 0 && Object.keys(kustomization.commonLabels).length === 0) return []
  const runs = kustomization.labels.map((entry): Run => {
    const specs = labelSpecs(entry, config)
    return (list) => addToAll(list, entry.pairs ?? {}, specs)
  })
  runs.push((list) => addToAll(list, kustomization.commonLabels, config.commonLabels))
  return runs
}

function labelSpecs(entry: LabelEntry, config: TransformerConfig): readonly FieldSpec[] {
  const specs = mergeFieldSpecs(entry.fields ?? [], config.labels)
  if (entry.includeSelectors === true) return mergeFieldSpecs(specs, config.commonLabels)
  const withTemplates = entry.includeTemplates === true ? mergeFieldSpecs(specs, config.templateLabels) : specs
  return mergeFieldSpecs(withTemplates, [{ path: 'metadata/labels', create: true }])
}

function addToAll(list: ResourceList, texts: { readonly [key: string]: string }, specs: readonly FieldSpec[]): void {
  if (Object.keys(texts).length === 0) return
  for (const resource of list.items) {
    at({ object: resource.describe(), ...resource.place }, () => addTexts(resource, texts, specs))
  }
}

function annotations({ kustomization, config }: TransformerSource): Run[] {
  if (Object.keys(kustomization.commonAnnotations).length === 0) return []
  return [(list) => addToAll(list, kustomization.commonAnnotations, config.commonAnnotations)]
}

function json6902(source: TransformerSource): Run[] {
  const runs: Run[] = []
  forEachCollecting(source.kustomization.patchesJson6902.entries(), ([index, entry]) => {
    at(source.place('patchesJson6902', index), () => {
      const text = patchText(entry, source.loader, source.file)
      const operations = parseJson6902(entry.target, text)
      runs.push((list) => applyJson6902(list, entry.target as Selector, operations, text.file))
    })
  })
  return runs
}

function replicas(source: TransformerSource): Run[] {
  return source.kustomization.replicas.map((entry, index) => (list) => {
    at(source.place('replicas', index), () => setReplicas(list, entry, source.config.replicas))
  })
}

function images(source: TransformerSource): Run[] {
  return source.kustomization.images.map((entry, index) => (list) => {
    at(source.place('images', index), () => setImages(list, entry, source.config.images))
  })
}

function replacements(source: TransformerSource): Run[] {
  const { kustomization, loader } = source
  if (kustomization.replacements.length === 0) return []
  const entries: { entry: ReplacementEntry; place: Place }[] = []
  forEachCollecting(kustomization.replacements.entries(), ([index, entry]) => {
    const place = source.place('replacements', index)
    at(place, () => {
      for (const one of loadReplacements(entry, loader)) entries.push({ entry: one, place })
    })
  })
  return [
    (list) => {
      for (const { entry, place } of entries) at(place, () => applyReplacement(list, entry))
    },
  ]
}

/** A replacement, or those in the file that it names. */
export function loadReplacements(entry: ReplacementEntry, loader: Loader): readonly ReplacementEntry[] {
  if (!entry.path) return [entry]
  if (entry.source !== undefined || (entry.targets?.length ?? 0) > 0) {
    throw problem('kustomize-replacement', 'cannot specify both path and inline replacement')
  }
  const file = loader.shownPath(entry.path)
  const { documents, diagnostics } = parseDocuments(loader.loadText(entry.path), { dialect: 'sigs', file, first: true })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  const value = (documents[0]?.value ?? null) as KubeValue
  if (!Array.isArray(value) && !isMap(value)) {
    throw problem(
      'kustomize-replacement',
      'unsupported replacement type encountered within replacement path: write one replacement or a list',
      { file },
    )
  }
  const shape: Shape = Array.isArray(value) ? REPLACEMENTS : REPLACEMENT_ENTRY
  const report: Parameters<typeof decode>[3] = []
  const decoded = decode(value, shape, { strict: false, coerce: true, place: () => ({ file }) }, report)
  if (report.length > 0) throw problems(report)
  return (Array.isArray(decoded) ? decoded : [decoded]) as unknown as readonly ReplacementEntry[]
}
