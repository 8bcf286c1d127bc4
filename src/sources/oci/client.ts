import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { printUrl } from '../../base/index.ts'
import { fetchBytes, fetchSource, withRetries, type FetchDeps } from '../fetch.ts'
import {
  basicAuthorization,
  drain,
  readBody,
  sendRequest,
  type RequestCredentials,
  type SourceResponse,
} from '../request.ts'
import type { RegistryLogin } from './docker-config.ts'
import { layerFailed, ociError, pullFailed } from './errors.ts'
import type { OciLimits } from './limits.ts'
import { isOciDigest, type OciRepositoryName } from './reference.ts'

/** What talking to a registry needs. */
export interface OciDeps extends FetchDeps {
  readonly limits: OciLimits
}

/** A repository and how to get at it. */
export interface RegistryOptions {
  readonly name: OciRepositoryName
  readonly login?: RegistryLogin | undefined
  /** Certificates and proxy; the authorization comes from `login`. */
  readonly credentials?: RequestCredentials
  /** Plain HTTP. */
  readonly insecure?: boolean
  readonly signal: AbortSignal
}

/** A part of an artifact, as manifests name it. */
export interface OciDescriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations: { readonly [key: string]: string }
}

/** A manifest with the digest of its bytes. */
export interface OciManifest {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly body: { readonly [field: string]: unknown }
}

/** A page of a list that the registry makes itself. */
export interface OciIndexPage {
  readonly mediaType: string
  /** Empty where it came with another media type than the one that was asked for. */
  readonly body: { readonly [field: string]: unknown }
  /** Query of the next page. */
  readonly next: string | undefined
}

const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ')

const maxTokenBytes = 256 << 10
const maxTagPages = 1000

/**
 * A client for one repository of a registry (distribution specification 1.1): manifests, tags, blobs; logs in as the registry asks for (Basic, or a token of its token service). Everything that is
 * named by a digest is checked against it.
 *
 * Errors are EngineErrors with reason `OCIArtifactPullFailed`, `AuthenticationFailed` where the login is refused.
 */
export class RegistryClient {
  readonly #deps: OciDeps
  readonly #options: RegistryOptions
  readonly #base: URL
  /** The authorization that the registry asked for; it is the same for all requests of this client. */
  #authorization: Promise<string | undefined> | undefined

  constructor(deps: OciDeps, options: RegistryOptions) {
    this.#deps = deps
    this.#options = options
    const { host, repository } = options.name
    this.#base = new URL(`${options.insecure === true ? 'http' : 'https'}://${host}/v2/${repository}/`)
  }

