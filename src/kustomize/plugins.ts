import type { Diagnostic } from '../base/index.ts'
import { baseName } from '../base/index.ts'
import { findFault, gvkOf, isMap, type KubeMap, type KubeValue, scalarText } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import type { BuildContext } from './build-context.ts'
import { inlineOrFile, loadReplacements, patchText, type Run } from './built-in-transformers.ts'
import type { FieldSpec } from './config/field-spec.ts'
import { decode } from './decode.ts'
import { addPrefix, addSuffix } from './filters/affixes.ts'
import { hashNames } from './filters/hash-names.ts'
import { setImages } from './filters/images.ts'
import { addTexts } from './filters/labels.ts'
import { setNamespaces, type SubjectMode } from './filters/namespace.ts'
import { applyJson6902, applyPatch, applyStrategicMerges, parseJson6902, parsePatch } from './filters/patches.ts'
import { applyReplacement } from './filters/replacements.ts'
import { setReplicas } from './filters/replicas.ts'
import { addValue, type ValueTarget } from './filters/value-add.ts'
import { generateConfigMap, generateSecret } from './generators/data-objects.ts'
import { runChart } from './generators/run-chart.ts'
import { generateIamPolicy, type IamPolicyEntry } from './generators/iam-policy.ts'
import type { Loader } from './loader.ts'
import type { Origin } from './origin.ts'
import { at, problem, problems } from './problems.ts'
import { readObjects } from './read-objects.ts'
import type { Resource } from './resource.ts'
import { PLUGINS, type PluginKind } from './shapes.ts'
import type { Generator, Transformer } from './step.ts'
import type {
  GeneratorEntry,
  HelmChartEntry,
  HelmGlobals,
  ImageEntry,
  PatchEntry,
  ReplacementEntry,
  ReplicaEntry,
  Selector,
} from './types.ts'

/** What plugins are configured with. */
export interface PluginSource {
  readonly loader: Loader
  readonly context: BuildContext
}

interface Config {
  readonly metadata?: { readonly name?: string; readonly namespace?: string }
  readonly fieldSpecs?: readonly FieldSpec[]
  readonly [key: string]: unknown
}

type Texts = { readonly [key: string]: string }

/** Transformers that can be configured by an object; each returns what runs. */
const TRANSFORMERS: { readonly [Kind in PluginKind]?: (config: Config, source: PluginSource, file: string) => Run } = {
  AnnotationsTransformer: (config) => (list) => {
    for (const resource of list.items)
      addTexts(resource, (config['annotations'] ?? {}) as Texts, config.fieldSpecs ?? [])
  },
  LabelTransformer: (config) => (list) => {
    for (const resource of list.items) addTexts(resource, (config['labels'] ?? {}) as Texts, config.fieldSpecs ?? [])
  },
  NamespaceTransformer: (config) => {
    const subjects = (config['setRoleBindingSubjects'] || 'defaultOnly') as SubjectMode
    if (!['defaultOnly', 'allServiceAccounts', 'none'].includes(subjects)) {
      throw problem(
        'kustomize-plugin-config',
        `invalid value "${subjects}" for setRoleBindingSubjects: must be one of "defaultOnly", "none" or "allServiceAccounts"`,
      )
    }
    return (list) =>
      setNamespaces(list, {
        namespace: config.metadata?.namespace ?? '',
        fieldSpecs: config.fieldSpecs ?? [],
        unsetOnly: config['unsetOnly'] === true,
        subjects,
      })
  },
  PrefixTransformer: (config) => (list) => addPrefix(list, text(config, 'prefix'), requireSpecs(config)),
  SuffixTransformer: (config) => (list) => addSuffix(list, text(config, 'suffix'), requireSpecs(config)),
  PrefixSuffixTransformer: (config) => (list) => {
    addPrefix(list, text(config, 'prefix'), requireSpecs(config))
    addSuffix(list, text(config, 'suffix'), requireSpecs(config))
  },
  ImageTagTransformer: (config) => (list) =>
    setImages(list, (config['imageTag'] ?? {}) as ImageEntry, config.fieldSpecs ?? []),
  ReplicaCountTransformer: (config) => (list) =>
    setReplicas(list, (config['replica'] ?? {}) as ReplicaEntry, config.fieldSpecs ?? []),
  PatchTransformer: (config, { loader, context }, file) => {
    const entry = config as PatchEntry
    const source = patchText(entry, loader, file)
    const parsed = parsePatch(source, context.schema)
    return (list) => applyPatch(list, entry, parsed, source.file)
  },
  PatchStrategicMergeTransformer: (config, { loader, context }, file) => {
    const patches = ((config['paths'] ?? []) as readonly string[]).flatMap((path) =>
      inlineOrFile(path, loader, context, file),
    )
    const inline = text(config, 'patches')
    if (inline !== '') patches.push(...readObjects(inline, file, context.schema))
    if (patches.length === 0) throw problem('kustomize-plugin-config', 'empty file path and empty patch content')
    return (list) => applyStrategicMerges(list, patches)
  },
  PatchJson6902Transformer: (config, { loader }, file) => {
    const target = config['target'] as Selector | undefined
    const source = patchText({ path: text(config, 'path'), patch: text(config, 'jsonOp') }, loader, file)
    const operations = parseJson6902(target, source)
    return (list) => applyJson6902(list, target ?? {}, operations, source.file)
  },
  ReplacementTransformer: (config, { loader }) => {
    const entries = ((config['replacements'] ?? []) as readonly ReplacementEntry[]).flatMap((entry) =>
      loadReplacements(entry, loader),
    )
    return (list) => {
      for (const entry of entries) applyReplacement(list, entry)
    }
  },
  ValueAddTransformer: (config, { loader }) => {
    const value = text(config, 'value').trim() || baseName(loader.root)
    const targets = [
      ...((config['targets'] ?? []) as readonly ValueTarget[]),
      ...valueTargets(text(config, 'targetFilePath'), loader),
    ]
    return (list) => addValue(list, value, targets)
  },
  HashTransformer: () => hashNames,
}

