import { AwsV4Signer } from 'aws4fetch'
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { goBinary } from './go-binary.ts'
import { freePort } from './free-ports.ts'
import { untilListening } from './registry.ts'

/** Options of an S3 server. */
export interface S3ServerOptions {
  readonly buckets: readonly string[]
  /** Anybody may do everything. */
  readonly anonymous?: boolean
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
}

/** A real S3 server (rclone/gofakes3) that checks every signature, with content in memory. */
export class S3Server {
  readonly accessKey = 'AKIATESTTESTTESTTEST'
  readonly secretKey: string
  readonly endpoint: string
  readonly #process: ChildProcess
  readonly #directory: string
  readonly #isAnonymous: boolean

  private constructor(
    options: S3ServerOptions,
    started: { endpoint: string; secretKey: string; process: ChildProcess; directory: string },
  ) {
    this.#isAnonymous = options.anonymous === true
    this.secretKey = started.secretKey
    this.endpoint = started.endpoint
    this.#process = started.process
    this.#directory = started.directory
  }

  /** Starts one; undefined where there is no Go to build it with. */
  static async start(options: S3ServerOptions): Promise<S3Server | undefined> {
    const binary = await goBinary('s3')
    if (binary === undefined) return undefined
    const directory = await mkdtemp(join(tmpdir(), 'sluice-s3-'))
    const port = await freePort()
    const secretKey = crypto.randomUUID()
    const settings = {
      address: `127.0.0.1:${port}`,
      buckets: options.buckets,
      ...(options.anonymous === true ? {} : { keys: { AKIATESTTESTTESTTEST: secretKey } }),
      ...(options.tls === undefined
        ? {}
        : { cert: options.tls.cert, key: options.tls.key, clientCA: options.tls.clientCa ?? '' }),
    }
    const config = join(directory, 'config.json')
    await writeFile(config, JSON.stringify(settings), { mode: 0o600 })
    const child = spawn(binary, [config], { stdio: 'ignore' })
    await untilListening(port, child)
    return new S3Server(options, { endpoint: settings.address, secretKey, process: child, directory })
  }

  /** Writes an object over plain HTTP. */
  async put(bucket: string, key: string, content: string | Uint8Array): Promise<void> {
    await this.#send('PUT', bucket, key, content)
  }

  async delete(bucket: string, key: string): Promise<void> {
    await this.#send('DELETE', bucket, key)
  }

  async close(): Promise<void> {
    this.#process.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #send(method: string, bucket: string, key: string, content?: string | Uint8Array): Promise<void> {
    const path = key.split('/').map(encodeURIComponent).join('/')
    const url = `http://${this.endpoint}/${bucket}/${path}`
    const body = content as string | Uint8Array<ArrayBuffer> | undefined
    let headers: HeadersInit = {}
    if (!this.#isAnonymous) {
      const signer = new AwsV4Signer({
        method,
        url,
        ...(body === undefined ? {} : { body }),
        headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
        accessKeyId: this.accessKey,
        secretAccessKey: this.secretKey,
        service: 's3',
        region: 'us-east-1',
      })
      headers = (await signer.sign()).headers
    }
    const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
    if (!response.ok) throw new Error(`${method} ${key}: ${response.status} ${await response.text()}`)
  }
}