  /** A manifest by tag or digest. */
  async manifest(reference: string): Promise<OciManifest> {
    const { response, bytes } = await this.#bytes(`manifests/${reference}`, {
      accept: manifestTypes,
      maxBytes: this.#deps.limits.maxManifestBytes,
      reason: pullFailed,
    })
    const digest = `sha256:${bytesToHex(sha256(bytes))}`
    const stated = isOciDigest(reference) ? reference : response.headers['docker-content-digest']
    if (isOciDigest(stated) && stated !== digest)
      throw ociError('oci-digest-mismatch', `the manifest '${reference}' has the digest ${digest}, not ${stated}`, {
        disposition: 'retry',
      })
    const fields = parseObject(bytes, reference)
    const mediaType = fields['mediaType'] ?? response.headers['content-type']?.split(';')[0]?.trim()
    return { digest, mediaType: typeof mediaType === 'string' ? mediaType : '', bytes, body: fields }
  }

  /** The digest that a tag points at, and the manifest where it had to be read for that. */
  async digestOf(tag: string): Promise<string> {
    const response = await this.#send('HEAD', `manifests/${tag}`, manifestTypes, pullFailed)
    await drain(response)
    const digest = response.headers['docker-content-digest']
    return isOciDigest(digest) ? digest : (await this.manifest(tag)).digest
  }

  /** All tags, over as many pages as the registry makes of them. */
  async tags(): Promise<readonly string[]> {
    const tags: string[] = []
    const seen = new Set<string>()
    let path = 'tags/list?n=1000'
    for (let page = 0; page < maxTagPages && !seen.has(path); page++) {
      seen.add(path)
      const { response, bytes } = await this.#bytes(path, {
        accept: 'application/json',
        maxBytes: this.#deps.limits.maxManifestBytes,
        reason: 'ReadOperationFailed',
      })
      const body = parseTags(bytes)
      for (const tag of body) if (typeof tag === 'string') tags.push(tag)
      if (tags.length > this.#deps.limits.maxTags)
        throw ociError('oci-too-many-tags', `the repository has more than ${this.#deps.limits.maxTags} tags`, {
          reason: 'ReadOperationFailed',
        })
      const next = nextPage(response)
      if (next === undefined) return tags
      if (next.host !== response.url.host) break
      path = `tags/list${next.search}`
    }
    return tags
  }

  /** A page of a list that the registry makes itself. @throws EngineError as {@link manifest}. */
  async index(path: string, accept: string): Promise<OciIndexPage> {
    const { response, bytes } = await this.#bytes(path, {
      accept,
      maxBytes: this.#deps.limits.maxManifestBytes,
      reason: pullFailed,
    })
    const mediaType = response.headers['content-type']?.split(';')[0]?.trim() ?? ''
    const next = nextPage(response)
    return {
      mediaType,
      body: mediaType === accept ? parseObject(bytes, path) : {},
      next: next?.host === response.url.host ? next.search : undefined,
    }
  }

  /** A blob, at most `maxBytes`, checked against digest and size. */
  async blob(descriptor: OciDescriptor, maxBytes: number): Promise<Uint8Array> {
    if (descriptor.size > maxBytes) throw tooLarge(descriptor, maxBytes)
    const { bytes } = await this.#bytes(`blobs/${descriptor.digest}`, {
      accept: '*/*',
      maxBytes: Math.min(maxBytes, descriptor.size),
      reason: pullFailed,
    })
    const digest = `sha256:${bytesToHex(sha256(bytes))}`
    if (digest !== descriptor.digest || bytes.length !== descriptor.size)
      throw ociError('oci-digest-mismatch', `the layer ${descriptor.digest} came with other content (${digest})`, {
        disposition: 'retry',
      })
    return bytes
  }

  async #bytes(
    path: string,
    options: { readonly accept: string; readonly maxBytes: number; readonly reason: string },
  ): Promise<{ response: SourceResponse; bytes: Uint8Array }> {
    const request = { method: 'GET' as const, url: this.#base, credentials: {}, signal: this.#options.signal }
    return withRetries(this.#deps, request, { reason: options.reason }, async () => {
      const response = await this.#send('GET', path, options.accept, options.reason)
      return { response, bytes: await readBody(response, options.maxBytes) }
    })
  }

  /** Sends a request; where the registry asks for a login, once more with it. */
  async #send(method: 'GET' | 'HEAD', path: string, accept: string, reason: string): Promise<SourceResponse> {
    const url = new URL(path, this.#base)
    const attempt = async (authorization: string | undefined, isLast: boolean): Promise<SourceResponse> => {
      const credentials = {
        ...this.#options.credentials,
        ...(authorization === undefined ? {} : { authorization }),
      }
      const request = { method, url, headers: { accept }, credentials, signal: this.#options.signal }
      return fetchSource(this.#deps, request, { reason, accept: isLast ? [] : [401] })
    }
    const known = await this.#authorization
    const response = await attempt(known, known !== undefined)
    if (response.status !== 401) return response
    await drain(response)
    this.#authorization ??= this.#logIn(response)
    const authorization = await this.#authorization.catch((error: unknown) => {
      this.#authorization = undefined
      throw error
    })
    return attempt(authorization, true)
  }

  async #logIn(response: SourceResponse): Promise<string | undefined> {
    const challenge = parseChallenge(response.headers['www-authenticate'] ?? '')
    const { login } = this.#options
    if (login?.kind === 'bearer') return `Bearer ${login.token}`
    if (challenge.scheme === 'basic')
      return login?.kind === 'basic' ? basicAuthorization(login.username, login.password) : undefined
    if (challenge.scheme !== 'bearer') return undefined
    return `Bearer ${await this.#token(challenge.parameters, response.url)}`
  }

  /** A token of the registry's token service (distribution: token authentication, and OAuth2 for identity tokens). */
  async #token(parameters: ReadonlyMap<string, string>, registry: URL): Promise<string> {
    const realm = parameters.get('realm') ?? ''
    if (!URL.canParse(realm)) throw denied('the registry names no usable token service')
    const url = new URL(realm)
    if (registry.protocol === 'https:' && url.protocol !== 'https:')
      throw denied('the registry names a token service without TLS; credentials are not sent there')
    const scope = parameters.get('scope') ?? `repository:${this.#options.name.repository}:pull`
    const service = parameters.get('service')
    const { login, signal } = this.#options
    const { authorization: _, ...transport } = this.#options.credentials ?? {}
    const rest = { signal, credentials: transport }
    const options = { reason: 'AuthenticationFailed', maxBytes: maxTokenBytes }
    let bytes: Uint8Array
    if (login?.kind === 'identity') {
      const form = new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: login.token,
        scope,
        client_id: 'sluice',
      })
      if (service !== undefined) form.set('service', service)
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const body = new TextEncoder().encode(form.toString())
      const response = await sendRequest(this.#deps, { method: 'POST', url, headers, body, ...rest })
      if (response.status !== 200) throw denied(`the token service answered with status ${response.status}`)
      bytes = await readBody(response, maxTokenBytes)
    } else {
      url.searchParams.set('scope', scope)
      if (service !== undefined) url.searchParams.set('service', service)
      const authorization = login?.kind === 'basic' ? basicAuthorization(login.username, login.password) : undefined
      const credentials = authorization === undefined ? transport : { ...transport, authorization }
      ;({ bytes } = await fetchBytes(this.#deps, { method: 'GET', url, signal, credentials }, options))
    }
    return readToken(bytes)
  }
}

