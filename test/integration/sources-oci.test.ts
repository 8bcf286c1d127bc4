import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createNodeHttpClient, type NodeHttpClient } from '../../src/platforms/node/http.ts'
import {
  chartLayerType,
  defaultOciLimits,
  fetchOci,
  fetchOciChart,
  parseOciUrl,
  registryLogin,
  resolveOci,
  type OciDeps,
  type RegistryOptions,
} from '../../src/sources/index.ts'
import { makeChart } from '../support/chart-server.ts'
import { listPaths, readText } from '../support/git-sources.ts'
import { TestRegistry } from '../support/registry.ts'
import { makeTgz } from '../support/tar.ts'

let registry: TestRegistry | undefined
let http: NodeHttpClient
const deps = (limits: Partial<OciDeps['limits']> = {}): OciDeps => ({
  http,
  clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
  egress: { allowPrivate: true },
  limits: { ...defaultOciLimits, ...limits },
})
const at = (repository: string, host = registry?.host ?? ''): RegistryOptions => ({
  name: parseOciUrl(`oci://${host}/${repository}`),
  insecure: true,
  signal: AbortSignal.timeout(10_000),
})
const flux = 'application/vnd.cncf.flux.content.v1.tar+gzip'
const layer = (files: { readonly [path: string]: string }, mediaType = flux) => ({
  mediaType,
  bytes: makeTgz(Object.entries(files).map(([name, content]) => ({ name, content }))),
})

before(async () => {
  http = createNodeHttpClient({ egress: { allowPrivate: true } })
  registry = await TestRegistry.start()
})
after(async () => {
  http.close()
  await registry?.close()
})

/** The registry, or a skipped test where it cannot be built. */
function use(t: { skip(message: string): void }): TestRegistry | undefined {
  if (registry === undefined) t.skip('no Go here to build the registry with')
  return registry
}

