import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import type { EgressPolicy } from '../../../src/base/index.ts'
import { createKeyServices, decryptFile, readKeyMaterial, type KeyLogins } from '../../../src/secrets/index.ts'
import { fakeNames, startKeyServiceFakes, type KeyServiceFakes } from '../../support/key-service-fakes.ts'
import { decryptedFixture, fixtureDataKey, fixtureWithKeys } from '../../support/sops-fixtures.ts'

let fakes: KeyServiceFakes
let dataKey: Uint8Array

before(async () => {
  fakes = await startKeyServiceFakes()
  dataKey = await fixtureDataKey()
})
after(() => fakes.close())

async function decryptWith(
  content: Uint8Array,
  entries: { readonly [name: string]: string | Uint8Array },
  options: { readonly egress?: EgressPolicy; readonly signal?: AbortSignal; readonly logins?: KeyLogins } = {},
): Promise<Uint8Array> {
  const data = new Map(
    Object.entries(entries).map(([name, text]) => [
      name,
      typeof text === 'string' ? new TextEncoder().encode(text) : text,
    ]),
  )
  const deps = {
    http: fakes.http,
    egress: options.egress ?? {},
    now: () => Date.now(),
    signal: options.signal ?? new AbortController().signal,
  }
  const keys = await createKeyServices(readKeyMaterial(data, 'the Secret'), deps, options.logins)
  return await decryptFile(content, { format: 'yaml', keys, name: 'x.yaml', verifyMac: true })
}

const created_at = '2024-01-01T00:00:00Z'
const vaultKey = () => ({
  hc_vault: [
    {
      vault_address: 'https://vault.example.com',
      engine_path: 'team/transit',
      key_name: 'sops',
      created_at,
      enc: fakes.encrypt.vault(dataKey),
    },
  ],
})
const awsKey = (extra: { role?: string; context?: { [name: string]: string } } = {}) => ({
  kms: [{ arn: fakeNames.arn, created_at, enc: fakes.encrypt.aws(dataKey, extra.context), aws_profile: '', ...extra }],
})
const gcpKey = () => ({ gcp_kms: [{ resource_id: fakeNames.gcpKey, created_at, enc: fakes.encrypt.gcp(dataKey) }] })
const azureKey = (url = fakes.azure.vaultUrl) => ({
  azure_kv: [{ vault_url: url, ...fakeNames.azureKey, created_at, enc: fakes.encrypt.azure(dataKey) }],
})
const awsEntry = () =>
  `aws_access_key_id: ${fakes.aws.accessKeyId}\naws_secret_access_key: ${fakes.aws.secretAccessKey}\n`
const azureEntry = () => {
  const { tenantId, clientId, clientSecret } = fakes.azure
  return JSON.stringify({ tenantId, clientId, clientSecret })
}

/** JSON as tools on Windows write it. */
function utf16(value: object): Uint8Array {
  return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(JSON.stringify(value), 'utf16le')])
}

