import type { Diagnostic } from '../base/index.ts'
import { isMap, type KubeMap, type KubeValue } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import { decode } from './decode.ts'
import { problem, problems } from './problems.ts'
import { KUSTOMIZATION } from './shapes.ts'
import type { GeneratorEntry, HelmChartEntry, HelmGlobals, Kustomization } from './types.ts'

/** Recognised names of kustomization files, in order. */
export const KUSTOMIZATION_FILES: readonly string[] = ['kustomization.yaml', 'kustomization.yml', 'Kustomization']

const API_VERSIONS = {
  Kustomization: 'kustomize.config.k8s.io/v1beta1',
  Component: 'kustomize.config.k8s.io/v1alpha1',
} as const

/** Deprecated fields, and what to use. The sentences are kustomize's own warnings. */
const DEPRECATED: readonly (readonly [field: string, successor: string, experimental: boolean])[] = [
  ['bases', 'resources', false],
  ['commonLabels', 'labels', false],
  ['imageTags', 'images', false],
  ['patchesJson6902', 'patches', false],
  ['patchesStrategicMerge', 'patches', false],
  ['vars', 'replacements', true],
]

/** A kustomization file that was read, and what to warn about. */
export interface ParsedKustomization {
  readonly kustomization: Kustomization
  readonly warnings: readonly Diagnostic[]
  /** The line of a field, where it is known. */
  lineOf(path: readonly (string | number)[]): number | undefined
}

/**
 * Reads a kustomization file. Throws DiagnosticsError with every unknown field and wrong type, and for a wrong kind or apiVersion or a file
 * without content.
 */
export function parseKustomization(text: string, file: string): ParsedKustomization {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file, first: true })
  const errors = diagnostics.filter((one) => one.severity === 'error')
  if (errors.length > 0) throw problems(errors)
  // Only the first document counts, as in kustomize.
  const document = documents[0]
  const report: Diagnostic[] = []
  const value: KubeValue = document?.empty === false ? (document.value as KubeValue) : {}
  const decoded = decode(
    value,
    KUSTOMIZATION,
    {
      strict: true,
      coerce: false,
      place: (field) => {
        const line = document?.lineOf(pathOfField(field))
        return { file, ...(line === undefined ? {} : { line }) }
      },
    },
    report,
  )
  if (report.length > 0) throw problems(report)
  const raw = (decoded ?? {}) as KubeMap
  if (!Object.keys(raw).some((key) => key !== 'kind' && key !== 'apiVersion' && !isEmptyValue(raw[key]))) {
    throw problem(
      'kustomization-empty',
      'the kustomization file is empty; list at least one resource, generator or component',
      { file },
    )
  }
  const kustomization = complete(raw, file)
  return { kustomization, warnings: deprecations(raw, file), lineOf: (path) => document?.lineOf(path) }
}

/** `a.b[0].c`, as findings name a field, as path parts. */
export function pathOfField(field: string): (string | number)[] {
  if (field === '') return []
  return field.split(/\.|(?=\[)/).map((part) => (/^\[\d+\]$/.test(part) ? Number(part.slice(1, -1)) : part))
}

/** A field that Go would leave at its zero value. An empty list or mapping that is written counts as content. */
function isEmptyValue(value: KubeValue | undefined): boolean {
  return value === undefined || value === '' || value === false
}

function deprecations(raw: KubeMap, file: string): Diagnostic[] {
  return DEPRECATED.filter(([field]) => raw[field] !== undefined).map(([field, successor, experimental]) => ({
    code: 'kustomization-deprecated-field',
    severity: 'warning',
    file,
    field,
    message:
      `'${field}' is deprecated. Please use '${successor}' instead. ` +
      `${experimental ? '[EXPERIMENTAL] ' : ''}Run 'kustomize edit fix' to update your Kustomization automatically.`,
  }))
}

type Raw = { [Key in keyof Kustomization]?: Kustomization[Key] } & {
  apiVersion?: string
  bases?: readonly string[]
  imageTags?: Kustomization['images']
  helmChartInflationGenerator?: readonly KubeMap[]
}

function complete(map: KubeMap, file: string): Kustomization {
  const raw = map as unknown as Raw
  const kind: string = raw.kind || 'Kustomization'
  if (kind !== 'Kustomization' && kind !== 'Component') {
    throw problem('kustomization-kind', 'kind should be Kustomization or Component', { file, field: 'kind' })
  }
  if (raw.apiVersion && raw.apiVersion !== API_VERSIONS[kind]) {
    throw problem('kustomization-api-version', `apiVersion for ${kind} should be ${API_VERSIONS[kind]}`, {
      file,
      field: 'apiVersion',
    })
  }
  const old = splitOldCharts(raw.helmChartInflationGenerator ?? [])
  return {
    kind,
    openapi: raw.openapi ?? {},
    namePrefix: raw.namePrefix ?? '',
    nameSuffix: raw.nameSuffix ?? '',
    namespace: raw.namespace ?? '',
    commonLabels: raw.commonLabels ?? {},
    labels: raw.labels ?? [],
    commonAnnotations: raw.commonAnnotations ?? {},
    patchesStrategicMerge: raw.patchesStrategicMerge ?? [],
    patchesJson6902: raw.patchesJson6902 ?? [],
    patches: raw.patches ?? [],
    images: [...(raw.images ?? []), ...(raw.imageTags ?? [])],
    replacements: raw.replacements ?? [],
    replicas: raw.replicas ?? [],
    vars: raw.vars ?? [],
    sortOptions: raw.sortOptions,
    resources: [...(raw.resources ?? []), ...(raw.bases ?? [])],
    components: raw.components ?? [],
    crds: raw.crds ?? [],
    configMapGenerator: (raw.configMapGenerator ?? []).map(withEnvs),
    secretGenerator: (raw.secretGenerator ?? []).map(withEnvs),
    helmGlobals: raw.helmGlobals ?? old.globals,
    helmCharts: [...(raw.helmCharts ?? []), ...old.charts],
    generatorOptions: raw.generatorOptions,
    configurations: raw.configurations ?? [],
    generators: raw.generators ?? [],
    transformers: raw.transformers ?? [],
    validators: raw.validators ?? [],
    buildMetadata: raw.buildMetadata ?? [],
  }
}

/** Folds the old `env` into `envs`. */
function withEnvs(entry: GeneratorEntry): GeneratorEntry {
  if (!entry.env) return entry
  const { env, ...rest } = entry
  return { ...rest, envs: [...(entry.envs ?? []), env] }
}

/** The old field `helmChartInflationGenerator` as today's `helmCharts` and `helmGlobals`. */
function splitOldCharts(old: readonly KubeMap[]): { charts: HelmChartEntry[]; globals: HelmGlobals } {
  const text = (entry: KubeMap, key: string): string => (typeof entry[key] === 'string' ? entry[key] : '')
  const globals: { chartHome?: string; configHome?: string } = {}
  const charts = old.map((entry): HelmChartEntry => {
    if (text(entry, 'helmHome') !== '') globals.configHome = text(entry, 'helmHome')
    if (text(entry, 'chartHome') !== '') globals.chartHome = text(entry, 'chartHome')
    const inline = entry['valuesLocal']
    return {
      name: text(entry, 'chartName'),
      version: text(entry, 'chartVersion'),
      repo: text(entry, 'chartRepoUrl'),
      valuesFile: text(entry, 'values'),
      ...(isMap(inline) ? { valuesInline: inline } : {}),
      valuesMerge: text(entry, 'valuesMerge'),
      releaseName: text(entry, 'releaseName'),
    }
  })
  return { charts, globals }
}
