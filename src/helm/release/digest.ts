import { sha256Hex } from '../../base/index.ts'
import { printYaml } from '../../yaml/index.ts'
import type { Value } from '../../template/index.ts'
import { toTable, type Values } from '../values/values.ts'
import { goJson } from './go-json.ts'
import { goMap, hookJson, infoJson, metadataJson } from './json.ts'
import type { Release } from './release.ts'

/**
 * Digest of a release as Flux records it in `.status.history` (helm-controller 1.6, release.Digest of an Observation without test hooks): SHA-256
 * of Go's JSON with a line break. `ociDigest` is that of the OCI artifact the chart came from.
 */
export function snapshotDigest(release: Release, options: { readonly ociDigest?: string } = {}): string {
  const hooks = release.hooks.filter((hook) => !hook.events.includes('test')).map(hookJson)
  const observation = goJson({
    name: release.name,
    version: release.version,
    info: infoJson(release.info),
    chartMetadata: metadataJson(release.chart?.metadata ?? {}),
    config: release.config === undefined || Object.keys(release.config).length === 0 ? null : goMap(release.config),
    manifest: release.manifest,
    hooks: hooks.length === 0 ? null : hooks,
    namespace: release.namespace,
    ociDigest: options.ociDigest === undefined || options.ociDigest === '' ? undefined : options.ociDigest,
  })
  return `sha256:${sha256Hex(`${observation}\n`)}`
}

/**
 * Digest of user-supplied values as Flux records it (fluxcd/pkg chartutil v1.27, DigestValues): SHA-256 of their YAML with keys in byte order, and
 * of nothing where there are none.
 */
export function configDigest(values: Values | ReadonlyMap<string, Value> | undefined): string {
  const table = values === undefined ? undefined : toTable(values)
  return `sha256:${sha256Hex(table === undefined || table.size === 0 ? '' : printYaml(table, { dialect: 'sigs', sort: 'bytes' }))}`
}