/** A descriptor of a manifest. @throws EngineError for one that is damaged. */
export function readDescriptor(value: unknown): OciDescriptor {
  const fields = (value ?? {}) as { readonly [field: string]: unknown }
  const { digest, size, mediaType } = fields
  if (!isOciDigest(digest) || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw ociError('oci-manifest-invalid', 'the manifest names a part without a SHA-256 digest or a size')
  return {
    digest,
    size,
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    annotations: readAnnotations(fields),
  }
}

/** `annotations` of a manifest or descriptor: texts only. */
export function readAnnotations(fields: { readonly [field: string]: unknown }): { readonly [key: string]: string } {
  const found = fields['annotations']
  if (typeof found !== 'object' || found === null) return {}
  return Object.fromEntries(Object.entries(found).filter(([, value]) => typeof value === 'string')) as {
    [key: string]: string
  }
}

function parseObject(bytes: Uint8Array, name: string): { readonly [field: string]: unknown } {
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw ociError('oci-manifest-invalid', `the manifest '${name}' is not JSON`, { cause })
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as { readonly [field: string]: unknown }
  throw ociError('oci-manifest-invalid', `the manifest '${name}' is no manifest`)
}

function parseTags(bytes: Uint8Array): readonly unknown[] {
  try {
    const body = JSON.parse(new TextDecoder().decode(bytes)) as { readonly tags?: unknown } | null
    return Array.isArray(body?.tags) ? body.tags : []
  } catch (cause) {
    throw ociError('oci-tags-invalid', 'the list of tags is not JSON', { reason: 'ReadOperationFailed', cause })
  }
}

function nextPage(response: SourceResponse): URL | undefined {
  const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(response.headers['link'] ?? '')?.[1]
  return link !== undefined && URL.canParse(link, response.url) ? new URL(link, response.url) : undefined
}

/** `Bearer realm="…",service="…",scope="…"`. */
export function parseChallenge(header: string): {
  readonly scheme: string
  readonly parameters: ReadonlyMap<string, string>
} {
  const space = header.indexOf(' ')
  const scheme = (space < 0 ? header : header.slice(0, space)).toLowerCase()
  const parameters = new Map<string, string>()
  for (const match of (space < 0 ? '' : header.slice(space)).matchAll(/([A-Za-z_]+)=(?:"([^"]*)"|([^\s,"]+))/g))
    parameters.set((match[1] ?? '').toLowerCase(), match[2] ?? match[3] ?? '')
  return { scheme, parameters }
}

function readToken(bytes: Uint8Array): string {
  try {
    const body = JSON.parse(new TextDecoder().decode(bytes)) as { readonly [field: string]: unknown } | null
    const token = body?.['token'] ?? body?.['access_token']
    if (typeof token === 'string' && /^[\u0021-\u007e]+$/.test(token)) return token
  } catch {
    // Told below: the text may hold a token.
  }
  throw denied('the token service did not answer with a token')
}

function denied(message: string): Error {
  return ociError('oci-denied', `failed to log in to the registry: ${message}`, { reason: 'AuthenticationFailed' })
}

function tooLarge(descriptor: OciDescriptor, maxBytes: number): Error {
  return ociError(
    'oci-layer-too-large',
    `the layer ${descriptor.digest} has ${descriptor.size} bytes, more than the limit of ${maxBytes}`,
    { reason: layerFailed },
  )
}

/** A repository as messages show it. */
export function printRepository(name: OciRepositoryName): string {
  return printUrl(`oci://${name.registry}/${name.repository}`)
}