/** Generators that can be configured by an object. */
const GENERATORS: { readonly [Kind in PluginKind]?: (config: Config, source: PluginSource) => Generator['run'] } = {
  ConfigMapGenerator:
    (config, { loader, context }) =>
    () => [generateConfigMap(namedEntry(config), loader, context.schema)],
  SecretGenerator:
    (config, { loader, context }) =>
    () => [generateSecret(namedEntry(config), loader, context.schema)],
  HelmChartInflationGenerator:
    (config, { loader, context }) =>
    () =>
      runChart(config as HelmChartEntry, config as HelmGlobals, '', loader, context),
  IAMPolicyGenerator:
    (config, { context }) =>
    () => [generateIamPolicy(config as IamPolicyEntry, context.schema)],
}

function text(config: Config, key: string): string {
  const value = config[key]
  return typeof value === 'string' ? value : ''
}

function requireSpecs(config: Config): readonly FieldSpec[] {
  if (config.fieldSpecs === undefined)
    throw problem('kustomize-plugin-config', 'fieldSpecs is not expected to be nil; list at least metadata/name')
  return config.fieldSpecs
}

function namedEntry(config: Config): GeneratorEntry {
  const entry = config as GeneratorEntry
  return {
    ...entry,
    name: entry.name || (config.metadata?.name ?? ''),
    namespace: entry.namespace || (config.metadata?.namespace ?? ''),
  }
}

function valueTargets(path: string, loader: Loader): readonly ValueTarget[] {
  if (path === '') return []
  const file = loader.shownPath(path)
  const { documents, diagnostics } = parseDocuments(loader.loadText(path), { dialect: 'sigs', file, first: true })
  const report: Diagnostic[] = diagnostics.filter((one) => one.severity === 'error')
  const value = (documents[0]?.value ?? null) as KubeValue
  const decoded = decode(
    value,
    PLUGINS.ValueAddTransformer,
    { strict: false, coerce: true, place: () => ({ file }) },
    report,
  )
  if (report.length > 0) throw problems(report)
  return isMap(decoded ?? null) ? (((decoded as KubeMap)['targets'] ?? []) as unknown as readonly ValueTarget[]) : []
}

/** The transformer that an object configures. Throws `kustomize-plugin-refused` for anything but a built-in one. */
export function pluginTransformer(resource: Resource, source: PluginSource): Transformer {
  const kind = builtInKind(resource)
  const make = TRANSFORMERS[kind]
  if (make === undefined) throw problem('kustomize-plugin-kind', `plugin ${kind} is no transformer`, placeOf(resource))
  const run = at(placeOf(resource), () => make(pluginConfig(resource, kind), source, resource.place?.file ?? ''))
  return { origin: pluginOrigin(resource), run: (list) => at(placeOf(resource), () => run(list)) }
}

/** The generator that an object configures. */
export function pluginGenerator(resource: Resource, source: PluginSource): Generator {
  const kind = builtInKind(resource)
  const make = GENERATORS[kind]
  if (make === undefined) throw problem('kustomize-plugin-kind', `plugin ${kind} is no generator`, placeOf(resource))
  const run = at(placeOf(resource), () => make(pluginConfig(resource, kind), source))
  return { origin: pluginOrigin(resource), run: () => at(placeOf(resource), run) }
}

function placeOf(resource: Resource): { object: string; file?: string; line?: number } {
  return { object: resource.describe(), ...resource.place }
}

function builtInKind(resource: Resource): PluginKind {
  const { group, version, kind } = gvkOf(resource.object)
  if (group !== '' || version !== 'builtin') {
    throw problem(
      'kustomize-plugin-refused',
      `external plugins are not supported: ${kind} would run a program, a container or a script; only plugins with apiVersion builtin can be used`,
      placeOf(resource),
    )
  }
  if (Object.hasOwn(PLUGINS, kind)) return kind as PluginKind
  throw problem(
    'kustomize-plugin-kind',
    `unable to load builtin ${kind}; known are ${Object.keys(PLUGINS).join(', ')}`,
    placeOf(resource),
  )
}

function pluginConfig(resource: Resource, kind: PluginKind): Config {
  const fault = resource.hasFaults ? findFault(resource.object, resource.object) : undefined
  if (fault !== undefined) throw problems([{ severity: 'error', ...fault, ...placeOf(resource) }])
  const report: Diagnostic[] = []
  const config = decode(
    resource.object,
    PLUGINS[kind],
    { strict: false, coerce: true, place: () => placeOf(resource) },
    report,
  )
  if (report.length > 0) throw problems(report)
  return (config ?? {}) as unknown as Config
}

function pluginOrigin(resource: Resource): Origin | undefined {
  const { origin, object } = resource
  if (origin === undefined) return undefined
  const { path, repo, ref } = origin
  return {
    ...(repo ? { repo } : {}),
    ...(ref ? { ref } : {}),
    ...(path ? { configuredIn: path } : {}),
    configuredBy: {
      apiVersion: scalarText(object['apiVersion']),
      kind: resource.kind,
      name: resource.name,
      namespace: resource.namespace,
    },
  }
}
