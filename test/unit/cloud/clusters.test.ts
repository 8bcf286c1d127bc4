import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { createCloudLogins, createClusterAccess } from '../../../src/cloud/index.ts'
import type { ClusterAccessRequest } from '../../../src/ports/index.ts'
import { cloudNames, fakeCluster, startCloudFakes, type CloudFakes } from '../../support/cloud-fakes.ts'
import { signingKey } from '../../support/signed-requests.ts'

let fakes: CloudFakes
before(async () => {
  fakes = await startCloudFakes()
})
after(() => fakes.close())

const clock = { now: () => Date.now(), sleep: () => Promise.resolve() }
const access = (request: Omit<ClusterAccessRequest, 'signal'>) => {
  const logins = createCloudLogins({
    http: fakes.http,
    egress: { allowPrivate: true },
    clock,
    read: (name) => fakes.settings[name],
  })
  return createClusterAccess(logins)[request.provider]({ ...request, signal: AbortSignal.timeout(10_000) })
}
const clusters = [
  { provider: 'aws', cluster: cloudNames.eks },
  { provider: 'gcp', cluster: cloudNames.gke },
  { provider: 'azure', cluster: cloudNames.aks },
] as const

describe('access to managed clusters', () => {
  for (const request of clusters) {
    it(`${request.provider}: address and authority are the cloud's, or the ConfigMap's`, async () => {
      const told = await access(request)
      assert.match(told.server, /^https:\/\/production\.example\.com(?::443)?$/)
      assert.equal(told.ca, fakeCluster.ca)
      assert.ok(told.expiresAt > Date.now() + 600_000)
      const before = fakes.requests.length
      const ca = fakeCluster.ca.replace('MIIB', 'MIIC')
      const given = await access({ ...request, address: 'https://other.example.com:8443', ca })
      assert.deepEqual([given.server, given.ca], ['https://other.example.com:8443', ca])
      const asked = fakes.requests.slice(before).map(({ host }) => host)
      assert.ok(
        asked.every((host) => !/^(?:eks|container|management)\./.test(host)),
        asked.join(),
      )
    })
  }

  it('tokens are those of the login; for EKS a signed question to STS', async () => {
    assert.equal((await access(clusters[1])).token, fakes.tokens.gcp)
    assert.equal((await access(clusters[2])).token, fakes.tokens.aks)
    const { token } = await access(clusters[0])
    assert.match(token, /^k8s-aws-v1\.[\w-]+$/)
    const url = new URL(Buffer.from(token.slice('k8s-aws-v1.'.length), 'base64url').toString())
    assert.equal(url.origin, 'https://sts.eu-west-1.amazonaws.com')
    const { searchParams } = url
    assert.equal(searchParams.get('Action'), 'GetCallerIdentity')
    assert.equal(searchParams.get('X-Amz-Expires'), '900')
    assert.equal(searchParams.get('X-Amz-SignedHeaders'), 'host;x-k8s-aws-id')
    const time = searchParams.get('X-Amz-Date') ?? ''
    const scope = [time.slice(0, 8), 'eu-west-1', 'sts']
    assert.equal(
      searchParams.get('X-Amz-Credential'),
      `${fakes.settings['AWS_ACCESS_KEY_ID']}/${scope.join('/')}/aws4_request`,
    )
    const query = url.search
      .slice(1)
      .split('&')
      .filter((part) => !part.startsWith('X-Amz-Signature='))
      .sort()
      .join('&')
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex')
    const canonical = `GET\n/\n${query}\nhost:${url.host}\nx-k8s-aws-id:production\n\nhost;x-k8s-aws-id\n${hash('')}`
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope.join('/')}/aws4_request\n${hash(canonical)}`
    const key = signingKey(fakes.settings['AWS_SECRET_ACCESS_KEY'] ?? '', scope)
    assert.equal(searchParams.get('X-Amz-Signature'), createHmac('sha256', key).update(text).digest('hex'))
  })

  it('azure: of several addresses the one that is asked for', async () => {
    const found = await access({ ...clusters[2], address: 'private.example.com' })
    assert.deepEqual([found.server, found.ca], ['https://private.example.com', fakeCluster.ca])
    await assert.rejects(access({ ...clusters[2], address: 'none.example.com' }), /no kubeconfig of the cluster/)
  })

  it('names of clusters are checked before anything is asked', async () => {
    const before = fakes.requests.length
    for (const { provider } of clusters) {
      for (const cluster of [
        '',
        'x',
        '../../x',
        'arn:aws:eks:evil.example/#:1:cluster/x',
        `${cloudNames.gke}/../x`,
        `${cloudNames.aks}/x`,
        `${cloudNames.eks}?x`,
      ])
        await assert.rejects(access({ provider, cluster }), {
          code: 'cloud-login-failed',
          message: /'cluster' must be/,
        })
    }
    assert.equal(fakes.requests.length, before)
  })
})
