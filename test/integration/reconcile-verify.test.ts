import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { chartLayerType } from '../../src/sources/index.ts'
import { makeChart } from '../support/chart-server.ts'
import { useCluster } from '../support/cluster.ts'
import { RecordedRegistry } from '../support/recorded-registry.ts'
import { createScenario, nodeOf, type Scenario, type ScenarioOptions } from '../support/scenario.ts'
import { digestOfFixture, loadFixtures, readSignatureFixtures, trustPolicyOf } from '../support/signature-fixtures.ts'
import { makeKey, TestSigstore, type TestKey } from '../support/sigstore.ts'
import { makeTgz } from '../support/tar.ts'

const cluster = useCluster()
const open: Scenario[] = []
const fixtures = readSignatureFixtures()
let registry: RecordedRegistry

before(async () => {
  registry = await RecordedRegistry.start()
  loadFixtures(registry, fixtures)
})
after(async () => {
  for (const made of open) await made.close()
  await registry.close()
})

const group = 'source.toolkit.fluxcd.io/v1'

async function scenario(settings: ScenarioOptions['settings'] = {}): Promise<Scenario> {
  const made = await createScenario(cluster, { files: { 'README.md': 'x' }, settings })
  open.push(made)
  return made
}

const apply = (made: Scenario, apiVersion: string, kind: string, name: string, spec: object) =>
  made.client.apply({ apiVersion, kind, metadata: { name, namespace: made.namespace }, spec })

async function secret(made: Scenario, name: string, data: { readonly [key: string]: string }): Promise<void> {
  const stringData = data
  const metadata = { name, namespace: made.namespace }
  await made.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData })
}

const read = (made: Scenario, kind: string, name: string) =>
  made.client.get({ apiVersion: group, kind, namespace: made.namespace, name })

interface Seen {
  readonly status: string
  readonly reason: string
  readonly message: string
}

/** Conditions by type. */
async function conditions(made: Scenario, kind: string, name: string): Promise<{ readonly [type: string]: Seen }> {
  const { status } = await read(made, kind, name)
  return Object.fromEntries((status?.conditions ?? []).map((one: Seen & { type: string }) => [one.type, one]))
}

async function look(made: Scenario): Promise<void> {
  await made.run({ kind: 'trigger', target: 'cluster' })
}

const ociRepository = (made: Scenario, repository: string, spec: object) =>
  apply(made, group, 'OCIRepository', 'oci', {
    interval: '1m',
    url: `oci://${registry.host}/${repository}`,
    ref: { tag: 'v1' },
    layerSelector: { operation: 'copy' },
    insecure: true,
    ...spec,
  })

/** A signature with a key in the form of cosign 2. */
function signSimple(key: TestKey, digest: string) {
  const critical = { image: { 'docker-manifest-digest': digest }, type: 'cosign container image signature' }
  const payload = Buffer.from(JSON.stringify({ critical, optional: null }))
  const signature = sign('sha256', payload, key.key).toString('base64')
  return { payload, annotations: { 'dev.cosignproject.cosign/signature': signature } }
}