describe('an artifact in a registry', () => {
  it('is named by tag, digest and version, with their precedence', async (t) => {
    const real = use(t)
    if (real === undefined) return
    const digests: { [tag: string]: string } = {}
    for (const tag of ['latest', '1.0.0', '1.2.0', '2.0.0-rc.1', '1.3', 'prod-1.9.0', '1.1.0-arm'])
      digests[tag] = await real.push('refs', tag, [layer({ 'a.yaml': tag })])
    const rows = [
      { ref: {}, want: 'latest' },
      { ref: { tag: '1.0.0' }, want: '1.0.0' },
      { ref: { tag: '1.0.0', semver: '1.x' }, want: '1.2.0' },
      { ref: { semver: '>=1.0.0-0' }, want: '2.0.0-rc.1' },
      { ref: { semver: '>=1.0.0-0', semverFilter: '.*-arm$' }, want: '1.1.0-arm' },
    ]
    for (const { ref, want } of rows) {
      const found = await resolveOci(deps(), { ...at('refs'), ref })
      assert.equal(found.revision, `${want}@${digests[want]}`)
    }
    const digest = digests['1.0.0'] ?? ''
    assert.deepEqual(await resolveOci(deps(), { ...at('refs'), ref: { digest, semver: '1.x' } }), {
      revision: digest,
      digest,
    })
    for (const ref of [{ semver: '>=9' }, { semver: 'odd' }, { semver: '*', semverFilter: '(' }])
      await assert.rejects(resolveOci(deps(), { ...at('refs'), ref }), { reason: 'ReadOperationFailed' })
    await assert.rejects(resolveOci(deps(), { ...at('refs'), ref: { tag: 'none' } }), {
      reason: 'OCIArtifactPullFailed',
    })
    await assert.rejects(resolveOci(deps(), { ...at('refs'), ref: { tag: '../x' } }), { reason: 'URLInvalid' })
    await assert.rejects(resolveOci(deps(), { ...at('refs'), ref: { digest: 'sha256:x' } }), { reason: 'URLInvalid' })
    await assert.rejects(resolveOci(deps({ maxTags: 3 }), { ...at('refs'), ref: { semver: '*' } }), {
      code: 'oci-too-many-tags',
    })
  })

  it('gives the files of its layer without ignored ones and links, and its annotations', async (t) => {
    const real = use(t)
    if (real === undefined) return
    const files = makeTgz([
      { name: './deploy/a.yaml', content: 'a' },
      { name: 'deploy/b.txt', content: 'b' },
      { name: 'picture.png', content: 'p' },
      { name: '.sourceignore', content: '*.txt\n' },
      { name: 'link', type: '2' },
    ])
    const annotations = {
      'org.opencontainers.image.revision': 'main@sha1:1',
      'org.opencontainers.image.source': 'https://git.example',
    }
    const digest = await real.push('files', 'one', [{ mediaType: flux, bytes: files }], { annotations })
    const content = await fetchOci(deps(), at('files'), digest)
    assert.deepEqual(content.metadata, annotations)
    assert.ok(content.files)
    assert.deepEqual(listPaths(content.files), ['.sourceignore', 'deploy/a.yaml', 'picture.png'])
    assert.equal(readText(content.files, 'deploy/a.yaml'), 'a')
    const copied = await fetchOci(deps(), { ...at('files'), layerSelector: { operation: 'copy' } }, digest)
    assert.deepEqual(copied.bytes, files)
    const other = await fetchOci(deps(), { ...at('files'), ignore: '*.yaml' }, digest)
    assert.ok(other.files)
    assert.deepEqual(listPaths(other.files), ['.sourceignore', 'picture.png'])
  })

  it('of several layers is the one of the media type, and of several platforms linux/amd64', async (t) => {
    const real = use(t)
    if (real === undefined) return
    const digest = await real.push('many', 'one', [
      layer({ a: 'first' }),
      layer({ a: 'second' }, 'application/x.other'),
    ])
    const pick = async (mediaType?: string) => {
      const { files } = await fetchOci(
        deps(),
        { ...at('many'), layerSelector: mediaType === undefined ? {} : { mediaType } },
        digest,
      )
      return files === undefined ? '' : readText(files, 'a')
    }
    assert.equal(await pick(), 'first')
    assert.equal(await pick('application/x.other'), 'second')
    await assert.rejects(pick('application/x.none'), {
      reason: 'OCIArtifactLayerOperationFailed',
      message: /it has .*flux/,
    })
    const arm = await real.push('many', 'arm', [layer({ a: 'arm' })])
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const index = await real.pushManifest('many', 'multi', {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: await Promise.all([
        describe2(real, 'many', arm, mediaType, 'arm64'),
        describe2(real, 'many', digest, mediaType, 'amd64'),
      ]),
    } as { mediaType: string })
    const found = await resolveOci(deps(), { ...at('many'), ref: { tag: 'multi' } })
    assert.equal(found.digest, index)
    const { files } = await fetchOci(deps(), at('many'), index)
    assert.equal(files === undefined ? '' : readText(files, 'a'), 'first')
  })

  it('is refused when it is damaged, dangerous or too large', async (t) => {
    const real = use(t)
    if (real === undefined) return
    const push = (name: string, bytes: Uint8Array) => real.push('bad', name, [{ mediaType: flux, bytes }])
    const escape = await push('escape', makeTgz([{ name: '../../etc/passwd', content: 'x' }]))
    await assert.rejects(fetchOci(deps(), at('bad'), escape), {
      code: 'unsafe-path',
      reason: 'OCIArtifactLayerOperationFailed',
    })
    const absolute = await push('absolute', makeTgz([{ name: '/etc/passwd', content: 'x' }]))
    await assert.rejects(fetchOci(deps(), at('bad'), absolute), { code: 'unsafe-path' })
    const garbage = await push('garbage', new TextEncoder().encode('no gzip'))
    await assert.rejects(fetchOci(deps(), at('bad'), garbage), { code: 'archive-invalid' })
    const truncated = await push('truncated', makeTgz([{ name: 'a', content: 'x', size: 100_000 }]))
    await assert.rejects(fetchOci(deps(), at('bad'), truncated), { code: 'archive-invalid' })
    const bomb = await push('bomb', makeTgz([{ name: 'a', content: new Uint8Array(8 << 20) }]))
    await assert.rejects(fetchOci(deps({ maxExtractedBytes: 1 << 20 }), at('bad'), bomb), { code: 'archive-too-large' })
    await assert.rejects(fetchOci(deps({ maxLayerBytes: 100 }), at('bad'), bomb), { code: 'oci-layer-too-large' })
    await assert.rejects(fetchOci(deps({ maxManifestBytes: 10 }), at('bad'), bomb), { code: 'response-too-large' })
    await assert.rejects(fetchOci(deps(), { ...at('bad'), insecure: false }, bomb), { disposition: 'retry' })
  })

  it('is a chart by its layer', async (t) => {
    const real = use(t)
    if (real === undefined) return
    const chart = makeChart('web', '1.0.0')
    await real.push('charts/web', '1.0.0_build', [{ mediaType: chartLayerType, bytes: chart }])
    const found = await fetchOciChart(deps(), at('charts/web'), '1.0.0_build')
    assert.deepEqual(found.bytes, chart)
    const resolved = await resolveOci(deps(), {
      ...at('charts/web'),
      ref: { semver: '1.x' },
      layerSelector: { mediaType: chartLayerType },
    })
    assert.match(resolved.revision, /^1\.0\.0_build@sha256:/)
    await real.push('plain', 'one', [layer({ a: 'b' })])
    await assert.rejects(fetchOciChart(deps(), at('plain'), 'one'), { code: 'oci-no-chart' })
  })
})

