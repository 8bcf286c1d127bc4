import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { loadConfig } from '../../functions/config.ts'
import { createDeploymentLogins, createLoginMemory } from '../../functions/deployment-logins.ts'
import { connectFromNode } from '../../functions/node/transport.ts'
import { toEngineError } from '../../src/base/index.ts'
import { makeCertificates, type TestCertificates } from '../support/certificates.ts'
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts'
import { accessHeaders, startGateway, type Gateway } from '../support/gateway.ts'
import { createMemoryLogger, createMemoryState, systemClock, systemRandom } from '../support/memory-ports.ts'
import { bundleWorker } from '../support/worker-bundle.ts'

let plane: ControlPlane
let gateway: Gateway
let certificates: TestCertificates
let directory = ''
before(async () => {
  certificates = makeCertificates()
  directory = await mkdtemp(join(tmpdir(), 'sluice-reach-'))
  const caFile = join(directory, 'client-ca.pem')
  await writeFile(caFile, certificates.ca)
  plane = await startControlPlane({ controllerManager: false, apiServerFlags: [`--client-ca-file=${caFile}`] })
  gateway = await startGateway(plane, certificates)
})
after(async () => {
  await gateway.close()
  await plane.stop()
  await rm(directory, { recursive: true, force: true })
})

type Secrets = { readonly [name: string]: string }

/** Who the API server says we are, through what a deployment on Node opens for a cluster of its configuration. */
async function whoFromNode(cluster: object, secrets: Secrets = {}): Promise<string> {
  const env: Secrets = { ...secrets, CLUSTERS: JSON.stringify([{ name: 'production', ...cluster }]) }
  const read = (name: string): string | undefined => env[name]
  const config = loadConfig(read)
  const [configured] = config.clusters
  assert.ok(configured)
  const logins = createDeploymentLogins({
    config,
    read,
    state: createMemoryState(),
    http: { send: () => Promise.reject(new Error('no request is expected')) },
    memory: createLoginMemory(),
    clock: systemClock,
    random: systemRandom,
    logger: createMemoryLogger(),
  })
  const transport = (await connectFromNode(configured, read, logins)) as Awaited<ReturnType<typeof connectFromNode>> & {
    close(): void
  }
  try {
    const answer = await transport.send({ ...whoAmI, signal: AbortSignal.timeout(20_000) })
    return nameIn(answer.status, await answer.text())
  } finally {
    transport.close()
  }
}

const whoAmI = {
  method: 'POST',
  path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }),
} as const

function nameIn(status: number, text: string): string {
  if (status >= 300) return `status ${status}`
  return (JSON.parse(text) as { status: { userInfo: { username: string } } }).status.userInfo.username
}

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => toEngineError(error).message,
  )

describe('a client certificate', () => {
  const secrets = (): Secrets => ({ CERT: certificates.client.cert, KEY: certificates.client.key })
  const names = { clientCertSecret: 'CERT', clientKeySecret: 'KEY' }

  it('is who the deployment is', async () => {
    assert.equal(await whoFromNode({ server: plane.server, ca: plane.caPem, ...names }, secrets()), 'client')
  })
  it('of an authority that the API server does not know is nobody', async () => {
    const { cert, key } = makeCertificates().client
    const said = await messageOf(
      whoFromNode({ server: plane.server, ca: plane.caPem, ...names }, { CERT: cert, KEY: key }).then((who) => {
        throw new Error(who)
      }),
    )
    assert.match(said, /status 401|system:anonymous|alert/)
  })
  it('goes before a token, which is why it is refused beside an identity', async () => {
    const both = { server: plane.server, ca: plane.caPem, ...names, tokenSecret: 'TOKEN' }
    assert.equal(await whoFromNode(both, { ...secrets(), TOKEN: plane.token }), 'client')
    const identity = { kind: 'oidc' }
    const issuer = { ISSUER_KEY: 'a secret of more than thirty-two characters', SETTINGS: '{"publicUrl": "https://x"}' }
    const said = await messageOf(
      whoFromNode({ server: plane.server, ca: plane.caPem, ...names, identity }, { ...secrets(), ...issuer }),
    )
    assert.match(said, /clientCertSecret.*would act as the certificate/)
  })
})

describe('the name in the certificate', () => {
  const token = (): Secrets => ({ TOKEN: plane.token })
  const cluster = () => ({ server: plane.server, ca: plane.caPem, tokenSecret: 'TOKEN' })
  it('may be another one than the address, where serverName says so', async () => {
    assert.equal(await whoFromNode({ ...cluster(), serverName: 'kubernetes.default.svc' }, token()), 'admin')
  })
  it('must be right', async () => {
    const said = await messageOf(whoFromNode({ ...cluster(), serverName: 'elsewhere.example' }, token()))
    assert.match(said, /production.*cannot be reached.*elsewhere\.example/)
  })
  it('an authority that is not trusted is an error that says so', async () => {
    assert.match(
      await messageOf(whoFromNode({ ...cluster(), ca: certificates.ca }, token())),
      /cannot be reached.*certificate/,
    )
  })
})

