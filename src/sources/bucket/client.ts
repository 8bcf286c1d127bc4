import { isEngineError } from '../../base/index.ts'
import { fetchSource, withRetries, type FetchDeps } from '../fetch.ts'
import { readBody, type RequestCredentials } from '../request.ts'
import { bucketError, bucketFailed } from './errors.ts'
import type { BucketLimits } from './limits.ts'

/** What talking to a bucket needs. */
export interface BucketDeps extends FetchDeps {
  readonly limits: BucketLimits
}

/** One entry of a listing. */
export interface BucketObject {
  readonly key: string
  /** As source-controller's index has it: in the form in which the provider's client gives it. */
  readonly etag: string
  readonly size: number
}

/** A bucket of any provider, read-only. */
export interface BucketClient {
  /**
   * The objects whose keys start with `prefix`, page by page.
   * @throws EngineError `bucket-not-found`, and with reason `BucketOperationFailed` for what else goes wrong.
   */
  list(prefix: string, signal: AbortSignal): AsyncIterable<readonly BucketObject[]>
  /** An object's content and its etag, which may be newer than the listing's; undefined where there is no such object. */
  get(
    object: { readonly key: string; readonly etag?: string },
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<{ readonly bytes: Uint8Array; readonly etag: string } | undefined>
}

/** A GET of a bucket's API. All that proves who asks is in it: nothing of it is ever sent elsewhere. */
export interface BucketRequest {
  readonly url: URL
  readonly headers: { readonly [name: string]: string }
  /** Certificates and proxy. */
  readonly transport: Omit<RequestCredentials, 'authorization'>
  readonly signal: AbortSignal
  readonly maxBytes: number
}

/** An answer: the content, or what was wrong with the request. */
export type BucketAnswer = {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly bytes: Uint8Array
}

/** Statuses whose body says more than the status does. Redirects without a target are among them: AWS answers so for a bucket of another region. */
const answers = Object.freeze([301, 307, 400, 401, 403, 404, 405, 409, 412, 416])

/**
 * Asks, again after 429, 5xx, lost connections and bodies that break off. Redirects are not followed.
 *
 * @throws EngineError with reason `BucketOperationFailed`.
 */
export async function askBucket(deps: BucketDeps, request: BucketRequest): Promise<BucketAnswer> {
  const { url, headers, transport, signal, maxBytes } = request
  const source = { method: 'GET' as const, url, headers, credentials: transport, maxRedirects: 0, signal }
  const options = { reason: bucketFailed, deniedReason: bucketFailed, accept: answers }
  return withRetries(deps, source, options, async () => {
    const response = await fetchSource(deps, source, options)
    const isError = response.status >= 300
    const bytes = await readBody(response, isError ? maxErrorBytes : maxBytes).catch((error: unknown) => {
      if (!isEngineError(error) || error.code !== 'response-too-large') throw error
      if (isError) return new Uint8Array()
      throw bucketError('bucket-object-too-large', error.message)
    })
    return { status: response.status, headers: response.headers, bytes }
  })
}

const maxErrorBytes = 64 << 10

/**
 * The error of an answer that is none of the expected ones, with the provider's own code for it.
 *
 * @param code as the answer's body has it; shown only where it has the form of one.
 */
export function answerError(answer: BucketAnswer, code: string | undefined): Error {
  const told = code !== undefined && /^[\w.-]{1,100}$/.test(code) ? ` (${code})` : ''
  const hint =
    answer.status === 401 || answer.status === 403
      ? '; check the credentials, and that they may list and read the bucket'
      : answer.status === 301 || answer.status === 307
        ? '; the bucket is elsewhere: check spec.region and spec.endpoint'
        : ''
  return bucketError('bucket-refused', `the server answered with status ${answer.status}${told}${hint}`)
}