describe('spec.verify of an OCIRepository', () => {
  it('cosign with keys: verified once, again when the object changes, and told as Flux does', async () => {
    const made = await scenario()
    const repository = 'cosign/p256-bundle'
    const digest = digestOfFixture(fixtures, repository)
    await secret(made, 'keys', { 'other.pub': makeKey().pem, 'team.pub': fixtures.keys['p256'] ?? '', notes: 'x' })
    await ociRepository(made, repository, { verify: { provider: 'cosign', secretRef: { name: 'keys' } } })
    await look(made)
    const first = await conditions(made, 'OCIRepository', 'oci')
    assert.equal(first['Ready']?.status, 'True', JSON.stringify(first))
    const verified = { status: 'True', reason: 'Succeeded', message: `verified signature of revision v1@${digest}` }
    assert.deepEqual({ ...verified, ...first['SourceVerified'] }, { ...first['SourceVerified'], ...verified })
    const isSignature = (path: string): boolean => /referrers|\/sha256-/.test(path)
    registry.requests.length = 0
    await look(made)
    assert.deepEqual(registry.requests.filter(isSignature), [])
    assert.equal((await conditions(made, 'OCIRepository', 'oci'))['SourceVerified']?.status, 'True')
    await ociRepository(made, repository, {
      interval: '2m',
      verify: { provider: 'cosign', secretRef: { name: 'keys' } },
    })
    await look(made)
    assert.ok(registry.requests.some(isSignature))
    const again = await read(made, 'OCIRepository', 'oci')
    const condition = again['status'].conditions.find((one: { type: string }) => one.type === 'SourceVerified')
    assert.equal(condition.observedGeneration, again['metadata'].generation)
    await ociRepository(made, repository, {})
    await look(made)
    assert.equal((await conditions(made, 'OCIRepository', 'oci'))['SourceVerified'], undefined)
  })

  it('a wrong key: not fetched, SourceVerified False, tried again until it is right', async () => {
    const made = await scenario()
    const repository = 'cosign/p256-simple'
    const digest = digestOfFixture(fixtures, repository)
    await secret(made, 'keys', { 'a.pub': makeKey().pem })
    const verify = { provider: 'cosign', secretRef: { name: 'keys' } }
    await ociRepository(made, repository, { verify })
    registry.requests.length = 0
    await look(made)
    const bad = await conditions(made, 'OCIRepository', 'oci')
    const prefix = `failed to verify the signature using provider 'cosign': no matching signatures were found for '${registry.host}/${repository}@${digest}'`
    for (const type of ['Ready', 'SourceVerified']) {
      assert.deepEqual([bad[type]?.status, bad[type]?.reason], ['False', 'VerificationError'])
      assert.ok(bad[type]?.message.startsWith(prefix), bad[type]?.message)
    }
    assert.deepEqual([bad['FetchFailed'], bad['Stalled']], [undefined, undefined])
    const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace })
    const warning = events.find((event) => event['reason'] === 'VerificationError')
    assert.deepEqual([warning?.['type'], warning?.['message']], ['Warning', bad['Ready']?.message])
    assert.equal((await read(made, 'OCIRepository', 'oci'))['status'].artifact, undefined)
    // The manifest was asked for by its tag only; no layer was fetched but the signature's payload.
    assert.equal(registry.requests.filter((path) => path.includes('/blobs/')).length, 1)
    await secret(made, 'keys', { 'a.pub': fixtures.keys['p256'] ?? '' })
    await look(made)
    const good = await conditions(made, 'OCIRepository', 'oci')
    assert.deepEqual([good['Ready']?.status, good['SourceVerified']?.status], ['True', 'True'])
  })

  it('says what is missing or cannot be used', async () => {
    const made = await scenario()
    const n = made.namespace
    await secret(made, 'empty', { notes: 'x' })
    await secret(made, 'broken', {
      'a.pub': 'no key',
      'trusted_root.json': '{',
      'trustpolicy.json': '{}',
      'a.crt': 'x',
    })
    const rows: readonly [verify: object, message: string | RegExp][] = [
      [
        { provider: 'cosign', secretRef: { name: 'gone' } },
        /^failed to verify the signature using provider 'cosign': failed to get secret '.*\/gone'/,
      ],
      [
        { provider: 'cosign', secretRef: { name: 'empty' } },
        `failed to verify the signature using provider 'cosign': no public keys found in secret '${n}/empty'`,
      ],
      [
        { provider: 'cosign', secretRef: { name: 'broken' } },
        "failed to verify the signature using provider 'cosign': PEM decoding failed",
      ],
      [
        { provider: 'cosign' },
        /^failed to verify the signature using provider 'cosign keyless': keyless verification needs a trusted root/,
      ],
      [
        { provider: 'cosign', trustedRootSecretRef: { name: 'gone' } },
        new RegExp(
          `^failed to verify the signature using provider 'cosign keyless': failed to read trusted root from secret '${n}/gone'`,
        ),
      ],
      [
        { provider: 'cosign', trustedRootSecretRef: { name: 'empty' } },
        `failed to verify the signature using provider 'cosign keyless': failed to read trusted root from secret '${n}/empty': 'trusted_root.json' not found in secret '${n}/empty'`,
      ],
      [
        { provider: 'cosign', trustedRootSecretRef: { name: 'broken' } },
        /provider 'cosign keyless': unable to parse trusted root/,
      ],
      [{ provider: 'notation' }, /provider 'notation': verification secret cannot be empty/],
      [
        { provider: 'notation', secretRef: { name: 'empty' } },
        `failed to verify the signature using provider 'notation': 'trustpolicy.json' not found in secret '${n}/empty'`,
      ],
      [
        { provider: 'notation', secretRef: { name: 'broken' } },
        /provider 'notation': trust policy document has empty version/,
      ],
    ]
    for (const [verify, message] of rows) {
      await ociRepository(made, 'cosign/p256-bundle', { verify })
      await look(made)
      const { SourceVerified: verified } = await conditions(made, 'OCIRepository', 'oci')
      assert.deepEqual([verified?.status, verified?.reason], ['False', 'VerificationError'])
      if (typeof message === 'string') assert.equal(verified?.message, message)
      else assert.match(verified?.message ?? '', message)
    }
  })

  it('keyless: by the trusted root of the object, or of the deployment', async () => {
    const made = await scenario()
    await secret(made, 'root', { 'trusted_root.json': fixtures.trustedRoot })
    const matchOIDCIdentity = [{ issuer: 'githubusercontent', subject: '^https://github.com/example/' }]
    const trustedRootSecretRef = { name: 'root' }
    await ociRepository(made, 'keyless/good-bundle', {
      verify: { provider: 'cosign', matchOIDCIdentity, trustedRootSecretRef },
    })
    await look(made)
    const good = await conditions(made, 'OCIRepository', 'oci')
    assert.equal(good['SourceVerified']?.status, 'True', JSON.stringify(good))
    const verify = { provider: 'cosign', matchOIDCIdentity: [{ issuer: '^x$', subject: '.' }], trustedRootSecretRef }
    await ociRepository(made, 'keyless/good-bundle', { verify })
    await look(made)
    const bad = await conditions(made, 'OCIRepository', 'oci')
    assert.match(
      bad['SourceVerified']?.message ?? '',
      /^failed to verify the signature using provider 'cosign keyless': no matching signatures: none of the expected identities matched/,
    )
    const other = await scenario({ sigstoreTrustedRootSecret: `${made.namespace}/root` })
    await ociRepository(other, 'keyless/good-simple', { verify: { provider: 'cosign', matchOIDCIdentity } })
    await look(other)
    assert.equal((await conditions(other, 'OCIRepository', 'oci'))['SourceVerified']?.status, 'True')
  })

  it('notation: verified, refused, or let pass by the policy without being called verified', async () => {
    const made = await scenario()
    const root = fixtures.certificates['p256-root'] ?? ''
    const stranger = fixtures.certificates['p384-root'] ?? ''
    const rows: readonly [policy: object, certificate: string, ready: string, verified: string | undefined][] = [
      [{}, root, 'True', 'True'],
      [{}, stranger, 'False', 'False'],
      [{ signatureVerification: { level: 'audit' } }, stranger, 'True', undefined],
      [{ signatureVerification: { level: 'skip' }, trustStores: [], trustedIdentities: [] }, root, 'True', undefined],
      [{ registryScopes: ['registry.test/app'] }, root, 'False', 'False'],
    ]
    for (const [i, [policy, certificate, ready, verified]] of rows.entries()) {
      await secret(made, `trust-${i}`, { 'trustpolicy.json': trustPolicyOf(policy), 'root.crt': certificate })
      await ociRepository(made, 'notation/p256-cose', {
        verify: { provider: 'notation', secretRef: { name: `trust-${i}` } },
      })
      await look(made)
      const seen = await conditions(made, 'OCIRepository', 'oci')
      assert.deepEqual([seen['Ready']?.status, seen['SourceVerified']?.status], [ready, verified], JSON.stringify(seen))
    }
  })

  it('what decides about the content is not forgotten while the signature is missing', async () => {
    const made = await scenario()
    const key = makeKey()
    await secret(made, 'keys', { 'a.pub': key.pem })
    const layers = ['one', 'two'].map((value) =>
      registry.addBlob('own/app', makeTgz([{ name: `${value}.txt`, content: value }]), `application/${value}`),
    )
    const digest = registry.addImage('own/app', 'v1', layers)
    await ociRepository(made, 'own/app', { layerSelector: { mediaType: 'application/one', operation: 'extract' } })
    await look(made)
    const before = (await read(made, 'OCIRepository', 'oci'))['status'].artifact.digest
    await ociRepository(made, 'own/app', {
      layerSelector: { mediaType: 'application/two', operation: 'extract' },
      verify: { provider: 'cosign', secretRef: { name: 'keys' } },
    })
    await look(made)
    const failed = await conditions(made, 'OCIRepository', 'oci')
    assert.match(failed['Ready']?.message ?? '', /no signatures found/)
    registry.addSimpleSignatures('own/app', digest, [signSimple(key, digest)])
    await look(made)
    const { status } = await read(made, 'OCIRepository', 'oci')
    assert.equal(status.observedLayerSelector.mediaType, 'application/two')
    assert.notEqual(status.artifact.digest, before)
  })
})

