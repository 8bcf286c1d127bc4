import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { isEngineError } from '../../src/base/index.ts'
import { createNodeHttpClient, type NodeHttpClient } from '../../src/platforms/node/http.ts'
import {
  createS3Client,
  defaultBucketLimits,
  fetchBucket,
  listBucket,
  type BucketDeps,
  type BucketLimits,
  type S3Options,
} from '../../src/sources/index.ts'
import { listPaths, readText } from '../support/git-sources.ts'
import { S3Server } from '../support/s3-server.ts'

const slept: number[] = []
let http: NodeHttpClient
let s3: S3Server | undefined
const deps = (limits: Partial<BucketLimits> = {}): BucketDeps => ({
  http,
  clock: { now: () => Date.now(), sleep: (ms) => Promise.resolve(void slept.push(ms)) },
  egress: { allowPrivate: true },
  limits: { ...defaultBucketLimits, ...limits },
})
before(async () => {
  http = createNodeHttpClient({ egress: { allowPrivate: true } })
  s3 = await S3Server.start({ buckets: ['one', 'many', 'odd', 'dots.in.name'] })
})
after(async () => {
  http.close()
  await s3?.close()
})

const optionsOf = (server: S3Server, bucket: string): S3Options => ({
  bucket,
  endpoint: server.endpoint,
  insecure: true,
  credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
  transport: {},
})
const query = (bucket: string, rest: { prefix?: string; ignore?: string } = {}) => ({
  bucket,
  ...rest,
  signal: AbortSignal.timeout(10_000),
})
async function read(
  options: S3Options,
  rest: { prefix?: string; ignore?: string } = {},
  limits?: Partial<BucketLimits>,
) {
  const client = createS3Client(deps(limits), options)
  const asked = query(options.bucket, rest)
  const index = await listBucket(deps(limits), client, asked)
  const found = await fetchBucket(deps(limits), client, asked, index)
  return { index, ...found, paths: listPaths(found.files) }
}
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

