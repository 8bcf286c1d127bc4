import { isEngineError } from '../base/index.ts'
import {
  fromBytes,
  GoInt,
  goInt,
  Run,
  TemplateSet,
  type ExecuteLimits,
  type GoMap,
  type Value,
} from '../template/index.ts'
import { crdsOf, instantiate, type Chart, type ChartCrd, type ChartInstance } from './chart/chart.ts'
import { isCompatibleRange } from './chart/compatible.ts'
import { processDependencies } from './chart/dependencies.ts'
import { DEFAULT_CAPABILITIES, type Capabilities } from './engine/capabilities.ts'
import type { Lookup, LookupRequest, RenderEnvironment, RenderHost } from './engine/host.ts'
import { withoutNoValue } from './engine/late-bound.ts'
import { capabilitiesObject, releaseObject, type ReleaseOptions } from './engine/objects.ts'
import { toRenderError } from './engine/render-error.ts'
import {
  collectTemplates,
  isPartial,
  parseChartTemplate,
  parseOrder,
  type Renderable,
  type TemplateCache,
} from './engine/templates.ts'
import { ValuesView } from './engine/values-view.ts'
import { helmError } from './errors.ts'
import type { Hook } from './manifest/hook.ts'
import { printManifest, sortManifests, type Manifest } from './manifest/sort.ts'
import { storedChart } from './release/stored-chart.ts'
import type { StoredChart } from './release/release.ts'
import { coalesceValues } from './values/coalesce.ts'
import { validateSchemas } from './values/schema.ts'
import { fromPlain, toTable, type Values } from './values/values.ts'

/** What is to be rendered. */
export interface RenderRequest {
  readonly chart: Chart
  readonly release: ReleaseOptions
  /** User-supplied values, plain or as template values. Not changed. */
  readonly values: Values | ReadonlyMap<string, Value>
  /** What the cluster can do; by default what Helm says without one. */
  readonly capabilities?: Capabilities
  /** Answers `lookup`; without it every lookup is empty. */
  readonly lookup?: Lookup
  readonly environment: RenderEnvironment
  readonly limits?: Partial<ExecuteLimits>
  /** When to give up, in the environment's milliseconds. */
  readonly deadline?: number
  /** Puts the files of `crds/` in front of the manifest. */
  readonly includeCrds?: boolean
  /** Notes of sub-charts too. */
  readonly subNotes?: boolean
  /** Values are not checked against values.schema.json. */
  readonly skipSchemaValidation?: boolean
  /** As `helm lint` renders: charts that could not be installed too, and `required` and `fail` let everything pass. */
  readonly lint?: boolean
  /** Rendered files are not read as manifests: for templates that render something else. */
  readonly skipSorting?: boolean
  /** Keeps parsed templates between renders of one chart. */
  readonly cache?: TemplateCache
}

/** What a chart rendered. */
export interface RenderResult {
  /** Helm's text of all manifests, as a release stores it. Hooks are not in it. */
  readonly manifest: string
  /** The same, one by one, in the order of installing. */
  readonly manifests: readonly Manifest[]
  readonly hooks: readonly Hook[]
  readonly crds: readonly ChartCrd[]
  readonly notes: string
  /** Every file that was rendered, before it was split. */
  readonly files: ReadonlyMap<string, string>
  /** User values with all defaults filled in. */
  readonly values: GoMap
  /** The chart as a release stores it: sub-charts that are off are gone from its metadata, imported values are in. */
  readonly storedChart: StoredChart
  readonly warnings: readonly string[]
  /**
   * Lookups whose answers were not known. While there are any the rest of the result is not to be used: fetch the answers and render again.
   */
  readonly requests: readonly LookupRequest[]
  /** Files that templates read through `.Files`, as `chart/path`. */
  readonly reads: readonly string[]
}

/**
 * Renders a chart as `helm template` does (Helm v4.3.1): dependencies, values, schema, templates, sorting. Synchronous and pure: equal requests
 * give equal results.
 *
 * @throws HelmRenderError for templates; EngineError `chart-missing-dependencies`, `chart-not-installable`, `kube-version-incompatible`, `values-invalid`,
 * `values-schema`, `manifest-invalid`. Where lookups are unanswered a failing template is no error yet.
 */
export function renderChart(request: RenderRequest): RenderResult {
  const warnings: string[] = [...request.chart.warnings]
  const warn = (message: string): void => void warnings.push(message)
  if (request.lint !== true) checkInstallable(request.chart, warn)
  const chart = instantiate(request.chart)
  const userValues = toTable(request.values)
  processDependencies(chart, userValues, warn)
  // Helm's linter fills the defaults in twice: what a user's null removed the first time is back after the second.
  const given = request.lint === true ? coalesceValues(chart, userValues, () => undefined) : userValues
  const values = coalesceValues(chart, given, warn)
  if (request.skipSchemaValidation !== true) validateSchemas(chart, values)
  if (request.lint !== true) checkKubeVersion(chart, request.capabilities ?? DEFAULT_CAPABILITIES)
  const requests = new Map<string, LookupRequest>()
  const reads = new Set<string>()
  const partial = { chart, values, warnings, requests, reads }
  let files: Map<string, string>
  try {
    files = renderFiles(request, partial)
  } catch (error) {
    // With an answer missing a template may fail for that alone.
    if (!isEngineError(error) || requests.size === 0) throw error
    return result(request, partial, new Map())
  }
  return result(request, partial, files)
}

