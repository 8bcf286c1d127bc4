import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { isEngineError, type EgressPolicy } from '../../src/base/index.ts'
import { createNodeHttpClient, type NodeHttpClient } from '../../src/platforms/node/http.ts'
import {
  defaultOciLimits,
  fetchOci,
  parseOciUrl,
  resolveOci,
  type OciDeps,
  type RegistryOptions,
} from '../../src/sources/index.ts'
import { readText } from '../support/git-sources.ts'
import { makeTgz } from '../support/tar.ts'

/** Only 127.0.0.1 is allowed: `localhost` and every other private name stand for what must not be reached. */
const egress: EgressPolicy = { allowHosts: ['127.0.0.1'] }
const slept: number[] = []
let http: NodeHttpClient
before(() => {
  http = createNodeHttpClient({ egress })
})
after(() => http.close())

const deps: OciDeps = {
  get http() {
    return http
  },
  clock: { now: () => Date.now(), sleep: (ms) => Promise.resolve(void slept.push(ms)) },
  egress,
  limits: defaultOciLimits,
}
const digestOf = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const layer = makeTgz([{ name: 'a.yaml', content: 'a' }])
const manifestOf = (size = layer.length): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    layers: [{ mediaType: 'application/x.layer', digest: digestOf(layer), size }],
  })

type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => boolean

/** A registry that behaves but for what `odd` answers. */
async function withRegistry(
  odd: Handler,
  use: (options: RegistryOptions, seen: readonly string[]) => Promise<void>,
): Promise<void> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    seen.push(`${request.headers.authorization ?? '-'} ${path}`)
    if (odd(request, response, path)) return
    if (path.includes('/blobs/')) return void response.end(layer)
    const manifest = manifestOf()
    response
      .writeHead(200, { 'docker-content-digest': digestOf(manifest) })
      .end(request.method === 'HEAD' ? '' : manifest)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const login = { kind: 'basic', username: 'u', password: 'c4n4ry' } as const
    await use({ name: parseOciUrl(`oci://${host}/a`), login, insecure: true, signal: AbortSignal.timeout(5000) }, seen)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

/** What a pull ends with. No error may show the password. */
async function pull(options: RegistryOptions): Promise<string> {
  try {
    const { digest } = await resolveOci(deps, options)
    const { files } = await fetchOci(deps, options, digest)
    return files === undefined ? 'nothing' : readText(files, 'a.yaml')
  } catch (error) {
    assert.ok(isEngineError(error), String(error))
    assert.ok(!JSON.stringify([error, error.cause]).includes('c4n4ry'))
    return error.code
  }
}

const privateTargets = [
  'http://localhost:9/x',
  'http://169.254.169.254/latest/meta-data/',
  'http://[::ffff:10.0.0.1]/x',
  'http://metadata.google.internal/x',
  'http://0x7f000002/x',
  'file:///etc/passwd',
  'gopher://127.0.0.1/x',
]

