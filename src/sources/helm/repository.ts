import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { isEngineError, printUrl, type EngineError } from '../../base/index.ts'
import { parseYaml } from '../../yaml/index.ts'
import { fetchBytes, fetchSource, withRetries, type FetchDeps } from '../fetch.ts'
import { drain, credentialsFor, type RequestCredentials, type SourceResponse } from '../request.ts'
import type { ChartVersion } from './entries.ts'
import { helmRepositoryError } from './errors.ts'
import { InvalidIndexError, UnscannableIndexError, YamlIndexScanner, type ScannedIndex } from './index-scan.ts'
import { JsonIndexScanner } from './json-index-scan.ts'
import type { HelmSourceLimits } from './limits.ts'

/** What talking to a Helm repository needs. */
export interface HelmDeps extends FetchDeps {
  readonly limits: HelmSourceLimits
}

/** A Helm repository over HTTP. */
export interface HelmRepositoryOptions {
  /** `spec.url`. */
  readonly url: string
  readonly credentials: RequestCredentials
  /** `spec.passCredentials`: charts on other hosts get the credentials too. */
  readonly passCredentials?: boolean
  readonly signal: AbortSignal
}

/** An index as it was at the repository. */
export interface HelmIndex {
  /** `sha256:<hex>` of the index's bytes: revision and digest. */
  readonly revision: string
  readonly size: number
  readonly chartCount: number
  /** What the server calls this state of the index, to ask for changes only. */
  readonly etag?: string
  /** The text of the versions of each wanted chart that is there; see parseEntries. */
  readonly entries: ReadonlyMap<string, string>
}

const reason = 'IndexationFailed'

/** Code of the error for an index that must be parsed as a whole. */
const unscannable = 'helm-index-unscannable'

/** Parses `spec.url`. @throws EngineError reason `URLInvalid`. */
export function parseHelmUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && (url.protocol === 'http:' || url.protocol === 'https:')) return url
  throw helmRepositoryError('helm-url-invalid', 'invalid Helm repository URL; it must start with https:// or http://', {
    reason: 'URLInvalid',
  })
}

/**
 * Downloads the index of a repository in a stream and keeps the entries of the `wanted` charts alone. With `etag` (of the index before) the answer is undefined where the server says that nothing has
 * changed.
 *
 * @throws EngineError reason `IndexationFailed`, `AuthenticationFailed`, `URLInvalid`.
 */
export async function fetchHelmIndex(
  deps: HelmDeps,
  options: HelmRepositoryOptions & { readonly wanted: readonly string[]; readonly etag?: string },
): Promise<HelmIndex | undefined> {
  const url = indexUrl(options.url)
  const { credentials, signal, etag } = options
  const headers = etag === undefined ? {} : { 'if-none-match': etag }
  const request = { method: 'GET' as const, url, headers, credentials, signal }
  return withRetries(deps, request, { reason }, async () => {
    const response = await fetchSource(deps, request, { reason, accept: etag === undefined ? [] : [304] })
    if (response.status !== 304) return readIndex(deps, response, new Set(options.wanted))
    await drain(response)
    return undefined
  }).catch((error: unknown) => {
    if (!isEngineError(error) || error.code !== unscannable) throw error
    return readWholeIndex(deps, options, error)
  })
}

/**
 * Downloads a packaged chart: the first URL of its entry, relative to the repository's. Credentials go to the repository's own host only, unless `passCredentials`. The digest of the
 * index is checked.
 *
 * @throws EngineError reason `ChartPullError`, `AuthenticationFailed`.
 */
export async function downloadChart(
  deps: HelmDeps,
  options: HelmRepositoryOptions,
  entry: ChartVersion,
): Promise<Uint8Array> {
  const { bytes, url } = await downloadFile(deps, options, entry, '')
  const found = bytesToHex(sha256(bytes))
  if (/^[0-9a-f]{64}$/i.test(entry.digest) && entry.digest.toLowerCase() !== found) {
    throw helmRepositoryError(
      'chart-digest-mismatch',
      `the chart at ${printUrl(url)} has the digest ${found}, the index says ${entry.digest}`,
      { reason: 'ChartPullError', disposition: 'retry' },
    )
  }
  return bytes
}

/** Downloads the provenance file beside a chart. @throws as {@link downloadChart}. */
export async function downloadProvenance(
  deps: HelmDeps,
  options: HelmRepositoryOptions,
  entry: ChartVersion,
): Promise<string> {
  const { bytes } = await downloadFile(deps, options, entry, '.prov')
  return new TextDecoder().decode(bytes)
}

async function downloadFile(
  deps: HelmDeps,
  options: HelmRepositoryOptions,
  entry: ChartVersion,
  suffix: string,
): Promise<{ bytes: Uint8Array; url: URL }> {
  const repository = parseHelmUrl(options.url)
  const url = chartUrl(repository, entry)
  url.pathname += suffix
  const credentials =
    options.passCredentials === true ? options.credentials : credentialsFor(options.credentials, repository, url)
  const { bytes } = await fetchBytes(
    deps,
    { method: 'GET', url, credentials, signal: options.signal },
    { reason: 'ChartPullError', maxBytes: deps.limits.maxChartBytes },
  )
  return { bytes, url }
}

