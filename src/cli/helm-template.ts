import { readFileSync, statSync } from 'node:fs'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { EngineError } from '../base/index.ts'
import {
  DEFAULT_CAPABILITIES,
  loadChart,
  loadChartArchive,
  parseKubeVersion,
  pathMatcher,
  printManifest,
  renderChart,
  splitManifests,
  type Capabilities,
  type Chart,
  type Hook,
  type RenderEnvironment,
  type RenderResult,
  type TemplateCache,
} from '../helm/index.ts'
import { fromBytes, type GoMap, type Value } from '../template/index.ts'
import { parseYaml, printJson } from '../yaml/index.ts'
import { DiskTree } from './disk-tree.ts'

/** What `helm template` is asked for. */
export interface TemplateOptions {
  readonly release: string
  readonly namespace: string
  readonly values: GoMap
  readonly kubeVersion?: string
  readonly apiVersions: readonly string[]
  readonly includeCrds: boolean
  readonly noHooks: boolean
  readonly skipTests: boolean
  readonly isUpgrade: boolean
  readonly skipSchemaValidation: boolean
  readonly showOnly: readonly string[]
}

/** Loads a chart from a directory or a `.tgz`. */
export async function loadChartFrom(path: string): Promise<Chart> {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) throw new EngineError(`path "${path}" not found`, { code: 'chart-not-found' })
  if (stats.isDirectory()) return loadChart(new DiskTree(path), '')
  return await loadChartArchive(new Uint8Array(readFileSync(path)))
}

/** Renders as `helm template` does. Parsed templates go into `cache`. */
export function renderTemplate(chart: Chart, options: TemplateOptions, cache?: TemplateCache): RenderResult {
  return renderChart({
    chart,
    release: {
      name: options.release,
      namespace: options.namespace,
      revision: 1,
      isInstall: !options.isUpgrade,
      isUpgrade: options.isUpgrade,
    },
    values: options.values,
    capabilities: capabilitiesOf(options),
    environment: renderEnvironment(),
    includeCrds: options.includeCrds,
    skipSchemaValidation: options.skipSchemaValidation,
    ...(cache === undefined ? {} : { cache }),
  })
}

/** What templates get from this machine: its clock, random bytes and keys. */
export function renderEnvironment(): RenderEnvironment {
  return { now: () => Date.now(), randomBytes: (count) => new Uint8Array(randomBytes(count)), rsaKey }
}

function rsaKey(bits: number): Uint8Array {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: bits,
    privateKeyEncoding: { type: 'pkcs1', format: 'der' },
    publicKeyEncoding: { type: 'pkcs1', format: 'der' },
  })
  return new Uint8Array(privateKey)
}

function capabilitiesOf(options: TemplateOptions): Capabilities {
  return {
    ...DEFAULT_CAPABILITIES,
    ...(options.kubeVersion === undefined ? {} : { kubeVersion: parseKubeVersion(options.kubeVersion) }),
    apiVersions: [...DEFAULT_CAPABILITIES.apiVersions, ...options.apiVersions],
  }
}

/** The text that `helm template` prints. @throws EngineError `template-not-found` for a --show-only that names nothing. */
export function templateText(result: RenderResult, options: TemplateOptions): string {
  const hooks = shownHooks(result, options).map((hook) => printManifest(hook.path, hook.manifest))
  const text = `${result.manifest.trim()}\n${hooks.join('')}`
  return options.showOnly.length === 0 ? text : onlyFiles(text, options.showOnly)
}

/** The files of `crds/` that `--output-dir` writes: whatever `--release-name` says, not into the release's own folder (Helm v4 renderResources). */
export function crdFiles(result: RenderResult, options: TemplateOptions): Map<string, string> {
  if (!options.includeCrds) return new Map()
  return new Map(result.crds.map((crd) => [crd.source, printManifest(crd.source, fromBytes(crd.file.data))]))
}

/** What `--output-dir` writes: the documents of each template, joined, by the template's path. */
export function templateFiles(result: RenderResult, options: TemplateOptions): Map<string, string> {
  const files = new Map<string, string>()
  const add = (path: string, text: string): void =>
    void files.set(path, `${files.get(path) ?? ''}${printManifest(path, text)}`)
  for (const manifest of result.manifests) add(manifest.source, manifest.content)
  for (const hook of shownHooks(result, options)) add(hook.path, hook.manifest)
  return files
}

/** The same as JSON, one object a line. */
export function templateJsonLines(result: RenderResult, options: TemplateOptions): string {
  if (options.showOnly.length > 0) return jsonLines(splitManifests(templateText(result, options)).map(parse))
  const crds = options.includeCrds
    ? result.crds.flatMap((crd) => splitManifests(fromBytes(crd.file.data)).map(parse))
    : []
  const hooks = shownHooks(result, options).map((hook) => parse(hook.manifest))
  return jsonLines([...crds, ...result.manifests.map((manifest) => manifest.value), ...hooks])
}

function shownHooks(result: RenderResult, options: TemplateOptions): readonly Hook[] {
  if (options.noHooks) return []
  return options.skipTests ? result.hooks.filter((hook) => !hook.events.includes('test')) : result.hooks
}

/** Documents of the wanted templates, in the order in which they were asked for. */
function onlyFiles(text: string, wanted: readonly string[]): string {
  const documents = splitManifests(text).map((document) => ({
    document,
    path: /# Source: [^/]+\/(.+)/.exec(document)?.[1],
  }))
  const shown = wanted.flatMap((pattern) => {
    const matches = pathMatcher(pattern) ?? (() => false)
    const found = documents.filter(({ path }) => path !== undefined && matches(path))
    if (found.length === 0)
      throw new EngineError(`could not find template ${pattern} in chart`, { code: 'template-not-found' })
    return found
  })
  return shown.map(({ document }) => `---\n${document}\n`).join('')
}

function parse(document: string): Value {
  return parseYaml(document, { dialect: 'sigs', maps: true })
}

function jsonLines(values: readonly Value[]): string {
  return values
    .filter((value) => value !== null && value !== undefined)
    .map((value) => `${printJson(value)}\n`)
    .join('')
}
