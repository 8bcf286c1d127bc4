import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { createCloudLogins, createClusterAccess } from '../../../src/cloud/index.ts'
import { createCloudTransport, type ManagedCluster } from '../../../src/identity/index.ts'
import { createNodeKubeTransport } from '../../../src/platforms/node/kube-transport.ts'
import type { KubeTransport } from '../../../src/ports/index.ts'
import { cloudNames, fakeCluster, startCloudFakes, type CloudFakes } from '../../support/cloud-fakes.ts'
import { listen } from '../../support/signed-requests.ts'

let fakes: CloudFakes
let apiServer: Server
let address = ''
const received: IncomingHttpHeaders[] = []
before(async () => {
  fakes = await startCloudFakes()
  apiServer = createServer((request, response) => {
    received.push(request.headers)
    response.end('{}')
  })
  address = await listen(apiServer)
})
after(async () => {
  await fakes.close()
  apiServer.closeAllConnections()
  await new Promise((resolve) => apiServer.close(resolve))
})

interface Made {
  readonly transport: KubeTransport
  /** What was opened, as the cloud or the configuration said. */
  readonly places: { server: string; ca?: string }[]
  readonly forward: (ms: number) => void
}

function make(managed: Omit<ManagedCluster, 'name'>, settings = fakes.settings): Made {
  let offset = 0
  const clock = { now: () => Date.now() + offset, sleep: () => Promise.resolve() }
  const logins = createCloudLogins({
    http: fakes.http,
    egress: { allowPrivate: true },
    clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
    read: (name) => settings[name],
  })
  const places: Made['places'] = []
  const transport = createCloudTransport(
    { name: 'prod', ...managed },
    {
      access: createClusterAccess(logins),
      clock,
      open: (place) => {
        places.push(place)
        return createNodeKubeTransport({ cluster: 'prod', server: address })
      },
    },
  )
  return { transport, places, forward: (ms) => void (offset += ms) }
}

const ask = (transport: KubeTransport, as?: { user: string }): Promise<{ status: number }> =>
  transport.send({
    method: 'GET',
    path: '/version',
    ...(as === undefined ? {} : { as }),
    signal: AbortSignal.timeout(10_000),
  })

const managed = [
  { provider: 'aws', cluster: cloudNames.eks, token: /^Bearer k8s-aws-v1\.[\w-]+$/ },
  { provider: 'gcp', cluster: cloudNames.gke, token: () => fakes.tokens.gcp },
  { provider: 'azure', cluster: cloudNames.aks, token: () => fakes.tokens.aks },
] as const

describe("the deployment's own identity at a cloud", () => {
  for (const { provider, cluster, token } of managed) {
    it(`${provider}: address and authority from signed requests, then only tokens`, async () => {
      const { transport, places, forward } = make({ provider, cluster })
      const before = fakes.requests.length
      assert.equal((await ask(transport)).status, 200)
      const sent = received.at(-1)?.authorization ?? ''
      if (token instanceof RegExp) assert.match(sent, token)
      else assert.equal(sent, `Bearer ${token()}`)
      assert.equal(places.length, 1)
      assert.match(places[0]?.server ?? '', /^https:\/\/production\.example\.com/)
      assert.equal(places[0]?.ca, fakeCluster.ca)
      assert.ok(fakes.requests.length > before)
      const described = fakes.requests.length
      await ask(transport, { user: 'system:serviceaccount:apps:team' })
      assert.equal(received.at(-1)?.['impersonate-user'], 'system:serviceaccount:apps:team')
      assert.equal(fakes.requests.length, described, 'nothing is asked again')
      // A token that ends is replaced without asking where the cluster is; after an hour that is asked too.
      const isDescribing = ({ host }: { host: string }): boolean => /^(?:eks|container|management)\./.test(host)
      forward(56 * 60_000)
      await ask(transport)
      assert.equal(fakes.requests.slice(described).filter(isDescribing).length, 0)
      forward(5 * 60_000)
      await ask(transport)
      assert.ok(fakes.requests.slice(described).some(isDescribing))
      assert.equal(places.length, 1, 'the address is the same, and so is the connection')
    })

    it(`${provider}: a server that is given needs no description, and the system's authorities without a ca`, async () => {
      const { transport, places } = make({ provider, cluster, server: 'https://dns.example.com' })
      const before = fakes.requests.length
      await ask(transport)
      assert.deepEqual(places, [{ server: 'https://dns.example.com' }])
      const asked = fakes.requests.slice(before).map(({ host }) => host)
      assert.ok(!asked.some((host) => /^(?:eks|container|management)\./.test(host)), asked.join())
    })
  }

  it('a login that fails names the cluster, and nothing secret', async () => {
    const settings = { ...fakes.settings, AWS_SECRET_ACCESS_KEY: 'not-the-secret-of-this-account' }
    const { transport } = make({ provider: 'aws', cluster: cloudNames.eks }, settings)
    await assert.rejects(ask(transport), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'cluster-login-failed')
      assert.match(error.message, /cluster 'prod': the login at aws failed/)
      assert.ok(!error.message.includes('not-the-secret'))
      return true
    })
  })
})
