import { parentPath } from '../base/index.ts'
import { equalValues, type KubeValue } from '../resources/index.ts'
import { parseDocuments } from '../yaml/index.ts'
import { Accumulator } from './accumulator.ts'
import type { BuildContext } from './build-context.ts'
import { isInline, TRANSFORMER_ORDER, type TransformerSource } from './built-in-transformers.ts'
import {
  defaultConfig,
  emptyConfig,
  mergeConfigs,
  sortConfig,
  type TransformerConfig,
} from './config/transformer-config.ts'
import type { NameReference, FieldSpec } from './config/field-spec.ts'
import { configFromCrds } from './crd-config.ts'
import { decode } from './decode.ts'
import { mergeVars } from './filters/vars.ts'
import { generateConfigMap, generateSecret, mergeGeneratorOptions } from './generators/data-objects.ts'
import { runChart } from './generators/run-chart.ts'
import { KUSTOMIZATION_FILES, parseKustomization, type ParsedKustomization } from './kustomization-file.ts'
import type { Loader } from './loader.ts'
import { joinOrigin, type Origin } from './origin.ts'
import { pluginGenerator, pluginTransformer } from './plugins.ts'
import { at, forEachCollecting, type Place, problem, problems } from './problems.ts'
import { readObjects } from './read-objects.ts'
import { isHttpUrl, isRepositoryUrl } from './repository-url.ts'
import type { Resource } from './resource.ts'
import { TRANSFORMER_CONFIG } from './shapes.ts'
import { type Generator, runTransformers, type Transformer } from './step.ts'
import type { GeneratorEntry, Kustomization } from './types.ts'

/** What a kustomization takes over from the one that uses it. */
interface Inherited {
  /** Where this kustomization is, seen from the top; undefined when origins are not tracked. */
  readonly origin: Origin | undefined
  /** Namespace for charts that set none. */
  readonly chartNamespace: string
}

/** One kustomization of a build: its file, and the order of what it does (api/internal/target). */
export class Target {
  readonly loader: Loader
  readonly context: BuildContext
  readonly file: string
  readonly fileName: string
  readonly kustomization: Kustomization
  private readonly parsed: ParsedKustomization
  private readonly origin: Origin | undefined
  private readonly chartNamespace: string

  constructor(loader: Loader, context: BuildContext, inherited: Inherited | 'top') {
    this.loader = loader
    this.context = context
    this.fileName = findKustomization(loader)
    this.file = loader.shownPath(this.fileName)
    this.parsed = parseKustomization(loader.loadText(this.fileName), this.file)
    this.kustomization = this.parsed.kustomization
    context.warnings.push(...this.parsed.warnings)
    this.origin =
      inherited === 'top' ? (this.kustomization.buildMetadata.length > 0 ? {} : undefined) : inherited.origin
    this.chartNamespace = inherited === 'top' ? '' : inherited.chartNamespace
    this.useSchema()
  }

