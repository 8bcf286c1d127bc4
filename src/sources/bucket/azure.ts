import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import { fromBase64, isHostAllowed, toBase64 } from '../../base/index.ts'
import type { RequestCredentials } from '../request.ts'
import {
  answerError,
  askBucket,
  type BucketAnswer,
  type BucketClient,
  type BucketDeps,
  type BucketObject,
} from './client.ts'
import { bucketError } from './errors.ts'
import { encodeKey } from './s3.ts'
import { decodeEntities, xmlElements, xmlText } from './xml.ts'

/** How a container of Azure Blob Storage is opened. */
export type AzureAccess =
  /** A bearer token of Microsoft Entra ID, asked for when it is needed. */
  | { readonly kind: 'token'; readonly token: (signal: AbortSignal) => Promise<string> }
  /** The key of the storage account, base64. */
  | { readonly kind: 'account-key'; readonly key: string }
  /** A shared access signature: a query. */
  | { readonly kind: 'sas'; readonly query: string }

/** A container of Azure Blob Storage. */
export interface AzureOptions {
  readonly container: string
  /** `https://<account>.blob.core.windows.net`. */
  readonly endpoint: string
  readonly access: AzureAccess
  readonly transport: Omit<RequestCredentials, 'authorization'>
}

const version = '2021-12-02'

/** Domains of storage accounts in Azure's clouds: a token for storage goes nowhere else. */
const storageDomain =
  /^[a-z0-9-]+\.(?:(?:blob|dfs)\.core\.(?:windows\.net|chinacloudapi\.cn|usgovcloudapi\.net)|z\d+\.blob\.storage\.azure\.net)$/

/**
 * A client of Blob Storage (List Blobs, Get Blob).
 *
 * @throws EngineError for an endpoint, a container or a key that cannot be one.
 */
export function createAzureClient(deps: BucketDeps, options: AzureOptions): BucketClient {
  const { container, access, transport } = options
  const endpoint = readEndpoint(options)
  if (!/^(?:\$root|\$web|\$logs|[a-z0-9](?:-?[a-z0-9]){2,62})$/.test(container))
    throw bucketError(
      'bucket-name-invalid',
      `spec.bucketName ${JSON.stringify(container.slice(0, 80))} is no name of a container`,
    )
  if (
    access.kind === 'token' &&
    !storageDomain.test(endpoint.hostname) &&
    !isHostAllowed(endpoint.hostname, deps.egress)
  )
    throw bucketError(
      'bucket-endpoint-invalid',
      'spec.endpoint is none of Azure Blob Storage, and a token is sent to no other',
      { reason: 'AuthenticationFailed' },
    )
  const ask = async (path: string, query: URLSearchParams, limits: { maxBytes: number; signal: AbortSignal }) => {
    const url = new URL(endpoint)
    url.pathname = `${endpoint.pathname.replace(/\/+$/, '')}/${path}`
    for (const [name, value] of query) url.searchParams.set(name, value)
    const headers: { [name: string]: string } = {
      'x-ms-date': new Date(deps.clock.now()).toUTCString(),
      'x-ms-version': version,
    }
    if (access.kind === 'sas') {
      for (const [name, value] of new URLSearchParams(access.query.replace(/^\?/, '')))
        url.searchParams.set(name, value)
    } else {
      headers['authorization'] =
        access.kind === 'token'
          ? `Bearer ${await access.token(limits.signal)}`
          : sharedKeyAuthorization(endpoint, access.key, url, headers)
    }
    return askBucket(deps, { url, headers, transport, ...limits })
  }
  return {
    list: (prefix, signal) => listAzure(ask, container, prefix, { maxBytes: deps.limits.maxPageBytes, signal }),
    get: async ({ key, etag = '' }, limits) => {
      const answer = await ask(`${container}/${encodeKey(key)}`, new URLSearchParams(), limits)
      if (answer.status === 200) return { bytes: answer.bytes, etag: quoted(answer.headers['etag'] ?? etag) }
      if (answer.status === 404 && errorCode(answer) !== 'ContainerNotFound') return undefined
      throw answerError(answer, errorCode(answer))
    },
  }
}

type Ask = (
  path: string,
  query: URLSearchParams,
  limits: { maxBytes: number; signal: AbortSignal },
) => Promise<BucketAnswer>