/** The files in `crds/` of a chart and of those below it that these values turn on: what is installed before the chart is rendered. */
export function chartCrds(chart: Chart, values: Values | ReadonlyMap<string, Value>): readonly ChartCrd[] {
  const instance = instantiate(chart)
  processDependencies(instance, toTable(values), () => undefined)
  return crdsOf(instance)
}

interface RenderState {
  readonly chart: ChartInstance
  readonly values: GoMap
  readonly warnings: string[]
  readonly requests: Map<string, LookupRequest>
  readonly reads: Set<string>
}

function checkInstallable(chart: Chart, warn: (message: string) => void): void {
  const { metadata } = chart
  if (metadata.type !== '' && metadata.type !== 'application') {
    throw helmError('chart-not-installable', `${metadata.type} charts are not installable`)
  }
  if (metadata.deprecated) warn('this chart is deprecated')
  const present = new Set(chart.dependencies.map((child) => child.metadata.name))
  const missing = (metadata.dependencies ?? []).map((d) => d.name).filter((name) => !present.has(name))
  if (missing.length > 0) {
    throw helmError(
      'chart-missing-dependencies',
      `an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: ${missing.join(', ')}`,
      { data: { missing } },
    )
  }
}

function checkKubeVersion(chart: ChartInstance, capabilities: Capabilities): void {
  const { kubeVersion } = chart.metadata
  const { version, normalized } = capabilities.kubeVersion
  if (kubeVersion === '' || isCompatibleRange(kubeVersion, normalized === '' ? version : normalized)) return
  throw helmError(
    'kube-version-incompatible',
    `chart requires kubeVersion: ${kubeVersion} which is incompatible with Kubernetes ${version}`,
    { data: { kubeVersion, version } },
  )
}

function renderFiles(request: RenderRequest, state: RenderState): Map<string, string> {
  const top: GoMap = new Map<string, Value>([
    ['Release', releaseObject(request.release)],
    ['Capabilities', capabilitiesObject(request.capabilities ?? DEFAULT_CAPABILITIES)],
    ['Values', state.values],
  ])
  const templates = collectTemplates(state.chart, top, (file) => void state.reads.add(file))
  const order = parseOrder(templates.keys())
  const set = new TemplateSet('gotpl')
  for (const name of order) {
    const template = templates.get(name) as Renderable
    set.add(request.cache?.parse(name, template) ?? parseChartTemplate(name, template))
  }
  const run = startRun(request, set, state.requests)
  const files = new Map<string, string>()
  for (const name of order) {
    if (isPartial(name)) continue
    const { chart, dot, basePath } = templates.get(name) as Renderable
    dot.set(
      'Template',
      new ValuesView(
        new Map([
          ['Name', name],
          ['BasePath', basePath],
        ]),
      ),
    )
    try {
      files.set(name, withoutNoValue(run.execute(name, dot)))
    } catch (error) {
      throw toRenderError(error, chart.metadata.name, name)
    }
  }
  return files
}

function startRun(request: RenderRequest, set: TemplateSet, requests: Map<string, LookupRequest>): Run {
  const { environment, deadline, limits } = request
  const host: RenderHost = {
    included: new Map(),
    parsed: new Map(),
    lint: request.lint === true,
    lookup: (wanted) => {
      const answer = request.lookup === undefined ? null : request.lookup(wanted)
      if (answer === undefined)
        requests.set(JSON.stringify([wanted.apiVersion, wanted.kind, wanted.namespace, wanted.name]), wanted)
      return answer === undefined || answer === null ? new Map() : withIntegers(fromPlain(answer))
    },
  }
  return new Run(set, {
    missingKey: 'zero',
    host,
    environment,
    ...(request.cache === undefined ? {} : { cache: request.cache.functions }),
    ...(limits === undefined ? {} : { limits }),
    ...(deadline === undefined ? {} : { deadline, now: () => environment.now() }),
  })
}

/** Objects of a cluster have int64 for whole numbers, other than values. */
function withIntegers(value: Value): Value {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? goInt(value, 'int64') : value
  if (Array.isArray(value)) return value.map(withIntegers)
  if (value instanceof GoInt || !(value instanceof Map)) return value
  return new Map([...value].map(([key, item]) => [key, withIntegers(item)]))
}

const notesSuffix = 'NOTES.txt'

function result(request: RenderRequest, state: RenderState, rendered: ReadonlyMap<string, string>): RenderResult {
  const { chart } = state
  const ownNotes = `${chart.metadata.name}/templates/${notesSuffix}`
  const notes: string[] = []
  const files = new Map<string, string>()
  for (const [name, text] of rendered) {
    if (!name.endsWith(notesSuffix)) files.set(name, text)
    else if (request.subNotes === true || name === ownNotes) notes.push(text)
  }
  const { hooks, manifests, dropped } = sortManifests(request.skipSorting === true ? new Map() : files)
  const crds = crdsOf(chart)
  const printed = manifests.map((manifest) => printManifest(manifest.source, manifest.content))
  const before =
    request.includeCrds === true ? crds.map((crd) => printManifest(crd.source, fromBytes(crd.file.data))) : []
  return {
    manifest: [...before, ...printed].join(''),
    manifests,
    hooks,
    crds,
    notes: notes.filter((text) => text !== '').join('\n'),
    files,
    values: state.values,
    storedChart: storedChart(chart),
    warnings: [...state.warnings, ...dropped],
    requests: [...state.requests.values()],
    reads: [...state.reads],
  }
}
