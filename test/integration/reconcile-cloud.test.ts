import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { chartLayerType } from '../../src/sources/index.ts'
import { etagOf, gcsEtag } from '../support/bucket-fakes.ts'
import { Canaries } from '../support/canaries.ts'
import { makeChart } from '../support/chart-server.ts'
import { startCloudFakes, type CloudFakes, type TokenKeys } from '../support/cloud-fakes.ts'
import { makeCertificates } from '../support/certificates.ts'
import { useCluster } from '../support/cluster.ts'
import { startHttpProxy, startTlsFront } from '../support/fronts.ts'
import { GitServer } from '../support/git-server.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { TestRegistry } from '../support/registry.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { makeTgz } from '../support/tar.ts'

const cluster = useCluster()
let registry: TestRegistry | undefined
let git: GitServer
let fakes: CloudFakes
const open: Scenario[] = []
const canaries = new Canaries()
const group = 'source.toolkit.fluxcd.io/v1'
const flux = 'application/vnd.cncf.flux.content.v1.tar+gzip'

before(async () => {
  registry = await TestRegistry.start()
  const keys = (await cluster.client.request('GET', '/openid/v1/jwks', {
    accept: 'application/jwk-set+json',
  })) as TokenKeys | string
  const tokenKeys = typeof keys === 'string' ? (JSON.parse(keys) as TokenKeys) : keys
  git = await GitServer.start()
  await git.create('team/app', { 'a.yaml': 'a: 1\n' })
  fakes = await startCloudFakes({ tokenKeys, registry: registry?.host, git: git.origin })
  for (const [i, value] of fakes.secrets.entries()) canaries.add(`secret ${i}`, value)
  for (const objects of [fakes.aws, fakes.gcs, fakes.azure])
    for (const key of ['app/a.yaml', 'app/b c.yaml', 'z']) objects.set(key, `content of ${key}`)
  const bytes = makeTgz([{ name: 'a.yaml', content: 'a: 1\n' }])
  await registry?.push('team/app', 'latest', [{ mediaType: flux, bytes }])
  await registry?.push('charts/web', '1.0.0', [{ mediaType: chartLayerType, bytes: makeChart('web', '1.0.0') }])
})
after(async () => {
  for (const made of open) {
    for (const line of made.logLines) canaries.see('line of the log', line)
    await canaries.seeState(made.deps.state)
    await made.close()
  }
  await registry?.close()
  await fakes.close()
  await git.close()
  canaries.assertNone(20)
})

/** A deployment with or without credentials of its own, and a service account that each of the clouds trusts. */
async function scenario(settings: { readonly [name: string]: string } = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { f: 'x' }, http: fakes.http, cloudSettings: settings })
  open.push(made)
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: 'reader',
      namespace: made.namespace,
      annotations: {
        'eks.amazonaws.com/role-arn': fakes.names.role,
        'gcp.auth.fluxcd.io/workload-identity-provider': fakes.names.googleProvider,
        'iam.gke.io/gcp-service-account': fakes.names.googleAccount,
        'azure.workload.identity/client-id': fakes.names.clientId,
        'azure.workload.identity/tenant-id': fakes.names.tenantId,
      },
    },
  })
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'stranger', namespace: made.namespace },
  })
  return made
}

let count = 0
/** Makes a source, looks at it once, and answers with it. */
async function look(made: Scenario, kind: string, spec: object): Promise<TestObject> {
  const name = `s${++count}`
  const { namespace } = made
  await made.client.apply({
    apiVersion: group,
    kind,
    metadata: { name, namespace },
    spec: { interval: '10m', ...spec },
  })
  await made.run({ kind: 'trigger', target: { source: { kind, namespace, name } } })
  const object = await made.client.get({ apiVersion: group, kind, namespace, name })
  const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace, name: '' })
  canaries.see(`${kind} ${name}`, JSON.stringify([object, events]))
  return object
}
const ready = (object: TestObject): string => {
  const found = (object['status']?.conditions ?? []).find((one: { type: string }) => one.type === 'Ready')
  return `${found?.status} ${found?.reason} ${found?.message}`
}
const revisionOf = (etag: (content: string) => string): string => {
  const lines = ['app/a.yaml', 'app/b c.yaml', 'z'].map((key) => `${key} ${etag(`content of ${key}`)}\n`)
  return `sha256:${createHash('sha256').update(lines.join('')).digest('hex')}`
}
const revisions = {
  aws: revisionOf(etagOf),
  gcp: revisionOf(gcsEtag),
  azure: revisionOf((content) => `"0x8${etagOf(content)}"`),
}
const buckets: { readonly [provider: string]: object } = {
  aws: { provider: 'aws', bucketName: 'bucket', endpoint: 's3.amazonaws.com', region: 'eu-west-1' },
  gcp: { provider: 'gcp', bucketName: 'bucket', endpoint: 'storage.googleapis.com' },
  azure: { provider: 'azure', bucketName: 'container', endpoint: 'https://account.blob.core.windows.net' },
}

