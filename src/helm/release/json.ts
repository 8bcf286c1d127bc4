import type { Hook, HookRun } from '../manifest/hook.ts'
import { fromPlain, type Values } from '../values/values.ts'
import { GoInt, type Value } from '../../template/index.ts'
import { goJson, type GoJson } from './go-json.ts'
import type { Release, ReleaseInfo, StoredChart, StoredDependency, StoredFile, StoredMetadata } from './release.ts'

/** Go's zero time, which encoding/json prints where the field has no omitempty. */
const zeroTime = '0001-01-01T00:00:00Z'

/** A release with the members, the order and the omissions of Helm's struct tags (Helm v4 pkg/release/v1). */
export function releaseJson(release: Release): GoJson {
  return {
    ...leading(release),
    chart: release.chart === undefined ? undefined : chartJson(release.chart),
    ...trailing(release),
  }
}

/** A part of the JSON of a release. `origin` stands for a part that is the same in many releases. */
export interface JsonPart {
  readonly origin?: object | undefined
  text(): string
}

/** The JSON of a release in parts: those of its chart that are most of it, and are the same in all releases of the chart, are parts of their own. */
export function releaseParts(release: Release): readonly JsonPart[] {
  const { chart } = release
  const part = (text: string): JsonPart => ({ text: () => text })
  const before = goJson(leading(release)).slice(0, -1)
  const after = goJson(trailing(release)).slice(1)
  const rest = after === '}' ? after : `,${after}`
  if (chart === undefined) return [part(`${before}${rest}`)]
  const { metadata, lock, templates, values, schema, schemamodtime, files, modtime } = chartMembers(chart)
  return [
    part(`${before},"chart":${goJson({ metadata, lock }).slice(0, -1)},"templates":`),
    { origin: chart.origin?.templates, text: () => goJson(templates()) },
    part(`,${goJson({ values, schema, schemamodtime }).slice(1, -1)},"files":`),
    { origin: chart.origin?.files, text: () => goJson(files()) },
    part(`${modtime === undefined ? '' : `,${goJson({ modtime }).slice(1, -1)}`}}${rest}`),
  ]
}

function leading(release: Release): { readonly [key: string]: GoJson } {
  return { name: nonEmpty(release.name), info: infoJson(release.info) }
}

function trailing(release: Release): { readonly [key: string]: GoJson } {
  return {
    config:
      release.config === undefined || Object.keys(release.config).length === 0 ? undefined : goMap(release.config),
    manifest: nonEmpty(release.manifest),
    hooks: nonEmptyList(release.hooks.map(hookJson)),
    version: nonZero(release.version),
    namespace: nonEmpty(release.namespace),
    apply_method: release.apply_method,
  }
}

/** Info.MarshalJSON: times that are not set are left out. */
export function infoJson(info: ReleaseInfo): GoJson {
  return {
    first_deployed: time(info.first_deployed),
    last_deployed: time(info.last_deployed),
    deleted: time(info.deleted),
    description: nonEmpty(info.description),
    status: nonEmpty(info.status),
    rollback_revision: nonZero(info.rollback_revision ?? 0),
    notes: nonEmpty(info.notes),
    resources:
      info.resources === undefined || Object.keys(info.resources).length === 0 ? undefined : goMap(info.resources),
  }
}

/** A hook; `last_run` is always there. */
export function hookJson(hook: Hook): GoJson {
  return {
    name: nonEmpty(hook.name),
    kind: nonEmpty(hook.kind),
    path: nonEmpty(hook.path),
    manifest: nonEmpty(hook.manifest),
    events: nonEmptyList(hook.events),
    last_run: runJson(hook.last_run),
    weight: nonZero(hook.weight),
    delete_policies: nonEmptyList(hook.delete_policies),
    output_log_policies: nonEmptyList(hook.output_log_policies),
  }
}

function runJson(run: HookRun): GoJson {
  return { started_at: time(run.started_at), completed_at: time(run.completed_at), phase: run.phase }
}