describe('a bucket of a real S3 server', () => {
  const skip = (t: { skip(message: string): void }): S3Server | undefined => {
    if (s3 === undefined) t.skip('no Go here to build the S3 server with')
    return s3
  }

  it('gives its files, with the revision that source-controller computes', async (t) => {
    const server = skip(t)
    if (server === undefined) return
    const files = { 'deploy/b.yaml': 'b: 1\n', 'deploy/a.yaml': 'a: 1\n', 'z.txt': 'z', 'picture.png': 'p' }
    for (const [key, content] of Object.entries(files)) await server.put('one', key, content)
    await server.put('one', 'deploy/', '')
    const { index, revision, paths, files: tree } = await read(optionsOf(server, 'one'))
    const lines = Object.entries(files)
      .map(([key, content]) => `${key} ${md5(content)}\n`)
      .sort()
    assert.equal(revision, `sha256:${sha256(lines.join(''))}`)
    assert.equal(index.revision, revision)
    assert.deepEqual(paths, ['deploy/a.yaml', 'deploy/b.yaml', 'picture.png', 'z.txt'])
    assert.equal(readText(tree, 'deploy/a.yaml'), 'a: 1\n')
  })

  it('is filtered by prefix, the .sourceignore of its root, and spec.ignore after it', async (t) => {
    const server = skip(t)
    if (server === undefined) return
    await server.put('one', '.sourceignore', '*.txt\n/deploy/b.yaml\n')
    await server.put('one', 'deploy/.sourceignore', 'a.yaml\n')
    assert.deepEqual((await read(optionsOf(server, 'one'))).paths, [
      '.sourceignore',
      'deploy/.sourceignore',
      'deploy/a.yaml',
      'picture.png',
    ])
    const rows = [
      [{ ignore: '!z.txt\n*.png' }, ['.sourceignore', 'deploy/.sourceignore', 'deploy/a.yaml', 'z.txt']],
      [{ prefix: 'deploy/' }, ['.sourceignore', 'deploy/.sourceignore', 'deploy/a.yaml']],
      [{ prefix: 'none/' }, ['.sourceignore']],
    ] as const
    for (const [rest, want] of rows) assert.deepEqual((await read(optionsOf(server, 'one'), rest)).paths, want)
    const none = await listBucket(
      deps(),
      createS3Client(deps(), optionsOf(server, 'one')),
      query('one', { prefix: 'x' }),
    )
    assert.equal(none.revision, `sha256:${sha256('')}`)
    await server.delete('one', '.sourceignore')
  })

  it('of more objects than one page has is read whole', async (t) => {
    const server = skip(t)
    if (server === undefined) return
    const names = Array.from({ length: 1005 }, (_, i) => `f/${String(i).padStart(4, '0')}`)
    for (let at = 0; at < names.length; at += 100)
      await Promise.all(names.slice(at, at + 100).map((name) => server.put('many', name, name)))
    const index = await listBucket(deps(), createS3Client(deps(), optionsOf(server, 'many')), query('many'))
    assert.deepEqual(
      index.objects.map(({ key }) => key),
      names,
    )
    const rows: [Partial<BucketLimits>, string][] = [
      [{ maxListed: 1000 }, 'bucket-too-many-objects'],
      [{ maxObjects: 1004 }, 'bucket-too-many-objects'],
      [{ maxObjectBytes: 5 }, 'bucket-object-too-large'],
      [{ maxTotalBytes: 6029 }, 'bucket-too-large'],
      [{ maxDepth: 0 }, 'bucket-name-refused'],
    ]
    for (const [limits, code] of rows)
      await assert.rejects(read(optionsOf(server, 'many'), {}, limits), { code, reason: 'BucketOperationFailed' })
  })

  it('with odd but usable names is signed right', async (t) => {
    const server = skip(t)
    if (server === undefined) return
    const names = [
      "a b+c&d=e?f#g%20h!'()*~@:,;$",
      'ünï/çødé-日本-😀.yaml',
      'spaces in/dir name/ x ',
      '%2e%2e/x',
      'a/.../b',
    ]
    for (const name of names) await server.put('odd', name, name)
    const { paths, files } = await read(optionsOf(server, 'odd'))
    assert.deepEqual(new Set(paths), new Set(names))
    for (const name of names) assert.equal(readText(files, name), name)
    await server.put('dots.in.name', 'x', 'y')
    assert.deepEqual((await read(optionsOf(server, 'dots.in.name'))).paths, ['x'])
  })

  it('that is not there, or may not be read, says so without the key', async (t) => {
    const server = skip(t)
    if (server === undefined) return
    await assert.rejects(read(optionsOf(server, 'nowhere')), {
      code: 'bucket-not-found',
      reason: 'BucketOperationFailed',
      message: "bucket 'nowhere' not found",
    })
    const wrong = { accessKeyId: server.accessKey, secretAccessKey: 'c4n4ry' }
    const denied = await read({ ...optionsOf(server, 'one'), credentials: wrong }).catch((error: unknown) => error)
    assert.ok(isEngineError(denied))
    assert.match(
      denied.message,
      /^indexation of objects from bucket 'one' failed: .*status 403 \(SignatureDoesNotMatch\)/,
    )
    assert.ok(!JSON.stringify(denied).includes('c4n4ry'))
    const anonymous = await read({ ...optionsOf(server, 'one'), credentials: undefined }).catch(
      (error: unknown) => error,
    )
    assert.ok(isEngineError(anonymous))
    assert.match(anonymous.message, /status 403/)
  })

  it('only under names that can be ones', () => {
    const base = { endpoint: 's3.example.com', transport: {} }
    for (const endpoint of ['https://s3.example.com', 's3.example.com/x', '', 'a b', 'u:p@h', 'h?x', 'h#x'])
      assert.throws(() => createS3Client(deps(), { ...base, endpoint, bucket: 'one' }), {
        code: 'bucket-endpoint-invalid',
        reason: 'AuthenticationFailed',
      })
    for (const bucket of ['', 'a', '../x', 'a/b', 'a..b', 'x'.repeat(64), 'é23', 'a#b'])
      assert.throws(() => createS3Client(deps(), { ...base, bucket }), { code: 'bucket-name-invalid' })
  })
})