describe('buckets of the clouds', () => {
  for (const [name, spec] of Object.entries(buckets)) {
    const provider = name as keyof typeof revisions
    it(`${provider}: by the deployment's own credentials, and by a service account's`, async () => {
      const rich = await scenario(fakes.settings)
      const own = await look(rich, 'Bucket', spec)
      assert.equal(own['status']?.artifact?.revision, revisions[provider], ready(own))
      const poor = await scenario()
      const account = await look(poor, 'Bucket', { ...spec, serviceAccountName: 'reader' })
      assert.equal(account['status']?.artifact?.revision, revisions[provider], ready(account))
      assert.match(
        ready(await look(poor, 'Bucket', spec)),
        /^False AuthenticationFailed this deployment has no credentials/,
      )
      assert.match(
        ready(await look(poor, 'Bucket', { ...spec, serviceAccountName: 'stranger' })),
        /^False AuthenticationFailed the service account .*\/stranger (?:has no|needs the) annotation/,
      )
    })
  }

  it('aws: in a region that AWS tells, with an STS at another address', async () => {
    const made = await scenario(fakes.settings)
    const { region: _, ...elsewhere } = buckets['aws'] as { region: string }
    const found = await look(made, 'Bucket', elsewhere)
    assert.equal(found['status']?.artifact?.revision, revisions.aws, ready(found))
    const sts = { provider: 'aws', endpoint: 'https://sts.us-east-1.amazonaws.com' }
    const spec = { ...buckets['aws'], serviceAccountName: 'reader', sts }
    const before = fakes.requests.length
    const other = await look(made, 'Bucket', spec)
    assert.equal(other['status']?.artifact?.revision, revisions.aws, ready(other))
    assert.ok(fakes.requests.slice(before).some(({ host }) => host === 'sts.us-east-1.amazonaws.com'))
    const wrong = { ...spec, sts: { provider: 'aws', endpoint: 'https://sts.evil.example' } }
    assert.match(
      ready(await look(made, 'Bucket', wrong)),
      /^False AuthenticationFailed the STS endpoint is none of AWS/,
    )
  })

  it('generic: by an STS that knows users of an LDAP directory', async () => {
    const made = await scenario()
    const { namespace } = made
    const secret = (name: string, password: string): Promise<unknown> =>
      made.client.apply({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace },
        stringData: { username: fakes.ldap.username, password },
      })
    await secret('ldap', fakes.ldap.password)
    await secret('wrong', 'nothing')
    const spec = { bucketName: 'bucket', endpoint: 's3.eu-west-1.amazonaws.com', region: 'eu-west-1' }
    const sts = { provider: 'ldap', endpoint: fakes.origin, secretRef: { name: 'ldap' } }
    const found = await look(made, 'Bucket', { ...spec, sts })
    // The keys of the directory's user are none of AWS: what matters is that they were used.
    assert.match(ready(found), /InvalidAccessKeyId/)
    assert.ok(fakes.requests.at(-1)?.headers['authorization']?.includes('LDAPLDAP') === true)
    const certificates = makeCertificates()
    const front = await startTlsFront(new URL(fakes.origin).host, { certificates, clientCertificates: true })
    const { cert, key } = certificates.client
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cert', namespace },
      stringData: { 'ca.crt': certificates.ca, 'tls.crt': cert, 'tls.key': key },
    })
    const secure = { ...sts, endpoint: `https://${front.host}` }
    assert.match(
      ready(await look(made, 'Bucket', { ...spec, sts: { ...secure, certSecretRef: { name: 'cert' } } })),
      /InvalidAccessKeyId/,
    )
    assert.match(
      ready(await look(made, 'Bucket', { ...spec, sts: secure })),
      /^False AuthenticationFailed the LDAP STS/,
    )
    await front.close()
    const refused = await look(made, 'Bucket', { ...spec, sts: { ...sts, secretRef: { name: 'wrong' } } })
    assert.match(ready(refused), /^False AuthenticationFailed the LDAP STS .* status 400 \(InvalidParameterValue\)/)
  })

  it('gcp and azure: by every kind of Secret', async () => {
    const made = await scenario()
    const { namespace } = made
    const { tenantId, clientId } = fakes.names
    const clientSecret = fakes.settings['AZURE_CLIENT_SECRET'] ?? ''
    const pem = execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=app', '-keyout', '-', '-out', '-'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    )
    fakes.trustAzureCertificate(pem)
    const rows: [provider: 'gcp' | 'azure', data: { [name: string]: string }, wanted: RegExp | undefined][] = [
      ['gcp', { serviceaccount: fakes.googleServiceAccount }, undefined],
      ['gcp', { serviceaccount: '{"type":"external_account"}' }, /only credentials of type service_account/],
      ['gcp', { other: 'x' }, /required fields 'serviceaccount'/],
      ['azure', { tenantId, clientId, clientSecret }, undefined],
      ['azure', { tenantId, clientId, clientSecret: 'wrong' }, /Azure AD .* status 401 \(invalid_client\)/],
      ['azure', { tenantId, clientId, clientCertificate: pem }, undefined],
      ['azure', { tenantId, clientId, clientCertificate: 'PKCS#12' }, /must be PEM/],
      ['azure', { accountKey: fakes.accountKey }, undefined],
      ['azure', { accountKey: 'd3Jvbmc=' }, /AuthenticationFailed/],
      ['azure', { sasKey: fakes.sas }, undefined],
      ['azure', { sasKey: '?sig=wrong' }, /the specified bucket name may be incorrect/],
      ['azure', { clientId }, /a managed identity \(clientId alone\)/],
      ['azure', { authorityHost: 'https://evil.example' }, /'authorityHost' alone/],
      ['azure', { other: 'x' }, /requires a 'clientId' or 'accountKey' field/],
    ]
    for (const [i, [provider, stringData, wanted]] of rows.entries()) {
      const name = `secret-${i}`
      await made.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
      const found = await look(made, 'Bucket', { ...buckets[provider], secretRef: { name } })
      if (wanted === undefined)
        assert.equal(found['status']?.artifact?.revision, revisions[provider], `${i}: ${ready(found)}`)
      else assert.match(ready(found), wanted)
    }
  })

  it('azure: tokens go to storage accounts only, and never in the clear', async () => {
    const made = await scenario(fakes.settings)
    const before = fakes.requests.length
    for (const endpoint of [
      'https://evil.example',
      'https://account.blob.core.windows.net.evil.example',
      'http://account.blob.core.windows.net',
    ]) {
      // The tests' own policy lets everything through, and with it tokens.
      Object.assign(made.deps, { settings: { ...made.deps.settings, egress: {} } })
      const found = await look(made, 'Bucket', { ...buckets['azure'], endpoint })
      assert.match(ready(found), /^False AuthenticationFailed spec\.endpoint/)
    }
    assert.deepEqual(
      fakes.requests.slice(before).map(({ host }) => host),
      [],
    )
  })

  it('gcp and azure: logins and objects go through the proxy', async () => {
    const made = await scenario(fakes.settings)
    const { namespace } = made
    const proxy = await startHttpProxy(new URL(fakes.origin).host, 'u:p4ssw0rd')
    await made.client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'proxy', namespace },
      stringData: { address: `http://${proxy.host}`, username: 'u', password: 'p4ssw0rd' },
    })
    for (const provider of ['gcp', 'azure'] as const) {
      const found = await look(made, 'Bucket', { ...buckets[provider], proxySecretRef: { name: 'proxy' } })
      assert.equal(found['status']?.artifact?.revision, revisions[provider], ready(found))
    }
    const paths = proxy.seen.map((line) => new URL(line.split(' ')[1] ?? '').pathname)
    for (const path of ['/token', '/storage/v1/b/bucket/o', '/tenant-1/oauth2/v2.0/token', '/container'])
      assert.ok(paths.includes(path), paths.join('\n'))
    await proxy.close()
  })

  it('that are busy are asked again; a login that is refused says so', async () => {
    const made = await scenario()
    const slow = { status: 503, body: '{}', headers: { 'retry-after': '0' } }
    fakes.failNext('storage.googleapis.com', slow, { ...slow, status: 429 })
    const found = await look(made, 'Bucket', { ...buckets['gcp'], serviceAccountName: 'reader' })
    assert.equal(found['status']?.artifact?.revision, revisions.gcp, ready(found))
    fakes.failNext('login.microsoftonline.com', {
      status: 400,
      body: '{"error":"invalid_request","error_description":"c4n4ry"}',
    })
    const refused = ready(await look(made, 'Bucket', { ...buckets['azure'], serviceAccountName: 'reader' }))
    assert.match(refused, /^False AuthenticationFailed Azure AD at .* refused with status 400 \(invalid_request\)$/)
    fakes.failNext('login.microsoftonline.com', {
      status: 302,
      body: '',
      headers: { location: 'https://evil.example' },
    })
    assert.match(ready(await look(made, 'Bucket', { ...buckets['azure'], serviceAccountName: 'reader' })), /redirects/)
  })
})