async function describe2(
  real: TestRegistry,
  repository: string,
  digest: string,
  mediaType: string,
  architecture: string,
) {
  const response = await fetch(`http://${real.host}/v2/${repository}/manifests/${digest}`, {
    headers: { accept: mediaType },
  })
  return { mediaType, digest, size: (await response.arrayBuffer()).byteLength, platform: { os: 'linux', architecture } }
}

/** A registry that asks for tokens, changes what it sends, or pages its tags: what the real one does only in other set-ups. */
async function oddRegistry(
  answer: (url: URL, authorization: string) => { status: number; headers?: { [name: string]: string }; body?: string },
): Promise<{ host: string; server: Server; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
    seen.push(`${request.headers.authorization ?? '-'} ${url.pathname}${url.search}`)
    const { status, headers, body } = answer(url, request.headers.authorization ?? '')
    response.writeHead(status, headers).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, server, seen }
}

describe('logging in at a registry', () => {
  it('takes a token from the service that the registry names, with the login of the pull secret', async () => {
    const odd = await oddRegistry((url, authorization) => {
      if (url.pathname === '/token')
        return authorization === `Basic ${btoa('u:p')}` && url.searchParams.get('scope') === 'repository:team/app:pull'
          ? { status: 200, body: '{"token":"t0k"}' }
          : { status: 401 }
      if (authorization !== 'Bearer t0k')
        return {
          status: 401,
          headers: {
            'www-authenticate': `Bearer realm="http://${url.host}/token",service="odd",scope="repository:team/app:pull"`,
          },
        }
      return { status: 200, headers: { 'docker-content-digest': `sha256:${'a'.repeat(64)}` } }
    })
    const secret = (auth: object) => ({ '.dockerconfigjson': JSON.stringify({ auths: { [odd.host]: auth } }) })
    const name = parseOciUrl(`oci://${odd.host}/team/app`)
    const login = registryLogin([secret({ auth: btoa('u:p') })], name)
    const found = await resolveOci(deps(), { ...at('team/app', odd.host), login })
    assert.equal(found.revision, `latest@sha256:${'a'.repeat(64)}`)
    const refused = registryLogin([secret({ username: 'u', password: 'hunter2' })], name)
    const error = await resolveOci(deps(), { ...at('team/app', odd.host), login: refused }).catch(
      (caught: unknown) => caught as Error & { reason?: string },
    )
    assert.equal((error as { reason?: string }).reason, 'AuthenticationFailed')
    assert.ok(error instanceof Error)
    assert.doesNotMatch(error.message, /hunter2/)
    await assert.rejects(resolveOci(deps(), at('team/app', odd.host)), { reason: 'AuthenticationFailed' })
    odd.server.close()
    odd.server.closeAllConnections()
  })

  it('never sends the login to where a blob is redirected, and checks what comes', async () => {
    const target = await oddRegistry(() => ({ status: 200, body: 'evil' }))
    const other = target.host.replace('127.0.0.1', 'localhost')
    const odd = await oddRegistry((url, authorization) => {
      if (authorization === '') return { status: 401, headers: { 'www-authenticate': 'Basic realm="odd"' } }
      if (url.pathname.includes('/blobs/')) return { status: 307, headers: { location: `http://${other}/blob` } }
      const body = JSON.stringify({ layers: [{ mediaType: flux, digest: `sha256:${'b'.repeat(64)}`, size: 4 }] })
      return { status: 200, headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }, body }
    })
    const login = { kind: 'basic', username: 'u', password: 'p' } as const
    await assert.rejects(fetchOci(deps(), { ...at('a', odd.host), login }, 'latest'), { code: 'oci-digest-mismatch' })
    assert.deepEqual([...new Set(target.seen)], ['- /blob'])
    await assert.rejects(fetchOci(deps(), { ...at('a', odd.host), login }, `sha256:${'c'.repeat(64)}`), {
      code: 'oci-digest-mismatch',
    })
    for (const { server } of [odd, target]) {
      server.close()
      server.closeAllConnections()
    }
  })

  it('follows the pages of tags', async () => {
    const odd = await oddRegistry((url) => {
      const last = url.searchParams.get('last')
      if (!url.pathname.endsWith('/tags/list'))
        return { status: 200, headers: { 'docker-content-digest': `sha256:${'a'.repeat(64)}` } }
      if (last === null)
        return {
          status: 200,
          headers: { link: '</v2/a/tags/list?n=1000&last=1.0.0>; rel="next"' },
          body: '{"tags":["1.0.0"]}',
        }
      return { status: 200, body: '{"tags":["1.5.0"]}' }
    })
    const found = await resolveOci(deps(), { ...at('a', odd.host), ref: { semver: '1.x' } })
    assert.match(found.revision, /^1\.5\.0@/)
    odd.server.close()
    odd.server.closeAllConnections()
  })
})