  /** The place of a field in the kustomization file. */
  place(...path: (string | number)[]): Place {
    const field = path
      .map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`))
      .join('')
    const line = this.parsed.lineOf(path)
    return { file: this.file, field, ...(line === undefined ? {} : { line }) }
  }

  /**
   * Gathers everything in kustomize's order: resources, field specs, generators, components, transformers, validators, vars. A component
   * works on what its user has gathered; any other kustomization starts empty.
   */
  accumulate(into: Accumulator): Accumulator {
    const { kustomization, context } = this
    let result = this.addResources(into, kustomization.resources, 'resources')
    result.mergeConfig(this.transformerConfig())
    forEachCollecting(kustomization.crds.entries(), ([index, path]) =>
      at(this.place('crds', index), () =>
        result.mergeConfig(configFromCrds(this.loader.loadText(path), this.loader.shownPath(path))),
      ),
    )
    this.runGenerators(result)
    result = this.addComponents(result)
    // What is missing must be fetched first: patches and references could not find their targets.
    if (context.incomplete) return result
    runTransformers(result.list, [
      ...this.builtInTransformers(result.config),
      ...this.plugins('transformers').map((one) => pluginTransformer(one, this)),
    ])
    this.runValidators(result)
    at(this.place('vars'), () => {
      result.vars = mergeVars(result.vars, kustomization.vars, result.list)
    })
    return result
  }

  private useSchema(): void {
    const { path, version } = this.kustomization.openapi
    const { schema } = this.context
    // The file must be there even where another schema is in use already.
    const text = path === undefined ? undefined : at(this.place('openapi', 'path'), () => this.loader.loadText(path))
    if (schema.isFixed) return
    if (text !== undefined && version !== undefined) {
      throw problem(
        'kustomize-openapi-invalid',
        'builtin version and custom schema provided, cannot use both',
        this.place('openapi'),
      )
    }
    if (text !== undefined) schema.useCustom(text, this.loader.shownPath(path ?? ''))
    if (!version) return
    if (version !== 'v1.21.2') {
      throw problem(
        'kustomize-openapi-invalid',
        'the specified OpenAPI version is not built in; only v1.21.2 is',
        this.place('openapi', 'version'),
      )
    }
    schema.useBuiltIn()
  }

  private addResources(into: Accumulator, paths: readonly string[], field: string): Accumulator {
    into.list.onlyAppending(() =>
      forEachCollecting(paths.entries(), ([index, path]) => {
        at(this.place(field, index), () => this.addResource(into, path))
      }),
    )
    return into
  }

  private addResource(into: Accumulator, path: string): void {
    if (isHttpUrl(path) || isRepositoryUrl(path)) {
      this.addRemote(into, path, false)
      return
    }
    if (this.loader.kindOf(path) !== 'file') {
      into.merge(this.subTarget(this.loader.enter(path), path, false).accumulate(new Accumulator()))
      return
    }
    const objects = readObjects(this.loader.loadText(path), this.loader.shownPath(path), this.context.schema)
    if (this.origin !== undefined) for (const object of objects) object.origin = joinOrigin(this.origin, path)
    into.list.appendAll(objects)
    if (into.list.items.length > this.loader.context.limits.objects) {
      throw problem('kustomize-limit', `more than ${this.loader.context.limits.objects} objects are built`)
    }
  }

  /** Content from elsewhere: asked for, or refused where nobody can fetch it. */
  private addRemote(into: Accumulator, url: string, component: boolean): Accumulator {
    const { context } = this
    if (context.remote === undefined) {
      throw problem(
        'kustomize-remote-refused',
        `remote resources and bases are not allowed here: ${JSON.stringify(withoutCredentials(url))}; copy it into the source, or use a source object of its own`,
      )
    }
    const content = context.remote(url)
    if (content === undefined) {
      context.requests.push({ kind: 'remote', url })
      return into
    }
    if ('text' in content) {
      const objects = readObjects(content.text, withoutCredentials(url), context.schema)
      if (this.origin !== undefined) for (const object of objects) object.origin = joinOrigin(this.origin, url)
      into.list.appendAll(objects)
      return into
    }
    const target = this.subTarget(this.loader.enterTree(content.files, content.path), url, component)
    if (component) return target.accumulate(into)
    into.merge(target.accumulate(new Accumulator()))
    return into
  }

  private subTarget(loader: Loader, path: string, component: boolean): Target {
    const target = new Target(loader, this.context, {
      origin: this.origin === undefined ? undefined : joinOrigin(this.origin, path),
      chartNamespace: this.kustomization.namespace || this.chartNamespace,
    })
    const { kind } = target.kustomization
    if (component && kind !== 'Component') {
      throw problem(
        'kustomize-component-kind',
        `expected kind 'Component' but got '${kind}'; list it under resources`,
        { file: target.file },
      )
    }
    if (!component && kind === 'Component') {
      throw problem('kustomize-component-kind', "expected kind != 'Component'; list it under components", {
        file: target.file,
      })
    }
    return target
  }

  private addComponents(into: Accumulator): Accumulator {
    let result = into
    forEachCollecting(this.kustomization.components.entries(), ([index, path]) => {
      result = at(this.place('components', index), () =>
        isHttpUrl(path) || isRepositoryUrl(path)
          ? this.addRemote(result, path, true)
          : this.subTarget(this.loader.enter(path), path, true).accumulate(result),
      )
    })
    return result
  }

  private transformerConfig(): TransformerConfig {
    let result = defaultConfig
    forEachCollecting(this.kustomization.configurations.entries(), ([index, path]) => {
      at(this.place('configurations', index), () => {
        result = mergeConfigs(result, readTransformerConfig(this.loader.loadText(path), this.loader.shownPath(path)))
      })
    })
    return result
  }

  private runGenerators(into: Accumulator): void {
    const { kustomization, loader, context } = this
    const generators: Generator[] = []
    const add = (kind: string, field: string, index: number, run: Generator['run']): void => {
      generators.push({ origin: this.builtInOrigin(kind), run: () => at(this.place(field, index), run) })
    }
    const withOptions = (entry: GeneratorEntry): GeneratorEntry => {
      const options = mergeGeneratorOptions(entry.options, kustomization.generatorOptions)
      return options === undefined ? entry : { ...entry, options }
    }
    kustomization.configMapGenerator.forEach((entry, index) =>
      add('ConfigMapGenerator', 'configMapGenerator', index, () => [
        generateConfigMap(withOptions(entry), loader, context.schema),
      ]),
    )
    kustomization.secretGenerator.forEach((entry, index) =>
      add('SecretGenerator', 'secretGenerator', index, () => [
        generateSecret(withOptions(entry), loader, context.schema),
      ]),
    )
    const namespace = kustomization.namespace || this.chartNamespace
    kustomization.helmCharts.forEach((entry, index) =>
      add('HelmChartInflationGenerator', 'helmCharts', index, () =>
        runChart(entry, kustomization.helmGlobals, namespace, loader, context),
      ),
    )
    generators.push(...this.plugins('generators').map((one) => pluginGenerator(one, this)))
    forEachCollecting(generators, ({ origin, run }) => {
      const objects = run() ?? []
      for (const object of objects) {
        object.place ??= { file: this.file, line: 1 }
        if (origin !== undefined) object.origin ??= origin
      }
      into.list.absorbAll(objects)
    })
  }

  private builtInOrigin(kind: string): Origin | undefined {
    if (this.origin === undefined) return undefined
    const { path, ...rest } = this.origin
    return {
      ...rest,
      configuredIn: joinOrigin(path === undefined ? {} : { path }, this.fileName).path ?? '',
      configuredBy: { apiVersion: 'builtin', kind },
    }
  }

  private builtInTransformers(config: TransformerConfig): Transformer[] {
    const source: TransformerSource = {
      kustomization: this.kustomization,
      config,
      loader: this.loader,
      context: this.context,
      file: this.file,
      place: (...path) => this.place(...path),
    }
    const result: Transformer[] = []
    forEachCollecting(TRANSFORMER_ORDER, ([kind, configure]) => {
      const origin = this.builtInOrigin(kind)
      for (const run of configure(source))
        result.push({ origin, run: (list) => at({ file: this.file }, () => run(list)) })
    })
    return result
  }

  /** The objects that configure plugins: inline, from files, or built by other kustomizations. */
  private plugins(field: 'generators' | 'transformers' | 'validators'): readonly Resource[] {
    const found = new Accumulator()
    const paths: { path: string; index: number }[] = []
    forEachCollecting(this.kustomization[field].entries(), ([index, entry]) => {
      if (!isInline(entry) && entry.trim() !== '') {
        paths.push({ path: entry, index })
        return
      }
      at(this.place(field, index), () => {
        const objects = readObjects(entry, this.file, this.context.schema)
        if (this.origin !== undefined)
          for (const object of objects) object.origin = joinOrigin(this.origin, this.fileName)
        found.list.appendAll(objects)
      })
    })
    forEachCollecting(paths, ({ path, index }) => at(this.place(field, index), () => this.addResource(found, path)))
    return found.list.items
  }

  /** Validators are transformers that must not change anything, except for the label `validated-by`. */
  private runValidators(into: Accumulator): void {
    for (const resource of this.plugins('validators')) {
      const before = into.list.items.map((one) => one.copy().object)
      pluginTransformer(resource, this).run(into.list)
      const unchanged =
        before.length === into.list.items.length &&
        into.list.items.every((one, index) => equalValues(withoutValidatedBy(one), before[index]))
      if (!unchanged) {
        throw problem(
          'kustomize-validator-changed',
          "validator shouldn't modify the resource map; list it under transformers",
          {
            object: resource.describe(),
            ...resource.place,
          },
        )
      }
    }
  }
}

function withoutValidatedBy(resource: Resource): KubeValue {
  const copy = resource.copy()
  const labels = copy.texts('labels')
  if (!Object.hasOwn(labels, 'validated-by')) return copy.object
  delete labels['validated-by']
  copy.setTexts('labels', labels)
  return copy.object
}

function findKustomization(loader: Loader): string {
  const found = KUSTOMIZATION_FILES.filter((name) => loader.kindOf(name) === 'file')
  const [first, second] = found
  const where = loader.root === '' ? 'the root of the source' : `directory '${loader.root}'`
  if (first === undefined) {
    throw problem(
      'kustomization-missing',
      `unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in ${where}`,
    )
  }
  if (second !== undefined) {
    throw problem(
      'kustomization-ambiguous',
      `found multiple kustomization files in ${where}: ${found.join(', ')}; keep one`,
      {
        file: parentPath(loader.shownPath(first)),
      },
    )
  }
  return first
}

function readTransformerConfig(text: string, file: string): TransformerConfig {
  const { documents, diagnostics } = parseDocuments(text, { dialect: 'sigs', file, strict: true, first: true })
  const report = diagnostics.filter((one) => one.severity === 'error')
  const document = documents[0]
  const value = (document?.value ?? null) as KubeValue
  const decoded = decode(value, TRANSFORMER_CONFIG, { strict: true, coerce: true, place: () => ({ file }) }, report)
  if (report.length > 0) throw problems(report)
  const raw = (decoded ?? {}) as unknown as Partial<Omit<TransformerConfig, 'nameReference'>> & {
    nameReference?: readonly (Omit<NameReference, 'referrers'> & { fieldSpecs?: readonly FieldSpec[] })[]
  }
  const nameReference = (raw.nameReference ?? []).map(({ fieldSpecs, ...gvk }): NameReference => ({
    ...gvk,
    referrers: fieldSpecs ?? [],
  }))
  return sortConfig({ ...emptyConfig, ...raw, nameReference })
}

/** A URL without user and password, for messages. */
function withoutCredentials(url: string): string {
  return url.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1')
}