/** Chart metadata; everything but a dependency's name and repository is left out where it is empty. */
export function metadataJson(metadata: StoredMetadata): GoJson {
  return {
    name: nonEmpty(metadata.name),
    home: nonEmpty(metadata.home),
    sources: nonEmptyList(metadata.sources),
    version: nonEmpty(metadata.version),
    description: nonEmpty(metadata.description),
    keywords: nonEmptyList(metadata.keywords),
    maintainers: nonEmptyList(
      metadata.maintainers?.map((m) => ({ name: nonEmpty(m.name), email: nonEmpty(m.email), url: nonEmpty(m.url) })),
    ),
    icon: nonEmpty(metadata.icon),
    apiVersion: nonEmpty(metadata.apiVersion),
    condition: nonEmpty(metadata.condition),
    tags: nonEmpty(metadata.tags),
    appVersion: nonEmpty(metadata.appVersion),
    deprecated: metadata.deprecated === true ? true : undefined,
    annotations:
      metadata.annotations === undefined || Object.keys(metadata.annotations).length === 0
        ? undefined
        : goMap(metadata.annotations),
    kubeVersion: nonEmpty(metadata.kubeVersion),
    dependencies: nonEmptyList(metadata.dependencies?.map(dependencyJson)),
    type: nonEmpty(metadata.type),
  }
}

function dependencyJson(dependency: StoredDependency): GoJson {
  return {
    name: dependency.name,
    version: nonEmpty(dependency.version),
    repository: dependency.repository,
    condition: nonEmpty(dependency.condition),
    tags: nonEmptyList(dependency.tags),
    enabled: dependency.enabled === true ? true : undefined,
    'import-values': nonEmptyList(dependency['import-values']?.map(goValue)),
    alias: nonEmpty(dependency.alias),
  }
}

/** A chart as a release stores it. */
function chartJson(chart: StoredChart): GoJson {
  const members = chartMembers(chart)
  return { ...members, templates: members.templates(), files: members.files(), modtime: members.modtime }
}

/** The members in their order. Files are read only where they are asked for. */
function chartMembers(chart: StoredChart) {
  return {
    metadata: chart.metadata === null ? null : metadataJson(chart.metadata),
    lock:
      chart.lock === null
        ? null
        : {
            generated: time(chart.lock.generated) ?? zeroTime,
            digest: chart.lock.digest,
            dependencies: chart.lock.dependencies?.map(dependencyJson) ?? null,
          },
    templates: (): GoJson => chart.templates?.map(fileJson) ?? null,
    values: chart.values === null ? null : goMap(chart.values),
    schema: chart.schema,
    schemamodtime: time(chart.schemamodtime) ?? zeroTime,
    files: (): GoJson => chart.files?.map(fileJson) ?? null,
    modtime: time(chart.modtime),
  }
}

function fileJson(file: StoredFile): GoJson {
  return { name: file.name, data: file.data, modtime: time(file.modtime) }
}

/** Plain data as a Go map: its keys get sorted. */
export function goMap(values: Values): GoJson {
  return goValue(values)
}

function goValue(value: unknown): GoJson {
  return toGoJson(fromPlain(value))
}

function toGoJson(value: Value): GoJson {
  if (value instanceof GoInt) return value.toBigInt()
  if (Array.isArray(value)) return value.map(toGoJson)
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, toGoJson(item)] as const))
  return value as GoJson
}

/**
 * A time as Go prints it again after reading it: fractions without trailing zeros, `Z` for an offset of zero. Undefined for none and for the
 * zero time.
 */
export function time(text: string | undefined): string | undefined {
  if (text === undefined || text === '' || text === zeroTime) return undefined
  return text
    .replace(/\.(\d*?)0*(?=Z|[+-]\d\d:\d\d$)/, (_, digits: string) => (digits === '' ? '' : `.${digits}`))
    .replace(/[+-]00:00$/, 'Z')
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

function nonZero(value: number): number | undefined {
  return value === 0 ? undefined : value
}

function nonEmptyList(list: readonly GoJson[] | undefined): readonly GoJson[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list
}