describe('spec.verify of a chart in a registry', () => {
  const version = '1.2.3'
  const release = async (made: Scenario, verify: object | undefined): Promise<void> => {
    await apply(made, group, 'HelmRepository', 'charts', {
      type: 'oci',
      url: `oci://${registry.host}/${made.namespace}`,
      insecure: true,
    })
    await apply(made, 'helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'web', {
      interval: '10m',
      chart: {
        spec: {
          chart: 'web',
          version,
          sourceRef: { kind: 'HelmRepository', name: 'charts' },
          ...(verify === undefined ? {} : { verify }),
        },
      },
    })
  }
  const pushChart = (made: Scenario, name = 'web'): string => {
    const repository = `${made.namespace}/web`
    return registry.addImage(repository, version, [
      registry.addBlob(repository, makeChart(name, version), chartLayerType),
    ])
  }

  const releaseReady = async (made: Scenario): Promise<Seen | undefined> => {
    const ref = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', namespace: made.namespace, name: 'web' }
    const seen = (await made.client.get(ref))['status'].conditions as readonly (Seen & { type: string })[]
    return seen.find((one) => one.type === 'Ready')
  }
  const releaseSecrets = async (made: Scenario): Promise<string[]> => {
    const ref = { apiVersion: 'v1', kind: 'Secret', namespace: made.namespace }
    return (await made.client.list(ref, { labelSelector: 'owner=helm' })).map(({ metadata }) => metadata.name)
  }

  it('is installed with a good signature, and refused without', async () => {
    const made = await scenario()
    const key = makeKey()
    await secret(made, 'keys', { 'a.pub': key.pem })
    const digest = pushChart(made)
    const verify = { provider: 'cosign', secretRef: { name: 'keys' } }
    await release(made, verify)
    const refused = nodeOf(await made.scan(), 'HelmRelease/web')
    assert.equal(refused.state, 'failed', JSON.stringify(refused))
    const { spec } = await read(made, 'HelmChart', `${made.namespace}-web`)
    assert.deepEqual(spec.verify, verify)
    const chart = `${made.namespace}-web`
    const bad = await conditions(made, 'HelmChart', chart)
    const prefix = `chart verification error: failed to verify oci://${registry.host}/${made.namespace}/web:${version}: `
    assert.deepEqual([bad['BuildFailed']?.status, bad['BuildFailed']?.reason], ['True', 'ChartVerificationError'])
    assert.deepEqual([bad['SourceVerified']?.status, bad['SourceVerified']?.reason], ['False', 'VerificationError'])
    assert.equal(bad['Ready']?.message, `${prefix}no signatures found`)
    const ready = await releaseReady(made)
    assert.deepEqual([ready?.status, ready?.reason], ['False', 'SourceNotReady'])
    assert.match(ready?.message ?? '', /no signatures found/)
    // That of another key is as good as none.
    registry.addSimpleSignatures(`${made.namespace}/web`, digest, [signSimple(makeKey(), digest)])
    await look(made)
    assert.match((await releaseReady(made))?.message ?? '', /no matching signatures/)
    assert.deepEqual(await releaseSecrets(made), [])
    registry.addSimpleSignatures(`${made.namespace}/web`, digest, [signSimple(key, digest)])
    const record = (await made.run({ kind: 'trigger', target: 'cluster' })).record
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.deepEqual(await releaseSecrets(made), ['sh.helm.release.v1.web.v1'])
    assert.equal((await releaseReady(made))?.status, 'True')
    const good = await conditions(made, 'HelmChart', chart)
    assert.equal(good['BuildFailed'], undefined)
    assert.equal(good['SourceVerified']?.message, `verified signature of version ${version}`)
  })

  it('a chart from before spec.verify is neither used nor passed off as a verified one', async () => {
    const made = await scenario()
    const key = makeKey()
    await secret(made, 'keys', { 'a.pub': key.pem })
    pushChart(made)
    await release(made, undefined)
    assert.equal((await made.scan()).state, 'succeeded')
    const chart = `${made.namespace}-web`
    const before = (await read(made, 'HelmChart', chart))['status'].artifact.digest
    await release(made, { provider: 'cosign', secretRef: { name: 'keys' } })
    for (let i = 0; i < 2; i++) {
      const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
      const refused = nodeOf(record, 'HelmRelease/web')
      assert.equal(refused.state, 'failed', JSON.stringify(refused))
      assert.match(refused.message ?? '', /no signatures found/)
    }
    const repository = `${made.namespace}/web`
    const other = makeChart('web', version, { 'other.txt': 'x' })
    const digest = registry.addImage(repository, version, [registry.addBlob(repository, other, chartLayerType)])
    registry.addSimpleSignatures(repository, digest, [signSimple(key, digest)])
    const { record } = await made.run({ kind: 'trigger', target: 'cluster' })
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    assert.notEqual((await read(made, 'HelmChart', chart))['status'].artifact.digest, before)
  })

  it('what was verified is what is pulled, and every look verifies anew', async () => {
    const sigstore = await TestSigstore.create()
    const made = await scenario({})
    const other = await scenario({ sigstoreTrustedRootSecret: `${made.namespace}/root` })
    await secret(made, 'root', { 'trusted_root.json': sigstore.trustedRoot() })
    const repository = `${other.namespace}/web`
    const digest = pushChart(other)
    registry.addBundle(repository, digest, await sigstore.signBundle(digest))
    const verify = { provider: 'cosign', matchOIDCIdentity: [{ issuer: 'githubusercontent', subject: 'example' }] }
    await release(other, verify)
    const record = await other.scan()
    assert.equal(record.state, 'succeeded', JSON.stringify(record))
    // The tag now points at a chart that nobody signed.
    pushChart(other, 'evil')
    await other.run({ kind: 'trigger', target: 'cluster' })
    const seen = await conditions(other, 'HelmChart', `${other.namespace}-web`)
    assert.deepEqual([seen['Ready']?.status, seen['SourceVerified']?.status], ['False', 'False'], JSON.stringify(seen))
  })
})
