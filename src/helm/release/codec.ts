import { gzipSync } from 'fflate'
import { helmError } from '../errors.ts'
import { inflate, isGzip } from '../inflate.ts'
import type { Hook, HookEvent, HookRun } from '../manifest/hook.ts'
import type { ReleaseStatus, Values } from '../values/values.ts'
import { goJson } from './go-json.ts'
import { releaseJson } from './json.ts'
import type { Release, ReleaseInfo, StoredChart } from './release.ts'
import { toBase64 } from '../../base/index.ts'

/** A Secret holds 1 MiB; what it expands to is bounded all the same. */
const maxReleaseBytes = 64 << 20

/** Name of the Secret of one revision (Helm v4 storage, makeKey). */
export function releaseSecretName(name: string, version: number): string {
  return `sh.helm.release.v1.${name}.v${version}`
}

/**
 * A release as it stands under `release` in its Secret's data, before the base64 of the API: base64 of gzip (level 9) of Go's JSON. The JSON is the same
 * to the byte as Helm writes it; gzip's bytes depend on the compressor.
 */
export function encodeRelease(release: Release): string {
  const bytes = new TextEncoder().encode(goJson(releaseJson(release)))
  return toBase64(gzipSync(bytes, { level: 9, mtime: 0 }))
}

/**
 * Reads what {@link encodeRelease} or Helm wrote.
 *
 * @throws EngineError `release-invalid` for anything else.
 */
export function decodeRelease(data: string): Release {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder().decode(unpack(fromBase64(data))))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw invalid('its content is not JSON', cause)
  }
  if (!isObject(parsed)) throw invalid('its content is not an object')
  return toRelease(parsed)
}

function unpack(bytes: Uint8Array): Uint8Array {
  // Releases of early versions are not compressed.
  if (!isGzip(bytes)) return bytes
  const content = inflate(bytes, maxReleaseBytes)
  if (content instanceof Uint8Array) return content
  throw invalid(
    content === 'too-large' ? `it is larger than ${maxReleaseBytes} bytes` : 'its compressed content is damaged',
  )
}

type Fields = { readonly [key: string]: unknown }

function toRelease(fields: Fields): Release {
  const info = isObject(fields['info']) ? fields['info'] : {}
  const method = fields['apply_method']
  return {
    name: text(fields, 'name'),
    info: toInfo(info),
    ...(isObject(fields['chart']) ? { chart: toChart(fields['chart']) } : {}),
    ...(isObject(fields['config']) ? { config: fields['config'] as Values } : {}),
    manifest: text(fields, 'manifest'),
    hooks: list(fields['hooks']).filter(isObject).map(toHook),
    version: number(fields, 'version'),
    namespace: text(fields, 'namespace'),
    ...(method === 'ssa' || method === 'csa' ? { apply_method: method } : {}),
  }
}

function toInfo(fields: Fields): ReleaseInfo {
  return {
    ...textIfSet(fields, 'first_deployed'),
    ...textIfSet(fields, 'last_deployed'),
    ...textIfSet(fields, 'deleted'),
    description: text(fields, 'description'),
    status: (text(fields, 'status') || 'unknown') as ReleaseStatus,
    ...(number(fields, 'rollback_revision') === 0 ? {} : { rollback_revision: number(fields, 'rollback_revision') }),
    ...textIfSet(fields, 'notes'),
    ...(isObject(fields['resources']) ? { resources: fields['resources'] } : {}),
  }
}

function toChart(fields: Fields): StoredChart {
  const orNull = <T>(key: string): T | null => (fields[key] ?? null) as T | null
  return {
    metadata: isObject(fields['metadata']) ? fields['metadata'] : null,
    lock: orNull('lock'),
    templates: orNull('templates'),
    values: isObject(fields['values']) ? (fields['values'] as Values) : null,
    schema: orNull('schema'),
    ...textIfSet(fields, 'schemamodtime'),
    files: orNull('files'),
    ...textIfSet(fields, 'modtime'),
  }
}

function toHook(fields: Fields): Hook {
  const run = isObject(fields['last_run']) ? fields['last_run'] : {}
  return {
    name: text(fields, 'name'),
    kind: text(fields, 'kind'),
    path: text(fields, 'path'),
    manifest: text(fields, 'manifest'),
    events: list(fields['events']).map(String) as HookEvent[],
    last_run: {
      ...textIfSet(run, 'started_at'),
      ...textIfSet(run, 'completed_at'),
      phase: text(run, 'phase') as HookRun['phase'],
    },
    weight: number(fields, 'weight'),
    delete_policies: list(fields['delete_policies']).map(String),
    output_log_policies: list(fields['output_log_policies']).map(String),
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(fields: Fields, key: string): string {
  const value = fields[key]
  return typeof value === 'string' ? value : ''
}

function textIfSet<K extends string>(fields: Fields, key: K): { readonly [key in K]?: string } {
  const value = text(fields, key)
  return value === '' ? {} : ({ [key]: value } as { readonly [key in K]?: string })
}

function number(fields: Fields, key: string): number {
  const value = fields[key]
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0
}

function fromBase64(data: string): Uint8Array {
  try {
    return Uint8Array.from(atob(data), (character) => character.charCodeAt(0))
  } catch (cause) {
    throw invalid('it is not base64', cause)
  }
}

function invalid(problem: string, cause?: unknown): Error {
  return helmError(
    'release-invalid',
    `the stored release cannot be read: ${problem}`,
    cause === undefined ? {} : { cause },
  )
}
