import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-ports.ts'
import { goBinary } from './go-binary.ts'

/** A layer to push. */
export interface PushedLayer {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** Options of a registry. */
export interface TestRegistryOptions {
  /** A line of an htpasswd file with bcrypt: everybody must log in with Basic. */
  readonly htpasswd?: string
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
}

/** The real registry (distribution/distribution), with content in memory. */
export class TestRegistry {
  readonly host: string
  readonly #process: ChildProcess
  readonly #directory: string

  private constructor(host: string, process: ChildProcess, directory: string) {
    this.host = host
    this.#process = process
    this.#directory = directory
  }

  /** Starts one; undefined where there is no Go to build it with. */
  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry | undefined> {
    const binary = await goBinary('registry')
    if (binary === undefined) return undefined
    const directory = await mkdtemp(join(tmpdir(), 'sluice-registry-'))
    const port = await freePort()
    const at = async (name: string, text: string): Promise<string> => {
      await writeFile(join(directory, name), text, { mode: 0o600 })
      return JSON.stringify(join(directory, name))
    }
    const lines = [
      'version: 0.1',
      'log: {level: error, accesslog: {disabled: true}}',
      'storage: {inmemory: {}}',
      `http:`,
      `  addr: 127.0.0.1:${port}`,
      `  secret: tests`,
    ]
    if (options.tls !== undefined) {
      lines.push(
        '  tls:',
        `    certificate: ${await at('tls.crt', options.tls.cert)}`,
        `    key: ${await at('tls.key', options.tls.key)}`,
      )
      if (options.tls.clientCa !== undefined)
        lines.push('    clientcas:', `      - ${await at('ca.crt', options.tls.clientCa)}`)
    }
    if (options.htpasswd !== undefined)
      lines.push(
        'auth:',
        '  htpasswd:',
        '    realm: tests',
        `    path: ${await at('htpasswd', `${options.htpasswd}\n`)}`,
      )
    const config = join(directory, 'config.yml')
    await writeFile(config, `${lines.join('\n')}\n`)
    const child = spawn(binary, [config], {
      stdio: 'ignore',
      env: { OTEL_TRACES_EXPORTER: 'none' },
    })
    await untilListening(port, child)
    return new TestRegistry(`127.0.0.1:${port}`, child, directory)
  }

  async close(): Promise<void> {
    this.#process.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  /** Pushes layers and a manifest of them under a tag over plain HTTP; answers the manifest's digest. */
  async push(
    repository: string,
    tag: string,
    layers: readonly PushedLayer[],
    extra: { readonly annotations?: { readonly [key: string]: string }; readonly configType?: string } = {},
  ): Promise<string> {
    const config = new TextEncoder().encode('{}')
    const descriptor = async (mediaType: string, bytes: Uint8Array) => {
      await this.#pushBlob(repository, bytes)
      return { mediaType, digest: digestOf(bytes), size: bytes.length }
    }
    const body = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: await descriptor(extra.configType ?? 'application/vnd.cncf.flux.config.v1+json', config),
      layers: await Promise.all(layers.map((layer) => descriptor(layer.mediaType, layer.bytes))),
      ...(extra.annotations === undefined ? {} : { annotations: extra.annotations }),
    }
    return this.pushManifest(repository, tag, body)
  }

  /** Pushes any manifest. */
  async pushManifest(repository: string, tag: string, body: { readonly mediaType: string }): Promise<string> {
    const text = JSON.stringify(body)
    const response = await fetch(`http://${this.host}/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      body: text,
      headers: { 'content-type': body.mediaType },
    })
    if (!response.ok) throw new Error(`manifest: ${response.status} ${await response.text()}`)
    return digestOf(new TextEncoder().encode(text))
  }

  async #pushBlob(repository: string, bytes: Uint8Array): Promise<void> {
    const start = await fetch(`http://${this.host}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    const location = new URL(start.headers.get('location') ?? '', `http://${this.host}`)
    location.searchParams.set('digest', digestOf(bytes))
    const done = await fetch(location, {
      method: 'PUT',
      body: bytes as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': 'application/octet-stream' },
    })
    if (!done.ok) throw new Error(`blob: ${done.status} ${await done.text()}`)
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** Resolves when a server that was started as `child` answers HTTP or TLS at a port. */
export async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const isUp = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      (error: unknown) => !String((error as { cause?: unknown }).cause).includes('ECONNREFUSED'),
    )
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the server does not start')
}