/** A server that answers by a function. */
async function withServer<T>(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  use: (options: S3Options, seen: readonly string[]) => Promise<T>,
): Promise<T> {
  const seen: string[] = []
  const server: Server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'c4n4ry', sessionToken: 'c4n4ry-t0ken' }
  try {
    const endpoint = `127.0.0.1:${port}`
    return await use({ bucket: 'one', endpoint, insecure: true, credentials, transport: {} }, seen)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

interface Listed {
  readonly key: string
  readonly size?: number
}
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const listing = (objects: readonly Listed[], more = ''): string =>
  `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>one</Name><Prefix/>${objects
    .map(
      ({ key, size = 1 }) =>
        `<Contents><Key>${escape(key)}</Key><ETag>&quot;${md5(key)}&quot;</ETag><Size>${size}</Size></Contents>`,
    )
    .join('')}<IsTruncated>false</IsTruncated>${more}</ListBucketResult>`
const serve =
  (
    objects: readonly Listed[],
    object: (response: ServerResponse, request: IncomingMessage) => void = (response) => response.end('x'),
  ) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url?.startsWith('/one/?') === true) response.end(listing(objects))
    else object(response, request)
  }

describe('a bucket that means no good', () => {
  it('cannot name files outside of the artifact, twice, or as a directory too', async () => {
    const names = [
      '../x',
      'a/../../x',
      'a/../b',
      '/etc/passwd',
      'a\\..\\x',
      'C:/x',
      'a\0b',
      'a\nb',
      './..',
      'x/.git/config',
      'a/GIT~1/x',
      'd'.repeat(4097),
    ]
    for (const key of names) {
      await withServer(serve([{ key }, { key: 'good' }]), async (options, seen) => {
        const error = await read(options).catch((caught: unknown) => caught)
        assert.ok(isEngineError(error), key)
        assert.equal(error.code, 'bucket-name-refused', key)
        assert.equal(error.reason, 'BucketOperationFailed')
        // Refused before anything is downloaded; hidden, it does no harm.
        assert.deepEqual(
          seen.filter((line) => !line.includes('list-type')),
          [],
        )
        if (/[\n\0]/.test(key)) return
        assert.deepEqual((await read(options, { ignore: '/*\n!/good\n' })).paths, ['good'])
      })
    }
    for (const keys of [
      ['a//b', 'a/b'],
      ['a', 'a/b'],
      ['a/b', 'a/b/c/d'],
      ['./x', 'x'],
    ])
      await withServer(serve(keys.map((key) => ({ key }))), async (options) => {
        await assert.rejects(read(options), { code: 'bucket-name-refused' })
      })
  })

  it('cannot send more than it says or more than the limits', async () => {
    const endless = (response: ServerResponse): void => {
      const block = Buffer.alloc(1 << 16)
      const more = (): void =>
        void (response.destroyed || (response.write(block) ? setImmediate(more) : response.once('drain', more)))
      more()
    }
    await withServer(serve([{ key: 'a' }], endless), async (options) => {
      await assert.rejects(read(options), { code: 'bucket-object-too-large' })
    })
    await withServer(
      (_, response) => endless(response),
      async (options) => {
        await assert.rejects(read(options, {}, { maxPageBytes: 1 << 20 }), { code: 'bucket-object-too-large' })
      },
    )
    // Together they have more than the limit, whatever the listing says of each.
    const five = Array.from({ length: 5 }, (_, i) => ({ key: `k${i}`, size: 1 }))
    await withServer(
      serve(five, (response) => response.end(Buffer.alloc(1000))),
      async (options) => {
        await assert.rejects(read(options, {}, { maxTotalBytes: 4500 }), /more than/)
      },
    )
    // A listing that never ends.
    let page = 0
    await withServer(
      (_, response) => {
        const objects = Array.from({ length: 1000 }, (_, i) => ({ key: `p${page}/${i}` }))
        response.end(
          listing(objects).replace(
            '<IsTruncated>false',
            `<NextContinuationToken>${page++}</NextContinuationToken><IsTruncated>true`,
          ),
        )
      },
      async (options) => {
        await assert.rejects(read(options, {}, { maxListed: 5000 }), { code: 'bucket-too-many-objects' })
        assert.equal(page, 6)
      },
    )
    await withServer(
      (_, response) =>
        response.end(
          listing([{ key: 'a' }]).replace(
            '<IsTruncated>false',
            '<NextContinuationToken>same</NextContinuationToken><IsTruncated>true',
          ),
        ),
      async (options) => {
        await assert.rejects(read(options), { code: 'bucket-list-invalid' })
      },
    )
  })

  it('cannot lead anywhere else, and no credential leaves', async () => {
    const other: (string | undefined)[] = []
    await withServer(
      (request, response) => {
        other.push(request.headers.authorization)
        response.end(listing([]))
      },
      async ({ endpoint }) => {
        for (const target of [
          `http://${endpoint.replace('127.0.0.1', 'localhost')}/one/?`,
          'http://169.254.169.254/latest/',
        ]) {
          for (const status of [301, 302, 307]) {
            await withServer(
              (_, response) => response.writeHead(status, { location: target }).end(),
              async (options) => {
                const error = await read(options).catch((caught: unknown) => caught)
                assert.ok(isEngineError(error))
                assert.equal(error.code, 'redirect-refused')
                assert.ok(!JSON.stringify(error).includes('c4n4ry'))
              },
            )
          }
        }
      },
    )
    assert.deepEqual(other, [])
  })

  it('that is a private address is refused unless it is allowed', async () => {
    const guarded: BucketDeps = { ...deps(), egress: {} }
    for (const endpoint of [
      '127.0.0.1:9000',
      '169.254.169.254',
      '10.0.0.1',
      'localhost:9000',
      '[::1]:9000',
      'minio.minio.svc:9000',
    ]) {
      const client = createS3Client(guarded, { bucket: 'one', endpoint, transport: {}, insecure: true })
      await assert.rejects(listBucket(guarded, client, query('one')), { code: 'egress-refused' })
    }
  })

  it('that is slow ends with the deadline', async () => {
    // Its time ends while the answer comes, however long the request took.
    const time = new AbortController()
    await withServer(
      (_, response) => response.writeHead(200).write('<', () => setTimeout(() => time.abort(), 300)),
      async (options) => {
        const client = createS3Client(deps(), options)
        await assert.rejects(listBucket(deps(), client, { bucket: 'one', signal: time.signal }), {
          disposition: 'retry',
          reason: 'BucketOperationFailed',
          message: /did not end in time/,
        })
      },
    )
  })

  it('that is busy or broken is asked again, as it says', async () => {
    for (const [status, headers] of [
      [429, { 'retry-after': '2' }],
      [503, {}],
      [500, {}],
    ] as const) {
      let failures = 2
      await withServer(
        (request, response) => {
          if (failures-- > 0) response.writeHead(status, headers).end('<Error><Code>SlowDown</Code></Error>')
          else serve([{ key: 'a' }])(request, response)
        },
        async (options) => {
          slept.length = 0
          assert.deepEqual((await read(options)).paths, ['a'])
          assert.deepEqual(slept, status === 429 ? [2000, 2000] : [200, 400])
        },
      )
    }
    await withServer(
      (_, response) => response.writeHead(503).end(),
      async (options) => {
        await assert.rejects(read(options), { disposition: 'retry', reason: 'BucketOperationFailed' })
      },
    )
    // A body that breaks off is fetched again, and never taken for the whole.
    let cuts = 1
    await withServer(
      serve([{ key: 'a', size: 4 }], (response) => {
        if (cuts-- <= 0) return void response.end('full')
        response.writeHead(200, { 'content-length': 4 }).write('fu', () => response.destroy())
      }),
      async (options) => {
        assert.equal(readText((await read(options)).files, 'a'), 'full')
      },
    )
  })

  it('that changes meanwhile counts as it was fetched', async () => {
    await withServer(
      serve([{ key: 'a' }, { key: 'gone' }], (response, request) => {
        if (request.url === '/one/gone')
          return void response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
        response.writeHead(200, { etag: '"newer"' }).end('x')
      }),
      async (options) => {
        const found = await read(options)
        assert.notEqual(found.revision, found.index.revision)
        assert.equal(found.revision, `sha256:${sha256('a newer\n')}`)
        assert.deepEqual([found.paths, found.count], [['a'], 1])
      },
    )
  })

  it('that speaks only the first version of listing, or no S3 at all', async () => {
    const marks: (string | null)[] = []
    await withServer(
      (request, response) => {
        if (request.url?.startsWith('/one/?') !== true) return void response.end('x')
        const marker = new URL(request.url, 'http://x').searchParams.get('marker')
        marks.push(marker)
        const text =
          marker === null
            ? listing([{ key: 'a' }]).replace('<IsTruncated>false', '<IsTruncated>true')
            : listing([{ key: 'b' }])
        response.end(text)
      },
      async (options) => {
        assert.deepEqual((await read(options)).paths, ['a', 'b'])
        assert.deepEqual(marks, [null, 'a'])
      },
    )
    await withServer(
      (_, response) => response.end('<html>hello</html>'),
      async (options) => {
        await assert.rejects(read(options), { code: 'bucket-list-invalid' })
      },
    )
  })
})
