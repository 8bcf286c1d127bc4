import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { makeCertificates } from '../support/certificates.ts'
import { useCluster } from '../support/cluster.ts'
import { startNotifyServer, type NotifyServer } from '../support/notify-server.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const certificates = makeCertificates()
let server: NotifyServer
let secure: NotifyServer
let made: Scenario
let change = 0

before(async () => {
  server = await startNotifyServer()
  secure = await startNotifyServer({
    ...certificates.server,
    ca: certificates.ca,
    requestCert: true,
    rejectUnauthorized: true,
  })
})
beforeEach(async () => {
  for (const one of [server, secure]) {
    one.received.length = 0
    one.answerWith(() => undefined)
  }
  made = await createScenario(cluster, { files: { 'app/a.yaml': text() } })
  await made.kustomization()
})
after(async () => {
  await server.close()
  await secure.close()
})

const text = (): string => `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  value: "${++change}"\n`

/** Makes the Secrets, a Provider that may use them and an Alert, and pushes. Returns the Warnings of the Alert. */
async function push(
  provider: object,
  secrets: { readonly [name: string]: { readonly [key: string]: string } },
): Promise<readonly string[]> {
  const { client, namespace } = made
  for (const [name, stringData] of Object.entries(secrets))
    await client.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData })
  const apiVersion = 'notification.toolkit.fluxcd.io/v1beta3'
  await client.apply({ apiVersion, kind: 'Provider', metadata: { name: 'provider', namespace }, spec: provider })
  const spec = { providerRef: { name: 'provider' }, eventSources: [{ kind: 'Kustomization', name: 'app' }] }
  await client.apply({ apiVersion, kind: 'Alert', metadata: { name: 'alert', namespace }, spec })
  const record = await made.pushed()
  assert.equal(record.state, 'succeeded')
  const events = await client.list({ apiVersion: 'v1', kind: 'Event', namespace, name: '' })
  const warnings = events.filter((event) => event['involvedObject'].kind === 'Alert')
  await made.close()
  return warnings.map((event) => event['message'] as string)
}

describe('what a Provider reads from its Secrets', () => {
  it('address, user name, password and headers win over the spec', async () => {
    const warnings = await push(
      { type: 'grafana', address: 'https://unused.example.com', username: 'unused', secretRef: { name: 'own' } },
      { own: { address: ` ${server.origin}/api \n`, username: 'user', password: 'a password of the test' } },
    )
    assert.deepEqual(warnings, [])
    assert.equal(server.received[0]?.url, `${server.origin}/api`)
    assert.equal(
      server.received[0].headers['authorization'],
      `Basic ${Buffer.from('user:a password of the test').toString('base64')}`,
    )
  })

  it('certificates of its own, both ways', async () => {
    const warnings = await push(
      { type: 'generic', address: `${secure.origin}/hook`, certSecretRef: { name: 'tls' } },
      { tls: { 'ca.crt': certificates.ca, 'tls.crt': certificates.client.cert, 'tls.key': certificates.client.key } },
    )
    assert.deepEqual(warnings, [])
    assert.equal(secure.received.length, 2)
  })

  it('nothing is sent where they are missing', async () => {
    const warnings = await push({ type: 'generic', address: `${secure.origin}/hook`, timeout: '1s' }, {})
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /https:\/\/127\.0\.0\.1:\d+ did not answer/)
    assert.equal(secure.received.length, 0)
  })

  it('a proxy with a login', async () => {
    const warnings = await push(
      { type: 'generic', address: 'http://receiver.example.com/hook', proxySecretRef: { name: 'proxy' } },
      { proxy: { address: server.origin, username: 'user', password: 'a password of the test' } },
    )
    assert.deepEqual(warnings, [])
    assert.equal(server.received[0]?.url, 'http://receiver.example.com/hook')
    assert.equal(
      server.received[0].headers['proxy-authorization'],
      `Basic ${Buffer.from('user:a password of the test').toString('base64')}`,
    )
  })

  it('the keys of a GitHub App, whose token sets the status', async () => {
    const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
    server.answerWith(({ method, url }) => {
      if (url.endsWith('/access_tokens'))
        return { status: 201, body: JSON.stringify({ token: 'ghs_of_the_app', expires_at: '2099-01-01T00:00:00Z' }) }
      return method === 'GET' ? { body: '[]' } : { status: 201 }
    })
    const warnings = await push(
      { type: 'github', address: `${server.origin}/org/repo`, secretRef: { name: 'app' } },
      {
        app: {
          githubAppID: '12345',
          githubAppInstallationID: '678',
          githubAppBaseURL: server.origin,
          githubAppPrivateKey: keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
        },
      },
    )
    assert.deepEqual(warnings, [])
    const [login, list, create] = server.received
    assert.equal(login?.url, `${server.origin}/api/v3/app/installations/678/access_tokens`)
    const [head, claims, signature] = (login.headers['authorization'] ?? '').replace('Bearer ', '').split('.')
    const isSigned = verify(
      'sha256',
      Buffer.from(`${head}.${claims}`),
      createPublicKey(keys.publicKey.export({ type: 'spki', format: 'pem' })),
      Buffer.from(signature ?? '', 'base64url'),
    )
    assert.ok(isSigned)
    for (const request of [list, create]) assert.equal(request?.headers['authorization'], 'Bearer ghs_of_the_app')
    assert.match(create?.url ?? '', /\/api\/v3\/repos\/org\/repo\/statuses\/[0-9a-f]{40}$/)
  })

  const canaries = new Canaries()
  const secret = canaries.make('secret')
  const wrong: readonly (readonly [
    string,
    object,
    { readonly [name: string]: { readonly [key: string]: string } },
    RegExp,
  ])[] = [
    [
      'half a key pair',
      { certSecretRef: { name: 'tls' } },
      { tls: { 'tls.crt': secret } },
      /needs both tls\.crt and tls\.key/,
    ],
    [
      'a proxy without a URL',
      { proxySecretRef: { name: 'proxy' } },
      { proxy: { address: secret } },
      /needs a valid URL/,
    ],
    [
      'headers that are no mapping',
      { secretRef: { name: 'own' } },
      { own: { headers: `- ${secret}` } },
      /no mapping of names to texts/,
    ],
    [
      'headers that are no YAML',
      { secretRef: { name: 'own' } },
      { own: { headers: `a: [${secret}` } },
      /headers of the Secret is no YAML/,
    ],
    [
      'headers with line breaks',
      { secretRef: { name: 'own' } },
      { own: { headers: `X-Key: "${secret}\\r\\nHost: x"` } },
      /no header of HTTP/,
    ],
    [
      'an address that is too long',
      { secretRef: { name: 'own' } },
      { own: { address: `https://example.com/${secret}${'x'.repeat(2048)}` } },
      /longer than 2048/,
    ],
    [
      'keys of an App that are none',
      { type: 'github', secretRef: { name: 'own' } },
      { own: { githubAppID: '1', githubAppInstallationID: '2', githubAppPrivateKey: secret } },
      /gives no token/,
    ],
  ]
  for (const [name, provider, secrets, message] of wrong) {
    it(`${name}: the Alert says so, without a value`, async () => {
      const warnings = await push({ type: 'generic', address: `${server.origin}/org/repo`, ...provider }, secrets)
      for (const warning of warnings) canaries.see(name, warning)
      for (const line of made.logLines) canaries.see(name, line)
      await canaries.seeState(made.deps.state)
      assert.equal(warnings.length, 1, warnings.join('\n'))
      assert.match(warnings[0] ?? '', message)
      assert.equal(server.received.length, 0)
      canaries.assertNone(1)
    })
  }
})