describe('key services over HTTP decrypt', () => {
  const rows: readonly { name: string; keys: () => object; entries: () => { [name: string]: string | Uint8Array } }[] =
    [
      { name: 'Vault transit', keys: vaultKey, entries: () => ({ 'sops.vault-token': `${fakes.vaultToken}\n` }) },
      { name: 'AWS KMS', keys: awsKey, entries: () => ({ 'sops.aws-kms': awsEntry() }) },
      {
        name: 'AWS KMS with an encryption context',
        keys: () => awsKey({ context: { app: 'Grüße', env: 'prod' } }),
        entries: () => ({ 'sops.aws-kms': awsEntry() }),
      },
      {
        name: 'AWS KMS as a role',
        keys: () => awsKey({ role: fakeNames.role }),
        entries: () => ({ 'sops.aws-kms': awsEntry() }),
      },
      { name: 'GCP KMS', keys: gcpKey, entries: () => ({ 'sops.gcp-kms': `${fakes.gcpServiceAccount}\n` }) },
      {
        name: 'Azure Key Vault with a client secret',
        keys: azureKey,
        entries: () => ({ 'sops.azure-kv': azureEntry() }),
      },
      {
        name: "Azure Key Vault with az's own file, in UTF-16",
        keys: azureKey,
        entries: () => ({
          'sops.azure-kv': utf16({
            appId: fakes.azure.clientId,
            tenant: fakes.azure.tenantId,
            password: fakes.azure.clientSecret,
          }),
        }),
      },
    ]
  for (const { name, keys, entries } of rows) {
    it(name, async () => {
      assert.deepEqual(await decryptWith(fixtureWithKeys(keys()), entries()), decryptedFixture('secret.yaml'))
    })
  }

  it('with a login where the Secret has no credentials, which its own come before', async () => {
    const asked: string[] = []
    const note = <T>(name: string, value: T): Promise<T> => {
      asked.push(name)
      return Promise.resolve(value)
    }
    const logins: KeyLogins = {
      aws: (region) => note(`aws ${region}`, fakes.aws),
      gcp: () => note('gcp', fakes.tokens.gcp),
      azure: (scope) => note(`azure ${scope}`, fakes.tokens.azure),
      vault: (address) => note(`vault ${address}`, fakes.vaultToken),
    }
    for (const keys of [vaultKey(), awsKey(), gcpKey(), azureKey()]) {
      assert.deepEqual(await decryptWith(fixtureWithKeys(keys), {}, { logins }), decryptedFixture('secret.yaml'))
    }
    const every = ['vault https://vault.example.com', 'aws eu-west-1', 'gcp', 'azure https://vault.azure.net/.default']
    assert.deepEqual(asked, every)
    const own = { 'sops.vault-token': fakes.vaultToken }
    await decryptWith(fixtureWithKeys(vaultKey()), own, { logins })
    assert.deepEqual(asked, every)
  })

  it('Azure Key Vault with a certificate', async () => {
    const both = execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=client', '-keyout', '-'],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    ).toString()
    fakes.trustAzureCertificate(both.slice(both.indexOf('-----BEGIN CERTIFICATE')))
    const { tenantId, clientId } = fakes.azure
    const entry = JSON.stringify({ tenantId, clientId, clientCertificate: both })
    const plain = await decryptWith(fixtureWithKeys(azureKey()), { 'sops.azure-kv': entry })
    assert.deepEqual(plain, decryptedFixture('secret.yaml'))
  })

  it('with local keys first, and one token for many files', async () => {
    const before = fakes.requests.length
    const data = new Map([['sops.gcp-kms', new TextEncoder().encode(fakes.gcpServiceAccount)]])
    const keys = await createKeyServices(readKeyMaterial(data, 'x'), {
      http: fakes.http,
      egress: {},
      now: () => Date.now(),
      signal: new AbortController().signal,
    })
    for (let i = 0; i < 3; i++) await decryptFile(fixtureWithKeys(gcpKey()), { format: 'yaml', keys, name: 'x' })
    assert.equal(fakes.requests.length - before, 4)
  })
})

