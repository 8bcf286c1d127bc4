import { AwsV4Signer } from 'aws4fetch'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** A request to sign. Its URL is sent as it stands here. */
export interface AwsRequest {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly url: string
  readonly headers: { readonly [name: string]: string }
  readonly body?: string
  readonly service: string
  readonly region: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The headers of a request with its Signature Version 4 among them (`authorization`, `x-amz-date`, `x-amz-security-token`). */
export async function signAwsRequest(
  credentials: AwsCredentials,
  request: AwsRequest,
): Promise<{ readonly [name: string]: string }> {
  const { method, url, headers, body, service, region, now } = request
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const signer = new AwsV4Signer({
    method,
    url,
    headers: { ...headers },
    ...(body === undefined ? {} : { body }),
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined || sessionToken === '' ? {} : { sessionToken }),
    service,
    region,
    datetime: awsTime(now),
    // The headers are sent as they were signed.
    allHeaders: true,
  })
  const signed = await signer.sign()
  return Object.fromEntries([...signed.headers].filter(([name]) => name !== 'host'))
}

/**
 * The URL of a request that carries its signature itself, for somebody else to send. `headers` must be sent with it as they are here.
 */
export async function presignAwsUrl(credentials: AwsCredentials, request: Omit<AwsRequest, 'body'>): Promise<string> {
  const { method, url, headers, service, region, now } = request
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const signer = new AwsV4Signer({
    method,
    url,
    headers: { ...headers },
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined || sessionToken === '' ? {} : { sessionToken }),
    service,
    region,
    datetime: awsTime(now),
    signQuery: true,
    allHeaders: true,
  })
  return (await signer.sign()).url.href
}

/** `20240131T235959Z`. */
export function awsTime(now: number): string {
  return new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, '')
}
