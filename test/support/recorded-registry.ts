import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Content of one repository of a registry. */
export interface RecordedRepository {
  /** Manifests by digest. */
  readonly manifests: { [digest: string]: { readonly mediaType: string; readonly text: string } }
  readonly tags: { [tag: string]: string }
  /** Blobs by digest, in base64. */
  readonly blobs: { [digest: string]: string }
}

export interface RecordedDescriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: { readonly [key: string]: string }
}

const imageType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'
export const emptyConfig = Buffer.from('{}')

/** A registry for reading (distribution 1.1) whose content is put in by the test: recorded from a real one, or made. It has the API for referrers, or only the tag that stands for it, as is wanted. */
export class RecordedRegistry {
  /** False: answers 404 there, and referrers are an index under a tag. */
  hasReferrersApi = false
  /** Paths of all requests. */
  readonly requests: string[] = []
  readonly #server: Server
  readonly #repositories = new Map<string, RecordedRepository>()

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response))
  }

  static async start(): Promise<RecordedRegistry> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new RecordedRegistry(server)
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Puts a recorded repository in. */
  load(name: string, recorded: RecordedRepository): void {
    this.#repositories.set(name, structuredClone(recorded))
  }

  /** What is in a repository, to be put in again. */
  recorded(name: string): RecordedRepository {
    return structuredClone(this.#repository(name))
  }

  addBlob(repository: string, bytes: Uint8Array, mediaType: string): RecordedDescriptor {
    const digest = digestOf(bytes)
    this.#repository(repository).blobs[digest] = Buffer.from(bytes).toString('base64')
    return { mediaType, digest, size: bytes.length }
  }

  addManifest(repository: string, body: { readonly mediaType: string }, tag?: string): string {
    const { manifests, tags } = this.#repository(repository)
    const text = JSON.stringify(body)
    const digest = digestOf(Buffer.from(text))
    manifests[digest] = { mediaType: body.mediaType, text }
    if (tag !== undefined) tags[tag] = digest
    return digest
  }

  /** An image of one layer under a tag; answers its digest. */
  addImage(repository: string, tag: string, layers: readonly RecordedDescriptor[]): string {
    const config = this.addBlob(repository, emptyConfig, 'application/vnd.oci.image.config.v1+json')
    return this.addManifest(repository, { schemaVersion: 2, mediaType: imageType, config, layers } as never, tag)
  }

  /** Adds signatures in the form of cosign 2 beside a manifest. */
  addSimpleSignatures(
    repository: string,
    digest: string,
    signatures: readonly { readonly payload: Uint8Array; readonly annotations: { readonly [key: string]: string } }[],
  ): void {
    const layers = signatures.map(({ payload, annotations }) => ({
      ...this.addBlob(repository, payload, 'application/vnd.dev.cosign.simplesigning.v1+json'),
      annotations,
    }))
    this.addImage(repository, `${digest.replace(':', '-')}.sig`, layers)
  }

  /** Adds a manifest of one blob that refers to another manifest; without the API also to the index that stands for it. */
  addReferrer(
    repository: string,
    digest: string,
    referrer: { readonly artifactType: string; readonly mediaType: string; readonly bytes: Uint8Array },
  ): string {
    const { manifests, tags } = this.#repository(repository)
    const { artifactType } = referrer
    const subject = { mediaType: imageType, digest, size: Buffer.from(manifests[digest]?.text ?? '').length }
    const config = this.addBlob(repository, emptyConfig, 'application/vnd.oci.empty.v1+json')
    const layers = [this.addBlob(repository, referrer.bytes, referrer.mediaType)]
    const body = { schemaVersion: 2, mediaType: imageType, artifactType, config, layers, subject }
    const added = this.addManifest(repository, body)
    const tag = digest.replace(':', '-')
    const old = JSON.parse(manifests[tags[tag] ?? '']?.text ?? '{"manifests":[]}') as { manifests: unknown[] }
    const size = JSON.stringify(body).length
    const entries = [...old.manifests, { mediaType: imageType, digest: added, size, artifactType }]
    this.addManifest(repository, { schemaVersion: 2, mediaType: indexType, manifests: entries } as never, tag)
    return added
  }

  /** Adds a Sigstore bundle as cosign 3 does. */
  addBundle(repository: string, digest: string, json: string): string {
    const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json'
    return this.addReferrer(repository, digest, { artifactType: mediaType, mediaType, bytes: Buffer.from(json) })
  }

  #repository(name: string): RecordedRepository {
    const found = this.#repositories.get(name) ?? { manifests: {}, tags: {}, blobs: {} }
    this.#repositories.set(name, found)
    return found
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://registry')
    this.requests.push(url.pathname)
    const match = /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(url.pathname)
    const repository = this.#repositories.get(match?.[1] ?? '')
    const reference = match?.[3] ?? ''
    const send = (bytes: Uint8Array | string, mediaType: string, headers: { [name: string]: string } = {}): void => {
      response.writeHead(200, { 'content-type': mediaType, 'content-length': Buffer.from(bytes).length, ...headers })
      response.end(request.method === 'HEAD' ? undefined : bytes)
    }
    const manifest = (digest: string): void => {
      const found = repository?.manifests[digest]
      if (found === undefined) return missing(response)
      send(found.text, found.mediaType, { 'docker-content-digest': digest })
    }
    if (url.pathname === '/v2/') return send('{}', 'application/json')
    if (repository === undefined) return missing(response)
    if (match?.[2] === 'manifests') return manifest(repository.tags[reference] ?? reference)
    if (match?.[2] === 'tags') return send(JSON.stringify({ tags: Object.keys(repository.tags) }), 'application/json')
    if (match?.[2] === 'referrers') {
      if (!this.hasReferrersApi) return missing(response)
      const tag = repository.tags[reference.replace(':', '-')]
      return tag === undefined ? send('{"schemaVersion":2,"manifests":[]}', indexType) : manifest(tag)
    }
    const blob = repository.blobs[reference]
    return blob === undefined ? missing(response) : send(Buffer.from(blob, 'base64'), 'application/octet-stream')
  }
}

function missing(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'application/json' })
  response.end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