describe('a gateway with a path and headers of its own', () => {
  const cluster = () => ({ server: gateway.url, ca: certificates.ca, tokenSecret: 'TOKEN', headersSecret: 'GATE' })
  const secrets = (headers: object = accessHeaders): Secrets => ({ TOKEN: plane.token, GATE: JSON.stringify(headers) })

  it('lets in who brings them, from Node', async () => {
    assert.equal(await whoFromNode(cluster(), secrets()), 'admin')
    assert.equal(gateway.passed.at(-1), `/clusters/production${whoAmI.path}`)
  })
  it('and nobody else', async () => {
    const before = gateway.refused.length
    assert.equal(
      await whoFromNode(cluster(), secrets({ ...accessHeaders, 'CF-Access-Client-Secret': 'x' })),
      'status 403',
    )
    assert.equal(gateway.refused.length, before + 1)
  })

  it('lets in who brings them, from workerd through a service binding', async () => {
    const answer = await fromWorkerd({ binding: 'GATEWAY', ...cluster() }, secrets(), whoAmI)
    assert.equal(nameIn(answer.status, answer.text), 'admin')
    assert.equal(gateway.passed.at(-1), `/clusters/production${whoAmI.path}`)
  })
  it('and from workerd nobody else; what a worker cannot do is said', async () => {
    const refused = await fromWorkerd({ binding: 'GATEWAY', ...cluster() }, secrets({ 'X-Other': 'x' }), whoAmI)
    assert.equal(refused.status, 403)
    const certificate = { server: plane.server, clientCertSecret: 'CERT', clientKeySecret: 'KEY' }
    const said = await fromWorkerd(certificate, { CERT: certificates.client.cert, KEY: 'x' }, whoAmI)
    assert.match(said.text, /production.*a client certificate belongs to/)
    const cloud = { identity: { kind: 'aws', cluster: 'arn:aws:eks:eu-west-1:123456789012:cluster/production' } }
    assert.match((await fromWorkerd(cloud, {}, whoAmI)).text, /production.*give binding, or server/)
    assert.match(
      (await fromWorkerd({ ...cluster(), binding: 'NONE' }, secrets(), whoAmI)).text,
      /there is no binding NONE/,
    )
  })
})

/** The same through what a worker opens: a binding that trusts the gateway's authority, as a VPC service does. */
async function fromWorkerd(
  cluster: object,
  secrets: Secrets,
  request: typeof whoAmI,
): Promise<{ readonly status: number; readonly text: string }> {
  const at = (path: string): string => JSON.stringify(new URL(`../../${path}`, import.meta.url).pathname)
  const contents = await bundleWorker(`
    import { connectFromWorker, createBindingReader } from ${at('functions/cloudflare/env.ts')}
    import { loadConfig } from ${at('functions/config.ts')}
    import { createDeploymentLogins, createLoginMemory } from ${at('functions/deployment-logins.ts')}
    import { workerClock as clock } from ${at('src/platforms/cloudflare/clock.ts')}
    export default {
      async fetch(_request, env) {
        try {
          const read = createBindingReader(env)
          const config = loadConfig(read)
          const logins = createDeploymentLogins({ config, read, memory: createLoginMemory(), clock, http: {}, state: {}, random: {}, logger: {} })
          const transport = connectFromWorker(config.clusters[0], env, logins)
          const answer = await transport.send({ ...JSON.parse(env.ASK), signal: AbortSignal.timeout(10000) })
          return new Response(await answer.text(), { status: answer.status })
        } catch (error) {
          return new Response(String(error.message), { status: 500 })
        }
      },
    }`)
  const bindings = {
    ...secrets,
    ASK: JSON.stringify(request),
    CLUSTERS: JSON.stringify([{ name: 'production', ...cluster }]),
  }
  const trusting = { network: { allow: ['public', 'private'], tlsOptions: { trustedCertificates: [certificates.ca] } } }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      host: '127.0.0.1',
      port: 0,
      workers: [
        {
          name: 'asks',
          modules: [{ type: 'ESModule', path: 'worker.js', contents }],
          compatibilityDate: '2026-10-20',
          compatibilityFlags: ['nodejs_compat'],
          bindings,
          serviceBindings: { GATEWAY: trusting },
        },
      ],
    }),
  )
  try {
    const response = await fetch((await miniflare.ready).origin)
    return { status: response.status, text: await response.text() }
  } finally {
    await miniflare.dispose()
  }
}