async function* listAzure(
  ask: Ask,
  container: string,
  prefix: string,
  limits: { maxBytes: number; signal: AbortSignal },
): AsyncGenerator<readonly BucketObject[]> {
  let marker = ''
  for (const seen = new Set<string>(); ;) {
    const query = new URLSearchParams({
      restype: 'container',
      comp: 'list',
      maxresults: '1000',
      ...(prefix === '' ? {} : { prefix }),
      ...(marker === '' ? {} : { marker }),
    })
    const answer = await ask(container, query, limits)
    const code = errorCode(answer)
    if (answer.status === 404) throw bucketError('bucket-not-found', 'the bucket does not exist')
    if (code === 'AuthenticationFailed')
      throw bucketError(
        'bucket-refused',
        'the specified bucket name may be incorrect, nonexistent, or the caller might lack sufficient permissions to access it: AuthenticationFailed',
      )
    if (answer.status !== 200) throw answerError(answer, code)
    const text = new TextDecoder().decode(answer.bytes)
    if (!text.includes('<EnumerationResults'))
      throw bucketError('bucket-list-invalid', 'the server does not answer as Blob Storage does; check spec.endpoint')
    yield [...xmlElements(text, 'Blob')].map((entry) => ({
      key: blobName(entry),
      etag: quoted(xmlText(entry, 'Etag') ?? ''),
      size: Number(xmlText(entry, 'Content-Length') ?? 0),
    }))
    marker = xmlText(text, 'NextMarker') ?? ''
    if (marker === '') return
    if (seen.has(marker)) throw bucketError('bucket-list-invalid', 'the server does not say how its listing goes on')
    seen.add(marker)
  }
}

/** `<Name>`, or `<Name Encoded="true">` where a name has characters that XML does not. */
function blobName(entry: string): string {
  const match = /<Name( Encoded="true")?>([^<]*)<\/Name>/.exec(entry)
  if (match === null) throw bucketError('bucket-list-invalid', 'an entry of the listing has no name')
  const name = decodeEntities(match[2] ?? '')
  if (match[1] === undefined) return name
  try {
    return decodeURIComponent(name)
  } catch {
    throw bucketError('bucket-list-invalid', 'a name of the listing is not encoded as it says')
  }
}

/** Signature of a GET with the account's key (Blob Storage: Authorize with Shared Key, version 2015-02-21 and later). */
function sharedKeyAuthorization(
  endpoint: URL,
  key: string,
  url: URL,
  headers: { readonly [name: string]: string },
): string {
  const bytes = fromBase64(key.trim())
  if (bytes === undefined || bytes.length === 0)
    throw bucketError('bucket-credentials', "'accountKey' of the Secret is no base64", {
      reason: 'AuthenticationFailed',
    })
  const account = accountOf(endpoint)
  const signedHeaders = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const parameters = [...new Set(url.searchParams.keys())]
    .map((name) => `\n${name.toLowerCase()}:${url.searchParams.getAll(name).sort().join(',')}`)
    .sort()
  const text = `GET${'\n'.repeat(12)}${signedHeaders.sort().join('')}/${account}${url.pathname}${parameters.join('')}`
  return `SharedKey ${account}:${toBase64(hmac(sha256, bytes, utf8ToBytes(text)))}`
}

/** The account's name, which is the first part of the host's. */
function accountOf(endpoint: URL): string {
  const labels = endpoint.hostname.split('.')
  if (labels.length > 2) return labels[0] ?? ''
  throw bucketError(
    'bucket-endpoint-invalid',
    `failed to extract account name from endpoint: expected '${endpoint.hostname}' to be a subdomain`,
    { reason: 'AuthenticationFailed' },
  )
}

function readEndpoint(options: AzureOptions): URL {
  const { endpoint, access } = options
  const invalid = (why: string): Error =>
    bucketError('bucket-endpoint-invalid', `spec.endpoint ${why}`, { reason: 'AuthenticationFailed' })
  if (!URL.canParse(endpoint)) throw invalid('must be a URL: https://<account>.blob.core.windows.net')
  const url = new URL(endpoint)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid('must start with https://')
  if (url.username !== '' || url.password !== '') throw invalid('must not hold a user name or password')
  if (access.kind === 'token' && url.protocol !== 'https:')
    throw invalid('must start with https://: tokens are not sent over plain HTTP')
  return url
}

function errorCode(answer: BucketAnswer): string | undefined {
  if (answer.status === 200) return undefined
  return answer.headers['x-ms-error-code'] ?? xmlText(new TextDecoder().decode(answer.bytes), 'Code')
}

/** The etag of a blob with its quotes, as answers have it and source-controller's revision is made of; a listing leaves them out. */
function quoted(etag: string): string {
  return etag === '' || etag.startsWith('"') ? etag : `"${etag}"`
}
