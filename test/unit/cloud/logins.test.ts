import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import {
  cloudRegistryLogin,
  codeCommitLogin,
  codeCommitRegion,
  createCloudLogins,
  parseGcpCredentials,
  type CloudProvider,
} from '../../../src/cloud/index.ts'
import { cloudNames, startCloudFakes, type CloudFakes } from '../../support/cloud-fakes.ts'
import { signingKey } from '../../support/signed-requests.ts'

let fakes: CloudFakes
let now = Date.now()
const signal = AbortSignal.timeout(60_000)
const clock = { now: () => now, sleep: () => Promise.resolve() }
const loginsWith = (settings: { readonly [name: string]: string | undefined }, egress = { allowPrivate: true }) =>
  createCloudLogins({ http: fakes.http, egress, clock, read: (name) => settings[name] })
const failure = { code: 'test', reason: 'AuthenticationFailed' }

before(async () => {
  fakes = await startCloudFakes()
})
after(() => fakes.close())

const hostsSince = (count: number): readonly string[] => fakes.requests.slice(count).map(({ host }) => host)

describe('logins at clouds', () => {
  it('at registries go to registries of that cloud alone', async () => {
    const logins = loginsWith(fakes.settings)
    const count = fakes.requests.length
    const foreign = [
      'ghcr.io',
      'docker.io',
      'evil.example',
      'evil.example:443',
      '111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example',
      'x.111122223333.dkr.ecr.eu-west-1.amazonaws.com',
      '111122223333.dkr.ecr.eu-west-1.evil.amazonaws.com',
      '111122223333.dkr.ecr.eu-west-1.amazonaws.com:8443',
      'team.azurecr.io.evil.example',
      'evilazurecr.io',
      'gcr.io.evil.example',
      'evilgcr.io',
      'x-docker.pkg.dev.evil.example',
    ]
    for (const provider of ['aws', 'gcp', 'azure'] satisfies CloudProvider[]) {
      for (const host of foreign) {
        await assert.rejects(cloudRegistryLogin(logins, provider, host, { signal }), {
          code: 'cloud-login-failed',
          reason: 'AuthenticationFailed',
          message: /is no registry of/,
        })
      }
    }
    assert.deepEqual(hostsSince(count), [])
  })

  it('at registries end when the cloud says so', async () => {
    const logins = loginsWith(fakes.settings)
    const rows: [CloudProvider, string, hours: number][] = [
      ['aws', cloudNames.ecr, 12],
      ['aws', cloudNames.publicEcr, 12],
      ['gcp', cloudNames.gar, 1],
      ['azure', cloudNames.acr, 3],
    ]
    for (const [provider, host, hours] of rows) {
      const { expiresAt } = await cloudRegistryLogin(logins, provider, host, { signal })
      assert.ok(Math.abs(expiresAt - Date.now() - hours * 3_600_000) < 60_000, `${host}: ${expiresAt - Date.now()}`)
    }
  })

  it('are asked for once, again shortly before they end, and again after a failure or another setting', async () => {
    const settings: { [name: string]: string | undefined } = { ...fakes.settings }
    const logins = loginsWith(settings)
    const count = fakes.requests.length
    const scope = 'https://storage.azure.com/.default'
    await Promise.all(Array.from({ length: 5 }, () => logins.azure({ signal }, scope)))
    await logins.azure({ signal }, scope)
    assert.equal(hostsSince(count).length, 1)
    now += 3_599_000 - 301_000
    await logins.azure({ signal }, scope)
    assert.equal(hostsSince(count).length, 1)
    now += 2_000
    await Promise.all(Array.from({ length: 5 }, () => logins.azure({ signal }, scope)))
    assert.equal(hostsSince(count).length, 2)
    await logins.azure({ signal }, 'https://containerregistry.azure.net/.default')
    assert.equal(hostsSince(count).length, 3)
    settings['AZURE_CLIENT_SECRET'] = 'rotated away'
    await assert.rejects(logins.azure({ signal }, scope), /status 401/)
    settings['AZURE_CLIENT_SECRET'] = fakes.settings['AZURE_CLIENT_SECRET']
    await logins.azure({ signal }, scope)
    assert.equal(hostsSince(count).length, 5)
    now = Date.now()
  })

  it('of a service account need its annotations in their right form', async () => {
    const logins = loginsWith({})
    const accountWith = (annotations: { readonly [key: string]: string }) => ({
      signal,
      serviceAccount: {
        namespace: 'apps',
        name: 'reader',
        annotations,
        token: () => Promise.reject(new Error('must not be asked for')),
      },
    })
    const role = 'eks.amazonaws.com/role-arn'
    const pool = 'gcp.auth.fluxcd.io/workload-identity-provider'
    const rows: [() => Promise<unknown>, RegExp][] = [
      [() => logins.aws({ ...accountWith({}), region: 'eu-west-1' }), /apps\/reader has no annotation eks/],
      [() => logins.aws({ ...accountWith({ [role]: 'x' }), region: 'eu-west-1' }), /no valid annotation eks/],
      [() => logins.aws(accountWith({ [role]: cloudNames.role })), /an AWS region is required/],
      [() => logins.aws({ signal, stsEndpoint: 'https://sts.amazonaws.com.evil.example' }), /STS endpoint/],
      [() => logins.gcp(accountWith({})), /needs the annotation gcp\.auth.*GKE_CLUSTER/],
      [() => logins.gcp(accountWith({ [pool]: '../x' })), /no valid annotation gcp/],
      [
        () => logins.gcp(accountWith({ [pool]: cloudNames.googleProvider, 'iam.gke.io/gcp-service-account': 'x/y@z' })),
        /no valid annotation iam\.gke\.io/,
      ],
      [() => logins.azure(accountWith({}), 's'), /no annotation azure\.workload\.identity\/tenant-id/],
      [
        () => logins.azure(accountWith({ 'azure.workload.identity/tenant-id': 't/../x' }), 's'),
        /no valid annotation azure\.workload\.identity\/tenant-id/,
      ],
    ]
    for (const [ask, message] of rows) await assert.rejects(ask(), { reason: 'AuthenticationFailed', message })
  })

  it('in a cluster of GKE are those of its own pool', async () => {
    const cluster = 'projects/p/locations/l/clusters/c'
    const logins = loginsWith({ GKE_CLUSTER: cluster })
    const audiences: string[] = []
    const serviceAccount = {
      namespace: 'apps',
      name: 'reader',
      annotations: {},
      token: (audience: string) => Promise.resolve(void audiences.push(audience)).then(() => 'a.b.c'),
    }
    await assert.rejects(logins.gcp({ signal, serviceAccount }), /status 400 \(invalid_grant\)/)
    assert.deepEqual(audiences, ['p.svc.id.goog'])
    const form = new URLSearchParams(fakes.requests.at(-1)?.body)
    assert.equal(form.get('audience'), `identitynamespace:p.svc.id.goog:https://container.googleapis.com/v1/${cluster}`)
  })

  it('do not reach private addresses, whatever names them', async () => {
    const logins = loginsWith(
      { ...fakes.settings, AZURE_AUTHORITY_HOST: 'https://169.254.169.254/' },
      { allowPrivate: false },
    )
    await assert.rejects(logins.azure({ signal }, 'https://storage.azure.com/.default'), { code: 'egress-refused' })
  })
})

