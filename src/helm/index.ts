/**
 * Helm as a pure, synchronous engine: charts from trees and archives, values, templates, hooks, and the release storage format. Matches Helm v4.3.1
 * (and so charts for Helm 3); what differs is listed in the conformance suite. Nothing is fetched: `lookup` answers, time and randomness are
 * arguments, and a lookup that is not answered yet comes back as a request. Actions on a cluster live in `reconcile`.
 * @module
 */
export type { Chart, ChartCrd, ChartFile } from './chart/chart.ts'
export { allCrdFiles, chartYaml } from './chart-text.ts'
export { loadChart, type LoadChartOptions } from './chart/load.ts'
export { loadChartArchive } from './chart/load-archive.ts'
export type { ChartLimits } from './chart/limits.ts'
export type { ChartDependency, ChartMaintainer, ChartMetadata } from './chart/metadata.ts'
export { pathMatcher } from './chart/path-match.ts'
export {
  clusterKubeVersion,
  DEFAULT_CAPABILITIES,
  parseKubeVersion,
  type Capabilities,
  type KubeVersion,
} from './engine/capabilities.ts'
export { chartArchiveTree, lintChart, type LintOptions } from './lint/lint.ts'
export type { LintMessage, LintSeverity } from './lint/message.ts'
export type { Lookup, LookupRequest, RenderEnvironment } from './engine/host.ts'
export type { ReleaseOptions } from './engine/objects.ts'
export { HelmRenderError } from './engine/render-error.ts'
export { TemplateCache } from './engine/templates.ts'
export { hooksFor, type Hook, type HookEvent, type HookRun } from './manifest/hook.ts'
export { printManifest, sortForUninstall, sortManifests, type Manifest } from './manifest/sort.ts'
export { splitManifests } from './manifest/split.ts'
export { decodeRelease, encodeRelease, releaseSecretName } from './release/codec.ts'
export { configDigest, snapshotDigest } from './release/digest.ts'
export { createReleasePrinter, type ReleasePrinter } from './release/printer.ts'
export { goJson, type GoJson } from './release/go-json.ts'
export type {
  Release,
  ReleaseInfo,
  StoredChart,
  StoredDependency,
  StoredFile,
  StoredMetadata,
} from './release/release.ts'
export { fillValues, reuseValues } from './release/reuse-values.ts'
export { chartCrds, renderChart, type RenderRequest, type RenderResult } from './render.ts'
export { readYaml as parseYamlText } from './yaml-text.ts'
export { parseValuesDocuments } from './values/documents.ts'
export { applySet, type SetKind, type SetOptions } from './values/set.ts'
export { parseSet, setValue } from './values/set-value.ts'
export { mergeTables } from './values/tables.ts'
export { mergeValues, toTable, toValues, type ReleaseStatus, type Values } from './values/values.ts'