function indexUrl(text: string): URL {
  const url = parseHelmUrl(text)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/index.yaml`
  return url
}

/** Resolved as Helm does (v4 repo.ResolveReferenceURL): the repository is a directory, and its query goes along. */
function chartUrl(repository: URL, entry: ChartVersion): URL {
  const [reference] = entry.urls
  const fail = (why: string): Error =>
    helmRepositoryError('chart-url-invalid', `chart '${entry.name}' ${why}`, { reason: 'ChartPullError' })
  if (reference === undefined) throw fail('has no downloadable URLs')
  const base = new URL(repository)
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/`
  if (!URL.canParse(reference, base)) throw fail('has a URL in the index that cannot be read')
  const url = new URL(reference, base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw fail(`has a URL in the index with the scheme ${url.protocol.slice(0, -1)}`)
  if (!URL.canParse(reference)) url.search = base.search
  url.username = ''
  url.password = ''
  return url
}

async function readIndex(deps: HelmDeps, response: SourceResponse, wanted: ReadonlySet<string>): Promise<HelmIndex> {
  const { maxIndexBytes, maxEntriesBytes } = deps.limits
  const hash = sha256.create()
  let size = 0
  let scanner: YamlIndexScanner | JsonIndexScanner | undefined
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > maxIndexBytes) throw tooLarge(response.url, maxIndexBytes)
    hash.update(chunk)
    if (scanner === undefined) {
      const first = chunk.find((byte) => ![9, 10, 13, 32, 0xef, 0xbb, 0xbf].includes(byte))
      if (first === undefined) continue
      scanner =
        first === 0x7b ? new JsonIndexScanner(wanted, maxEntriesBytes) : new YamlIndexScanner(wanted, maxEntriesBytes)
    }
    scan(response.url, () => scanner?.push(chunk))
  }
  if (scanner === undefined) throw invalid(response.url, 'empty index.yaml file')
  const scanned = scan(response.url, () => scanner.finish())
  return toIndex(response, scanned, { size, revision: `sha256:${bytesToHex(hash.digest())}` })
}

/** An index in an unusual form is parsed as a whole, where it is small enough for that. */
async function readWholeIndex(
  deps: HelmDeps,
  options: HelmRepositoryOptions & { readonly wanted: readonly string[] },
  why: EngineError,
): Promise<HelmIndex> {
  const url = indexUrl(options.url)
  const maxBytes = deps.limits.maxWholeIndexBytes
  const { response, bytes } = await fetchBytes(
    deps,
    { method: 'GET', url, credentials: options.credentials, signal: options.signal },
    { reason, maxBytes: deps.limits.maxIndexBytes },
  )
  if (bytes.length > maxBytes) {
    throw invalid(
      url,
      `it is larger than ${maxBytes} bytes and in a form of YAML that cannot be read in a stream (${why.message}); write it as helm repo index does`,
    )
  }
  let value: { readonly apiVersion?: unknown; readonly entries?: unknown } | null
  try {
    value = parseYaml(new TextDecoder().decode(bytes), {
      dialect: 'sigs',
      strict: true,
      limits: { maxLength: bytes.length + 1 },
    }) as typeof value
  } catch (error) {
    throw invalid(url, error instanceof Error ? error.message : 'it is no YAML')
  }
  const entries = typeof value?.entries === 'object' && value.entries !== null ? Object.entries(value.entries) : []
  const scanned: ScannedIndex = {
    hasApiVersion: value?.apiVersion !== undefined && value.apiVersion !== '',
    hasEntries: value?.entries !== undefined,
    chartCount: entries.length,
    entries: new Map(
      entries.filter(([name]) => options.wanted.includes(name)).map(([name, list]) => [name, JSON.stringify(list)]),
    ),
  }
  return toIndex(response, scanned, { size: bytes.length, revision: `sha256:${bytesToHex(sha256(bytes))}` })
}

function toIndex(
  response: SourceResponse,
  scanned: ScannedIndex,
  head: { readonly size: number; readonly revision: string },
): HelmIndex {
  if (!scanned.hasApiVersion) throw invalid(response.url, 'no API version specified')
  const etag = response.headers['etag']
  const { chartCount, entries } = scanned
  return { ...head, chartCount, entries, ...(etag === undefined ? {} : { etag }) }
}

function scan<T>(url: URL, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof InvalidIndexError) throw invalid(url, error.message)
    if (error instanceof UnscannableIndexError) throw helmRepositoryError(unscannable, error.message)
    throw error
  }
}

function invalid(url: URL, why: string): Error {
  return helmRepositoryError('helm-index-invalid', `the index at ${printUrl(url)} cannot be used: ${why}`)
}

function tooLarge(url: URL, maxBytes: number): Error {
  return helmRepositoryError(
    'helm-index-too-large',
    `the index at ${printUrl(url)} exceeds the maximum index file size of ${maxBytes} bytes`,
  )
}
