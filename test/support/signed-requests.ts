import { createHash, createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpClient, HttpRequest } from '../../src/ports/index.ts'

/** A request as a fake received it. */
export interface ReceivedRequest {
  readonly host: string
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: { readonly [name: string]: string }
  readonly body: string
}

/** An HttpClient to whom the given hosts are the server at `origin`; the Host header stays, because it is signed. Others than these and 127.0.0.1 must not be reached. */
export function redirected(client: HttpClient, origin: string, isHost: (hostname: string) => boolean): HttpClient {
  return {
    send: (request: HttpRequest) => {
      const url = new URL(request.url)
      if (url.hostname === '127.0.0.1') return client.send(request)
      if (!isHost(url.hostname)) throw new Error(`a test must not reach ${url.hostname}`)
      return client.send({
        ...request,
        url: `${origin}${url.pathname}${url.search}`,
        headers: { ...request.headers, host: url.host },
      })
    },
  }
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export async function readRequest(incoming: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
  return {
    host: headers['host'] ?? '',
    method: incoming.method ?? '',
    path: incoming.url ?? '',
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
  }
}

/** Checks Signature Version 4 from what was received, as AWS describes it; the error code where it is wrong. */
export function signatureProblem(
  request: ReceivedRequest,
  account: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string },
  scope: { readonly service: string; readonly region: string },
): string | undefined {
  const [, keyId, date, region, service, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      request.headers['authorization'] ?? '',
    ) ?? []
  if (keyId !== account.accessKeyId || service !== scope.service || region !== scope.region || date === undefined)
    return 'IncompleteSignature'
  const time = request.headers['x-amz-date'] ?? ''
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Math.abs(Date.now() - at) > 300_000 || !time.startsWith(date)) return 'RequestExpired'
  if (request.headers['x-amz-security-token'] !== account.sessionToken) return 'InvalidClientTokenId'
  const signed = names?.split(';') ?? []
  const needed = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]
  if (needed.some((name) => !signed.includes(name))) return 'IncompleteSignature'
  const bodyHash = createHash('sha256').update(request.body).digest('hex')
  const stated = request.headers['x-amz-content-sha256']
  if (stated !== undefined && stated !== bodyHash) return 'XAmzContentSHA256Mismatch'
  const [path = '/', query = ''] = request.path.split('?')
  const canonical = [
    request.method,
    path,
    query.split('&').sort().join('&'),
    ...signed.map((name) => `${name}:${(request.headers[name] ?? '').trim().replaceAll(/\s+/g, ' ')}`),
    '',
    names,
    bodyHash,
  ].join('\n')
  const text = [
    'AWS4-HMAC-SHA256',
    time,
    `${date}/${region}/${service}/aws4_request`,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  const wanted = createHmac('sha256', signingKey(account.secretAccessKey, [date, region, service]))
    .update(text)
    .digest()
  return timingSafeEqual(wanted, Buffer.from(signature ?? '', 'hex')) ? undefined : 'SignatureDoesNotMatch'
}

/** The key of Signature Version 4 for a date, a region and a service. */
export function signingKey(secret: string, scope: readonly string[]): Buffer {
  return [...scope, 'aws4_request'].reduce<Buffer>(
    (key, part) => createHmac('sha256', key).update(part).digest(),
    Buffer.from(`AWS4${secret}`),
  )
}

/** A token in its parts. */
export interface Jwt {
  readonly header: { readonly [name: string]: unknown }
  readonly claims: { readonly [name: string]: unknown }
}

/** The parts of a token whose signature is right and which is valid now. */
export function checkedJwt(token: string, key: KeyObject): Jwt | undefined {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const isRight = verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))
  if (!isRight) return undefined
  const jwt: Jwt = {
    header: JSON.parse(Buffer.from(header, 'base64url').toString()) as Jwt['header'],
    claims: JSON.parse(Buffer.from(claims, 'base64url').toString()) as Jwt['claims'],
  }
  const now = Date.now() / 1000
  const { iat, exp } = jwt.claims
  if (typeof iat !== 'number' || typeof exp !== 'number' || iat > now + 60 || exp < now || exp - iat > 3610)
    return undefined
  return jwt.header['alg'] === 'RS256' ? jwt : undefined
}