describe('CodeCommit', () => {
  const credentials = { accessKeyId: 'AKIA', secretAccessKey: 'c4n4ry' }
  const deps = { failure, now: () => Date.parse('2024-01-31T23:59:59Z') }
  const url = 'https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app'

  it('takes a signature over the URL as a password', () => {
    const canonical = 'GIT\n/v1/repos/app\n\nhost:git-codecommit.eu-west-1.amazonaws.com\n\nhost\n'
    const hash = createHash('sha256').update(canonical).digest('hex')
    const text = `AWS4-HMAC-SHA256\n20240131T235959\n20240131/eu-west-1/codecommit/aws4_request\n${hash}`
    const key = signingKey('c4n4ry', ['20240131', 'eu-west-1', 'codecommit'])
    const password = `20240131T235959Z${createHmac('sha256', key).update(text).digest('hex')}`
    assert.deepEqual(codeCommitLogin(deps, credentials, url), { username: 'AKIA', password })
    assert.equal(codeCommitLogin(deps, { ...credentials, sessionToken: 't' }, url).username, 'AKIA%t')
  })

  it('is at AWS only', () => {
    for (const other of [
      'https://git-codecommit.eu-west-1.amazonaws.com.evil.example/x',
      'http://git-codecommit.eu-west-1.amazonaws.com/x',
      'https://github.com/x',
      'x',
    ])
      assert.throws(() => codeCommitRegion({ failure }, other), failure)
  })
})

describe('credentials of Google', () => {
  it('say what is wrong with them without showing any', () => {
    const unusable = (why: string): Error => new Error(why)
    for (const text of [
      '',
      '[]',
      'c4n4ry',
      '{"type":"service_account","private_key":"c4n4ry"}',
      '{"type":"external_account","x":"c4n4ry"}',
      '{"type":"authorized_user","client_secret":"c4n4ry"}',
    ])
      assert.throws(
        () => parseGcpCredentials(text, unusable),
        (error: Error) => !error.message.includes('c4n4ry'),
      )
  })
})
