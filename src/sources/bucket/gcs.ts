import type { RequestCredentials } from '../request.ts'
import {
  answerError,
  askBucket,
  type BucketAnswer,
  type BucketClient,
  type BucketDeps,
  type BucketObject,
} from './client.ts'
import { bucketError, shown } from './errors.ts'
import { encodeSegment } from './s3.ts'

/** A bucket of Google Cloud Storage. */
export interface GcsOptions {
  readonly bucket: string
  /** A bearer token, asked for when it is needed. */
  readonly token: (signal: AbortSignal) => Promise<string>
  readonly transport: Omit<RequestCredentials, 'authorization'>
}

const api = 'https://storage.googleapis.com/storage/v1/b/'

interface GcsObject extends BucketObject {
  readonly generation: string
}

/**
 * A client of Cloud Storage's JSON API. `spec.endpoint` does not matter, as in source-controller: tokens go to Google alone. An object is fetched in the generation that was listed.
 *
 * @throws EngineError for a bucket whose name cannot be one.
 */
export function createGcsClient(deps: BucketDeps, options: GcsOptions): BucketClient {
  const { bucket, token, transport } = options
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket))
    throw bucketError(
      'bucket-name-invalid',
      `spec.bucketName ${JSON.stringify(bucket.slice(0, 80))} is no name of a bucket`,
    )
  const base = `${api}${encodeURIComponent(bucket)}/o`
  const ask = async (path: string, limits: { maxBytes: number; signal: AbortSignal }): Promise<BucketAnswer> => {
    const headers = { authorization: `Bearer ${await token(limits.signal)}` }
    return askBucket(deps, { url: new URL(`${base}${path}`), headers, transport, ...limits })
  }
  const generations = new Map<string, string>()
  return {
    list: async function* (prefix, signal) {
      for await (const page of listGcs(ask, prefix, { maxBytes: deps.limits.maxPageBytes, signal })) {
        for (const { key, generation } of page) generations.set(key, generation)
        yield page
      }
    },
    get: async ({ key, etag = '' }, limits) => {
      const generation = generations.get(key) ?? ''
      const condition = generation === '' ? '' : `&ifGenerationMatch=${encodeURIComponent(generation)}`
      const answer = await ask(`/${encodeSegment(key)}?alt=media${condition}`, limits)
      if (answer.status === 200) return { bytes: answer.bytes, etag }
      if (answer.status === 404) return undefined
      if (answer.status === 412)
        throw bucketError('bucket-object-changed', `the object ${shown(key)} has changed meanwhile`, {
          disposition: 'retry',
        })
      throw answerError(answer, errorReason(answer))
    },
  }
}

async function* listGcs(
  ask: (path: string, limits: { maxBytes: number; signal: AbortSignal }) => Promise<BucketAnswer>,
  prefix: string,
  limits: { maxBytes: number; signal: AbortSignal },
): AsyncGenerator<readonly GcsObject[]> {
  let pageToken = ''
  for (const seen = new Set<string>(); ;) {
    const query = new URLSearchParams({
      fields: 'items(name,etag,size,generation),nextPageToken',
      maxResults: '1000',
      ...(prefix === '' ? {} : { prefix }),
      ...(pageToken === '' ? {} : { pageToken }),
    })
    const answer = await ask(`?${query.toString()}`, limits)
    if (answer.status === 404) throw bucketError('bucket-not-found', 'the bucket does not exist')
    if (answer.status !== 200) throw answerError(answer, errorReason(answer))
    const { items = [], nextPageToken } = parseAnswer(answer)
    yield items.map((item) => {
      const { name, etag, size, generation } = (item ?? {}) as { readonly [field: string]: unknown }
      if (typeof name !== 'string' || typeof etag !== 'string')
        throw bucketError('bucket-list-invalid', 'an entry of the listing has no name or no etag')
      return { key: name, etag, size: Number(size ?? 0), generation: typeof generation === 'string' ? generation : '' }
    })
    if (nextPageToken === undefined || nextPageToken === '') return
    if (seen.has(nextPageToken))
      throw bucketError('bucket-list-invalid', 'the server does not say how its listing goes on')
    seen.add(nextPageToken)
    pageToken = nextPageToken
  }
}

function parseAnswer(answer: BucketAnswer): { readonly items?: readonly unknown[]; readonly nextPageToken?: string } {
  try {
    const body = JSON.parse(new TextDecoder().decode(answer.bytes)) as { items?: unknown; nextPageToken?: unknown }
    return {
      ...(Array.isArray(body.items) ? { items: body.items as readonly unknown[] } : {}),
      ...(typeof body.nextPageToken === 'string' ? { nextPageToken: body.nextPageToken } : {}),
    }
  } catch (cause) {
    throw bucketError('bucket-list-invalid', 'the listing is not JSON', { cause })
  }
}

function errorReason(answer: BucketAnswer): string | undefined {
  try {
    const body = JSON.parse(new TextDecoder().decode(answer.bytes)) as {
      error?: { errors?: readonly { reason?: unknown }[] }
    }
    const reason = body.error?.errors?.[0]?.reason
    return typeof reason === 'string' ? reason : undefined
  } catch {
    return undefined // The status alone is told then.
  }
}
