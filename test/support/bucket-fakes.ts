import { createHash, createHmac } from 'node:crypto'
import { signatureProblem, type ReceivedRequest } from './signed-requests.ts'

/** An answer of a fake. */
export interface FakeAnswer {
  readonly status: number
  readonly body: string
  readonly headers?: { readonly [name: string]: string }
}

/** Objects of one bucket: content by key. */
export type FakeObjects = Map<string, string>

const pageSize = 2

/** S3 at AWS, virtual-hosted, in eu-west-1: signatures of other regions are told so. Pages are short. */
export function awsBucketAnswer(
  request: ReceivedRequest,
  accounts: readonly { accessKeyId: string; secretAccessKey: string; sessionToken?: string }[],
  objects: FakeObjects,
): FakeAnswer {
  const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers['authorization'] ?? '')?.[1] ?? ''
  if (!request.host.includes('.eu-west-1.'))
    return {
      status: 301,
      headers: { 'x-amz-bucket-region': 'eu-west-1' },
      body: '<Error><Code>PermanentRedirect</Code></Error>',
    }
  const account = accounts.find(({ accessKeyId }) => request.headers['authorization']?.includes(accessKeyId) === true)
  const problem =
    account === undefined ? 'InvalidAccessKeyId' : signatureProblem(request, account, { service: 's3', region })
  if (problem !== undefined) return { status: 403, body: `<Error><Code>${problem}</Code></Error>` }
  const url = new URL(request.path, 'http://x')
  if (url.searchParams.get('list-type') !== '2') {
    const content = objects.get(decodeURIComponent(url.pathname.slice(1)))
    return content === undefined
      ? { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' }
      : { status: 200, body: content, headers: { etag: `"${etagOf(content)}"` } }
  }
  const { keys, next } = pageOf(objects, url.searchParams.get('prefix'), url.searchParams.get('continuation-token'))
  const entries = keys.map(
    (key) =>
      `<Contents><Key>${encodeURIComponent(key)}</Key><ETag>&quot;${etagOf(objects.get(key) ?? '')}&quot;</ETag><Size>1</Size></Contents>`,
  )
  const more = next === '' ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`
  const body = `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${next !== ''}</IsTruncated>${more}${entries.join('')}</ListBucketResult>`
  return { status: 200, body }
}

/** Cloud Storage's JSON API with one bucket. */
export function gcsAnswer(
  request: ReceivedRequest,
  tokens: readonly string[],
  bucket: string,
  objects: FakeObjects,
): FakeAnswer {
  const error = (status: number, reason: string): FakeAnswer => ({
    status,
    body: JSON.stringify({ error: { code: status, errors: [{ reason }] } }),
  })
  if (!tokens.some((token) => request.headers['authorization'] === `Bearer ${token}`)) return error(401, 'authError')
  const url = new URL(request.path, 'http://x')
  const base = `/storage/v1/b/${bucket}/o`
  if (url.pathname === base) {
    const { keys, next } = pageOf(objects, url.searchParams.get('prefix'), url.searchParams.get('pageToken'))
    const items = keys.map((name) => ({
      name,
      etag: gcsEtag(objects.get(name) ?? ''),
      size: String((objects.get(name) ?? '').length),
      generation: generationOf(objects.get(name) ?? ''),
    }))
    return { status: 200, body: JSON.stringify({ items, ...(next === '' ? {} : { nextPageToken: next }) }) }
  }
  if (!url.pathname.startsWith(`${base}/`)) return error(404, 'notFound')
  // A slash in a name is written as its byte: a path has one segment for it.
  const name = url.pathname.slice(base.length + 1)
  const content = name.includes('/') ? undefined : objects.get(decodeURIComponent(name))
  if (content === undefined || url.searchParams.get('alt') !== 'media') return error(404, 'notFound')
  const wanted = url.searchParams.get('ifGenerationMatch')
  if (wanted !== null && wanted !== generationOf(content)) return error(412, 'conditionNotMet')
  return { status: 200, body: content }
}

/** How a container may be opened. */
export interface AzureFakeAccess {
  readonly accountKey: string
  /** Parameters that a shared access signature must have. */
  readonly sas: { readonly [name: string]: string }
  readonly tokens: readonly string[]
}

/** Blob Storage with one container; the host is the account's. */
export function azureBlobAnswer(
  request: ReceivedRequest,
  access: AzureFakeAccess,
  container: string,
  objects: FakeObjects,
): FakeAnswer {
  const error = (status: number, code: string): FakeAnswer => ({
    status,
    headers: { 'x-ms-error-code': code },
    body: `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`,
  })
  if (!isAzureAllowed(request, access)) return error(403, 'AuthenticationFailed')
  if (request.headers['x-ms-version'] === undefined) return error(400, 'MissingRequiredHeader')
  const url = new URL(request.path, 'http://x')
  if (url.searchParams.get('comp') === 'list') {
    if (url.pathname !== `/${container}`) return error(404, 'ContainerNotFound')
    const { keys, next } = pageOf(objects, url.searchParams.get('prefix'), url.searchParams.get('marker'))
    const blobs = keys.map((key) => {
      const name = key.includes('\u0001')
        ? `<Name Encoded="true">${encodeURIComponent(key)}</Name>`
        : `<Name>${key.replaceAll('&', '&amp;')}</Name>`
      return `<Blob>${name}<Properties><Content-Length>1</Content-Length><Etag>0x8${etagOf(objects.get(key) ?? '')}</Etag></Properties></Blob>`
    })
    const body = `\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>${blobs.join('')}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`
    return { status: 200, body }
  }
  const content = objects.get(decodeURIComponent(url.pathname.slice(container.length + 2)))
  return content === undefined
    ? error(404, 'BlobNotFound')
    : { status: 200, body: content, headers: { etag: `"0x8${etagOf(content)}"` } }
}

function isAzureAllowed(request: ReceivedRequest, access: AzureFakeAccess): boolean {
  const { authorization } = request.headers
  const url = new URL(request.path, 'http://x')
  if (authorization === undefined)
    return Object.entries(access.sas).every(([name, value]) => url.searchParams.get(name) === value)
  if (access.tokens.some((token) => authorization === `Bearer ${token}`)) return true
  const account = request.host.split('.')[0] ?? ''
  const lines = Object.entries(request.headers)
    .filter(([name]) => name.startsWith('x-ms-'))
    .map(([name, value]) => `${name}:${value}`)
    .sort()
  const parameters = [...url.searchParams].map(([name, value]) => `${name.toLowerCase()}:${value}`).sort()
  // The standard headers of a GET without a body, none of which is sent.
  const standard = ['', '', '', '', '', '', '', '', '', '', '']
  const text = ['GET', ...standard, ...lines, [`/${account}${url.pathname}`, ...parameters].join('\n')].join('\n')
  const wanted = createHmac('sha256', Buffer.from(access.accountKey, 'base64')).update(text).digest('base64')
  return authorization === `SharedKey ${account}:${wanted}`
}

function pageOf(objects: FakeObjects, prefix: string | null, after: string | null): { keys: string[]; next: string } {
  const all = [...objects.keys()].filter((key) => key.startsWith(prefix ?? '')).sort()
  const start = after === null || after === '' ? 0 : Number(after)
  const next = start + pageSize
  return { keys: all.slice(start, next), next: next < all.length ? String(next) : '' }
}

/** Etags of the fakes. */
export function etagOf(content: string): string {
  return createHash('md5').update(content).digest('hex')
}

export function gcsEtag(content: string): string {
  return `${Buffer.from(etagOf(content)).toString('base64').slice(0, 12)}=`
}

function generationOf(content: string): string {
  return String(Number.parseInt(etagOf(content).slice(0, 12), 16))
}