describe('registries of the clouds', () => {
  const rows: { readonly provider: string; readonly host: (names: CloudFakes['names']) => string }[] = [
    { provider: 'aws', host: ({ ecr }) => ecr },
    { provider: 'aws', host: ({ publicEcr }) => publicEcr },
    { provider: 'gcp', host: ({ gar }) => gar },
    { provider: 'azure', host: ({ acr }) => acr },
  ]
  for (const [i, { provider, host }] of rows.entries()) {
    it(`${provider} ${i}: an OCIRepository, and a chart of a HelmRepository`, async (t) => {
      if (registry === undefined) return t.skip('no Go here to build the registry with')
      const [rich, poor] = [await scenario(fakes.settings), await scenario()]
      const url = `oci://${host(fakes.names)}/team/app`
      for (const [made, rest] of [
        [rich, {}],
        [poor, { serviceAccountName: 'reader' }],
      ] as const) {
        const found = await look(made, 'OCIRepository', { url, provider, ...rest })
        assert.match(ready(found), /^True Succeeded stored artifact for digest 'latest@sha256:/)
      }
      const denied = await look(poor, 'OCIRepository', { url, provider })
      assert.match(ready(denied), /^False AuthenticationFailed this deployment has no credentials/)
      const { namespace } = rich
      await rich.client.apply({
        apiVersion: group,
        kind: 'HelmRepository',
        metadata: { name: `charts-${i}`, namespace },
        spec: { type: 'oci', provider, url: `oci://${host(fakes.names)}/charts` },
      })
      const chart = { chart: 'web', version: '1.x', sourceRef: { kind: 'HelmRepository', name: `charts-${i}` } }
      const found = await look(rich, 'HelmChart', chart)
      assert.equal(found['status']?.artifact?.revision, '1.0.0', ready(found))
    })
  }

  it('get no login without TLS', async () => {
    const made = await scenario(fakes.settings)
    const before = fakes.requests.length
    for (const { provider, host } of rows) {
      const spec = { url: `oci://${host(fakes.names)}/team/app`, provider, insecure: true }
      assert.match(ready(await look(made, 'OCIRepository', spec)), /^False AuthenticationFailed spec\.insecure/)
    }
    assert.equal(fakes.requests.length, before)
  })

  it('are logged in to once for many sources', async (t) => {
    if (registry === undefined) return t.skip('no Go here to build the registry with')
    const made = await scenario()
    const before = fakes.requests.length
    const spec = { url: `oci://${fakes.names.gar}/team/app`, provider: 'gcp', serviceAccountName: 'reader' }
    for (let i = 0; i < 3; i++) assert.match(ready(await look(made, 'OCIRepository', spec)), /^True/)
    const hosts = fakes.requests.slice(before).map(({ host }) => host)
    assert.equal(hosts.filter((host) => host === 'sts.googleapis.com').length, 1)
  })
})

describe('Git services of the clouds', () => {
  for (const [provider, host] of [
    ['azure', 'devOps'],
    ['aws', 'codeCommit'],
  ] as const) {
    it(`${provider}: by the deployment's own credentials, and by a service account's`, async () => {
      const [rich, poor] = [await scenario(fakes.settings), await scenario()]
      const spec = { provider, url: `https://${fakes.names[host]}/team/app.git`, ref: { branch: 'main' } }
      for (const [made, rest] of [
        [rich, {}],
        [poor, { serviceAccountName: 'reader' }],
      ] as const) {
        const found = await look(made, 'GitRepository', { ...spec, ...rest })
        assert.match(ready(found), /^True Succeeded stored artifact for revision 'main@sha1:/)
      }
      const denied = await look(poor, 'GitRepository', spec)
      assert.match(ready(denied), /^False AuthenticationFailed this deployment has no credentials/)
      const stranger = await look(poor, 'GitRepository', { ...spec, serviceAccountName: 'stranger' })
      assert.match(ready(stranger), /^False AuthenticationFailed the service account .* has no annotation/)
    })
  }

  it('are Azure DevOps and CodeCommit alone', async () => {
    const made = await scenario(fakes.settings)
    const before = fakes.requests.length
    const found = await look(made, 'GitRepository', { provider: 'aws', url: 'https://evil.example/team/app.git' })
    assert.match(ready(found), /^False AuthenticationFailed spec\.url is none of AWS CodeCommit/)
    // The tests' own policy lets everything through, and with it tokens.
    Object.assign(made.deps, { settings: { ...made.deps.settings, egress: {} } })
    for (const url of ['https://evil.example/x', 'https://dev.azure.com.evil.example/x', 'http://dev.azure.com/x']) {
      const other = await look(made, 'GitRepository', { provider: 'azure', url })
      assert.match(ready(other), /^False AuthenticationFailed spec\.url is none of Azure DevOps/)
    }
    assert.deepEqual(
      fakes.requests.slice(before).map(({ host }) => host),
      [],
    )
  })
})
