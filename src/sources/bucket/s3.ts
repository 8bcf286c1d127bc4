import { signAwsRequest, type AwsCredentials } from '../../cloud/index.ts'
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
import { xmlElements, xmlText } from './xml.ts'

/** A bucket that speaks S3. */
export interface S3Options {
  readonly bucket: string
  /** `host[:port]`. */
  readonly endpoint: string
  /** Default: as the endpoint's name tells, else `us-east-1`. */
  readonly region?: string | undefined
  /** Plain HTTP. */
  readonly insecure?: boolean
  /** Undefined: nothing is signed. */
  readonly credentials?: AwsCredentials | undefined
  readonly transport: Omit<RequestCredentials, 'authorization'>
}

/** Hash of no body. */
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * A client of S3 (ListObjectsV2, GetObject) as source-controller's uses minio-go: the bucket is part of the host at AWS, Google and Alibaba Cloud, of the path elsewhere; servers that know only the first version of
 * listing are understood too. A bucket of another region of AWS is found by what AWS says about it.
 *
 * @throws EngineError for an endpoint or a bucket whose name cannot be one.
 */
export function createS3Client(deps: BucketDeps, options: S3Options): BucketClient {
  const place = placeOf(options)
  let { region } = place
  const ask = async (key: string, query: string, limits: { maxBytes: number; signal: AbortSignal }) => {
    for (let isSecond = false; ; isSecond = true) {
      const url = new URL(`${place.base(region)}${encodeKey(key)}${query}`)
      const headers =
        options.credentials === undefined
          ? {}
          : await signAwsRequest(options.credentials, {
              method: 'GET',
              url: url.href,
              headers: { 'x-amz-content-sha256': emptyHash },
              service: 's3',
              region,
              now: deps.clock.now(),
            })
      const answer = await askBucket(deps, { url, headers, transport: options.transport, ...limits })
      const told = toldRegion(answer)
      if (isSecond || told === undefined || told === region) return answer
      region = told
    }
  }
  return {
    list: (prefix, signal) => listS3(ask, prefix, { maxBytes: deps.limits.maxPageBytes, signal }),
    get: async ({ key, etag = '' }, limits) => {
      const answer = await ask(key, '', limits)
      if (answer.status === 200) return { bytes: answer.bytes, etag: plainEtag(answer.headers['etag'] ?? etag) }
      if (answer.status === 404 && errorCode(answer) !== 'NoSuchBucket') return undefined
      throw answerError(answer, errorCode(answer))
    },
  }
}

type Ask = (key: string, query: string, limits: { maxBytes: number; signal: AbortSignal }) => Promise<BucketAnswer>

async function* listS3(
  ask: Ask,
  prefix: string,
  limits: { maxBytes: number; signal: AbortSignal },
): AsyncGenerator<readonly BucketObject[]> {
  let position: { readonly [name: string]: string } = {}
  for (const seen = new Set<string>(); ;) {
    const query = new URLSearchParams({
      'encoding-type': 'url',
      'list-type': '2',
      'max-keys': '1000',
      prefix,
      ...position,
    })
    query.sort()
    // Spaces as Signature Version 4 writes them.
    const answer = await ask('', `?${query.toString().replaceAll('+', '%20')}`, limits)
    if (answer.status === 404) throw bucketError('bucket-not-found', 'the bucket does not exist')
    if (answer.status !== 200) throw answerError(answer, errorCode(answer))
    const text = new TextDecoder().decode(answer.bytes)
    if (!text.includes('<ListBucketResult'))
      throw bucketError('bucket-list-invalid', 'the server does not answer as S3 does; check spec.endpoint')
    const decode = xmlText(text, 'EncodingType') === 'url' ? decodeKey : (key: string): string => key
    const objects = [...xmlElements(text, 'Contents')].map((entry) => ({
      key: decode(xmlText(entry, 'Key') ?? ''),
      etag: plainEtag(xmlText(entry, 'ETag') ?? ''),
      size: Number(xmlText(entry, 'Size') ?? 0),
    }))
    yield objects
    if (xmlText(text, 'IsTruncated') !== 'true') return
    const token = xmlText(text, 'NextContinuationToken') ?? ''
    const marker = decode(xmlText(text, 'NextMarker') ?? '') || (objects.at(-1)?.key ?? '')
    position = token === '' ? { marker } : { 'continuation-token': token }
    const id = JSON.stringify(position)
    if ((token === '' && marker === '') || seen.has(id))
      throw bucketError('bucket-list-invalid', 'the server does not say how its listing goes on')
    seen.add(id)
  }
}

/** Where a bucket is, by region. */
function placeOf(options: S3Options): { readonly region: string; base(region: string): string } {
  const { bucket, endpoint } = options
  const invalid = (message: string): Error =>
    bucketError('bucket-endpoint-invalid', message, { reason: 'AuthenticationFailed' })
  const name = /^((?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/.exec(endpoint)?.[1]
  if (name === undefined)
    throw invalid('spec.endpoint must be a host, with its port where it needs one, without scheme and path')
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]{1,61}[A-Za-z0-9]$/.test(bucket) || bucket.includes('..'))
    throw bucketError(
      'bucket-name-invalid',
      `spec.bucketName ${JSON.stringify(bucket.slice(0, 80))} is no name of a bucket`,
    )
  const host = name.toLowerCase()
  const scheme = options.insecure === true ? 'http' : 'https'
  const amazon = /^s3[.-](?:dualstack\.|fips\.)?(?:([a-z]{2}(?:-[a-z]+)+-\d{1,2})\.)?amazonaws\.com(\.cn)?$/.exec(host)
  const isPathStyle =
    (scheme === 'https' && bucket.includes('.')) ||
    !(amazon !== null || host === 'storage.googleapis.com' || /^(?:.+\.)?oss-?[\w-]*\.aliyuncs\.com$/.test(host))
  const given = options.region ?? ''
  const region =
    given === '' ? (amazon?.[1] ?? (host.endsWith('.r2.cloudflarestorage.com') ? 'auto' : 'us-east-1')) : given
  return {
    region,
    base: (current) => {
      // The global name of AWS stands for every region's.
      const isGlobal = amazon !== null && amazon[1] === undefined
      const at = isGlobal ? `s3.dualstack.${current}.amazonaws.com${amazon[2] ?? ''}` : endpoint
      return isPathStyle ? `${scheme}://${at}/${bucket}/` : `${scheme}://${bucket}.${at}/`
    },
  }
}

/** The region that AWS names where a request went to another one. */
function toldRegion(answer: BucketAnswer): string | undefined {
  if (![301, 307, 400].includes(answer.status)) return undefined
  const header = answer.headers['x-amz-bucket-region']
  const region = header ?? xmlText(new TextDecoder().decode(answer.bytes), 'Region')
  return region !== undefined && /^[a-z0-9-]{1,40}$/.test(region) ? region : undefined
}

function errorCode(answer: BucketAnswer): string | undefined {
  return xmlText(new TextDecoder().decode(answer.bytes), 'Code')
}

/** A key as the path of a URL, every character but the unreserved ones and the slash written as its bytes (RFC 3986). */
export function encodeKey(key: string): string {
  return key.split('/').map(encodeSegment).join('/')
}

/** {@link encodeKey} of one segment, or of a whole key where a slash is a character like any other. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', '%20'))
  } catch {
    throw bucketError('bucket-list-invalid', 'a key of the listing is not encoded as it says')
  }
}

/** An etag without its quotes, as minio-go gives it. */
function plainEtag(etag: string): string {
  return etag.replace(/^W\//, '').replace(/^"/, '').replace(/"$/, '')
}