describe('a registry that means no good', () => {
  it('cannot send us to private addresses with a blob, a manifest or a token service', async () => {
    for (const target of privateTargets) {
      for (const place of ['/blobs/', '/manifests/']) {
        await withRegistry(
          (_, response, path) => path.includes(place) && (response.writeHead(307, { location: target }).end(), true),
          async (options) => {
            assert.ok(['egress-refused', 'redirect-refused'].includes(await pull(options)), target)
          },
        )
      }
      await withRegistry(
        (_, response) => (
          response.writeHead(401, { 'www-authenticate': `Bearer realm="${target}",service="s"` }).end(),
          true
        ),
        async (options) => {
          assert.equal(await pull(options), 'egress-refused', target)
        },
      )
    }
    await withRegistry(
      (_, response) => (response.writeHead(401, { 'www-authenticate': 'Bearer realm="nonsense"' }).end(), true),
      async (options) => assert.equal(await pull(options), 'oci-denied'),
    )
  })

  it('cannot lead around in circles', async () => {
    await withRegistry(
      (_, response, path) => path.includes('/blobs/') && (response.writeHead(307, { location: path }).end(), true),
      async (options, seen) => {
        assert.equal(await pull(options), 'redirect-refused')
        assert.ok(seen.length < 12)
      },
    )
  })

  it('that asks for a login again and again is given up', async () => {
    await withRegistry(
      (_, response) => (response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(), true),
      async (options, seen) => {
        assert.equal(await pull(options), 'source-denied')
        assert.equal(seen.length, 2)
      },
    )
  })

  it('cannot send more than it says, something else, or forever', async () => {
    const endless = (response: ServerResponse): true => {
      const block = Buffer.alloc(1 << 16)
      const more = (): void =>
        void (response.destroyed || (response.write(block) ? setImmediate(more) : response.once('drain', more)))
      more()
      return true
    }
    await withRegistry(
      (_, response, path) => path.includes('/blobs/') && endless(response),
      async (options) => assert.equal(await pull(options), 'response-too-large'),
    )
    await withRegistry(
      (request, response, path) => request.method === 'GET' && path.includes('/manifests/') && endless(response),
      async (options) => assert.equal(await pull(options), 'response-too-large'),
    )
    await withRegistry(
      (_, response, path) => path.includes('/blobs/') && (response.end(Buffer.alloc(layer.length)), true),
      async (options) => assert.equal(await pull(options), 'oci-digest-mismatch'),
    )
    const short = manifestOf(layer.length - 1)
    await withRegistry(
      (request, response, path) => {
        if (!path.includes('/manifests/')) return false
        response
          .writeHead(200, { 'docker-content-digest': digestOf(short) })
          .end(request.method === 'HEAD' ? '' : short)
        return true
      },
      async (options) => assert.equal(await pull(options), 'response-too-large'),
    )
    await withRegistry(
      (request, response, path) => {
        if (request.method !== 'GET' || !path.includes('/manifests/')) return false
        response.end(manifestOf().replace('application/x.layer', 'application/x.other'))
        return true
      },
      async (options) => assert.equal(await pull(options), 'oci-digest-mismatch'),
    )
    for (const text of [
      '[]',
      'null',
      '{',
      '{"layers":[{}]}',
      '{"layers":[{"digest":"sha256:x","size":1}]}',
      '{"layers":[]}',
      '{"manifests":[]}',
    ]) {
      await withRegistry(
        (request, response, path) => {
          if (!path.includes('/manifests/')) return false
          response
            .writeHead(200, { 'docker-content-digest': digestOf(text) })
            .end(request.method === 'HEAD' ? '' : text)
          return true
        },
        async (options) => assert.match(await pull(options), /^oci-(?:manifest-invalid|no-layer|no-platform)$/, text),
      )
    }
  })

  it('that is slow ends with the deadline', async () => {
    // Its time ends while the layer comes, however long the requests before it took.
    const time = new AbortController()
    await withRegistry(
      (_, response, path) =>
        path.includes('/blobs/') && response.writeHead(200).write('x', () => setTimeout(() => time.abort(), 300)),
      async (options) => {
        assert.equal(await pull({ ...options, signal: time.signal }), 'source-unavailable')
      },
    )
  })

  it('that is busy or cut off is asked again, as it says', async () => {
    const rows: [status: number, headers: { [name: string]: string }, pauses: number[]][] = [
      [429, { 'retry-after': '3' }, [3000, 3000]],
      [503, {}, [200, 400]],
    ]
    for (const [status, headers, pauses] of rows) {
      let left = 2
      slept.length = 0
      await withRegistry(
        (_, response, path) =>
          path.includes('/blobs/') && left-- > 0 && (response.writeHead(status, headers).end('busy'), true),
        async (options) => assert.equal(await pull(options), 'a'),
      )
      assert.deepEqual(slept, pauses)
    }
    // Longer than a run waits: the next run tries again.
    await withRegistry(
      (_, response) => (response.writeHead(429, { 'retry-after': '3600' }).end(), true),
      async (options, seen) => {
        assert.equal(await pull(options), 'source-unavailable')
        assert.equal(seen.length, 1)
      },
    )
    let cuts = 1
    await withRegistry(
      (_, response, path) => {
        if (!path.includes('/blobs/') || cuts-- <= 0) return false
        response.writeHead(200, { 'content-length': layer.length })
        response.write(layer.subarray(0, 10), () => response.destroy())
        return true
      },
      async (options) => assert.equal(await pull(options), 'a'),
    )
  })
})