describe('key services that do not help', () => {
  const rows: readonly {
    name: string
    keys: () => object
    entries: () => { [name: string]: string }
    message: RegExp
    options?: { egress?: EgressPolicy }
    fail?: { status: number; body: string; headers?: { [name: string]: string } }
    disposition?: string
  }[] = [
    {
      name: 'no Vault token',
      keys: vaultKey,
      entries: () => ({}),
      message: /there is no Vault token; add it as 'sops\.vault-token'/,
    },
    { name: 'no AWS credentials', keys: awsKey, entries: () => ({}), message: /there are no AWS credentials/ },
    { name: 'no Google credentials', keys: gcpKey, entries: () => ({}), message: /there are no Google credentials/ },
    { name: 'no Azure credentials', keys: azureKey, entries: () => ({}), message: /there are no Azure credentials/ },
    {
      name: 'a wrong Vault token',
      keys: vaultKey,
      entries: () => ({ 'sops.vault-token': 'hvs.wrong-canary' }),
      message: /Vault at https:\/\/vault\.example\.com\/v1\/team\/transit\/decrypt\/sops refused with status 403/,
    },
    {
      name: 'a wrong AWS secret',
      keys: awsKey,
      entries: () => ({ 'sops.aws-kms': awsEntry().replace(/(secret_access_key: ).*/, '$1wrong-canary') }),
      message:
        /AWS KMS at https:\/\/kms\.eu-west-1\.amazonaws\.com\/ refused with status 400 \(SignatureDoesNotMatch\)/,
    },
    {
      name: 'a role that may not be taken on',
      keys: () => awsKey({ role: 'arn:aws:iam::111122223333:role/other' }),
      entries: () => ({ 'sops.aws-kms': awsEntry() }),
      message: /AWS STS at .* refused with status 403 \(AccessDenied\)/,
    },
    {
      name: 'another encryption context',
      keys: () => ({ kms: [{ ...awsKey({ context: { a: 'b' } }).kms[0], context: { a: 'c' } }] }),
      entries: () => ({ 'sops.aws-kms': awsEntry() }),
      message: /\(InvalidCiphertextException\)/,
    },
    {
      name: 'an ARN that would lead elsewhere',
      keys: () => ({ kms: [{ ...awsKey().kms[0], arn: 'arn:aws:kms:x.evil.example/:111122223333:key/a' }] }),
      entries: () => ({ 'sops.aws-kms': awsEntry() }),
      message: /the ARN of the key has no valid form/,
    },
    {
      name: 'a wrong Azure secret',
      keys: azureKey,
      entries: () => ({
        'sops.azure-kv': azureEntry().replace(/"clientSecret":"[^"]*"/, '"clientSecret":"wrong-canary"'),
      }),
      message: /Azure AD at .* refused with status 401 \(invalid_client\)/,
    },
    {
      name: 'a vault that is none of Azure: the token is not sent',
      keys: () => azureKey('https://vault.azure.net.evil.example'),
      entries: () => ({ 'sops.azure-kv': azureEntry() }),
      message: /the address is none of Azure Key Vault, and a token is sent to no other/,
    },
    {
      name: 'a Vault at a private address',
      keys: () => ({ hc_vault: [{ ...vaultKey().hc_vault[0], vault_address: 'http://169.254.169.254' }] }),
      entries: () => ({ 'sops.vault-token': 'hvs.wrong-canary' }),
      message: /http:\/\/169\.254\.169\.254\/v1\/team\/transit\/decrypt\/sops is refused: the host is private/,
    },
    {
      name: 'a redirect is not followed',
      keys: vaultKey,
      entries: () => ({ 'sops.vault-token': 'hvs.wrong-canary' }),
      fail: { status: 307, body: '', headers: { location: 'https://evil.example/' } },
      message: /redirects, which is not followed/,
    },
    {
      name: 'an answer that is too long',
      keys: vaultKey,
      entries: () => ({ 'sops.vault-token': 'hvs.wrong-canary' }),
      fail: { status: 200, body: 'x'.repeat(70_000) },
      message: /answers with more than 65536 bytes/,
    },
    {
      name: 'a service that is down can be tried again',
      keys: vaultKey,
      entries: () => ({ 'sops.vault-token': 'hvs.wrong-canary' }),
      fail: { status: 503, body: '{"errors":["Vault is sealed, wrong-canary"]}' },
      message: /refused with status 503/,
      disposition: 'retry',
    },
    {
      name: 'an answer without what was asked for',
      keys: vaultKey,
      entries: () => ({ 'sops.vault-token': 'hvs.wrong-canary' }),
      fail: { status: 200, body: '{"data":{}}' },
      message: /Vault answered without 'data\.plaintext'/,
    },
    {
      name: 'a data key of another length',
      keys: () => ({ hc_vault: [{ ...vaultKey().hc_vault[0], enc: fakes.encrypt.vault(new Uint8Array(16)) }] }),
      entries: () => ({ 'sops.vault-token': fakes.vaultToken }),
      message: /the data key has 16 bytes instead of 32/,
    },
    {
      name: 'Huawei Cloud KMS',
      keys: () => ({ hckms: [{ key_id: 'eu:1', created_at, enc: 'x' }] }),
      entries: () => ({}),
      message: /this key service is not supported; add a recipient of another kind/,
    },
  ]
  for (const { name, keys, entries, message, fail, disposition } of rows) {
    it(name, async () => {
      if (fail !== undefined) fakes.failNext(fail)
      await assert.rejects(
        decryptWith(fixtureWithKeys(keys()), entries()),
        (error: Error & { disposition: string }) => {
          assert.match(error.message, message)
          assert.doesNotMatch(JSON.stringify(error) + String(error.stack), /wrong-canary/)
          assert.equal(error.disposition, disposition ?? 'stall')
          return true
        },
      )
    })
  }

  it('a run that ends ends the request', async () => {
    const signal = AbortSignal.abort(new Error('over'))
    await assert.rejects(decryptWith(fixtureWithKeys(vaultKey()), { 'sops.vault-token': 'x' }, { signal }), /over/)
  })
})

describe('key material', () => {
  const rows: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    [
      'a.agekey',
      'AGE-PLUGIN-YUBIKEY-1QQQ',
      /line 1 of 'a\.agekey' of the Secret cannot be used: age plugins are programs/,
    ],
    ['a.agekey', '# a comment\nnot-a-key-canary', /line 2 of 'a\.agekey' .*: it is no AGE-SECRET-KEY-1/],
    [
      'a.agekey',
      '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
      /it is cut off|damaged/,
    ],
    ['sops.aws-kms', 'aws_access_key_id: canary', /it needs aws_access_key_id and aws_secret_access_key/],
    ['sops.aws-kms', 'canary: [', /it is no YAML/],
    ['sops.azure-kv', '{"clientId":"canary"}', /a managed identity/],
    ['sops.azure-kv', '{"tenantId":"canary"}', /it needs tenantId, clientId and/],
    ['sops.azure-kv', '{"tenantId":"t","clientId":"c","clientCertificate":"canary"}', /PKCS#12 is not supported/],
    [
      'sops.gcp-kms',
      '{"type":"external_account","canary":1}',
      /only credentials of type service_account and authorized_user/,
    ],
    ['sops.gcp-kms', '{"type":"service_account"}', /it needs client_email and private_key/],
  ]
  for (const [name, text, message] of rows) {
    it(`${name} with ${text.slice(0, 30)}`, async () => {
      await assert.rejects(decryptWith(fixtureWithKeys(vaultKey()), { [name]: text }), (error: Error) => {
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /canary/)
        return true
      })
    })
  }
})
