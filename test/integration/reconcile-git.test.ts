import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { createNodeSshClient } from '../../src/platforms/node/index.ts'
import { sha256Hex } from '../../src/base/index.ts'
import { runJob, type RunRecord } from '../../src/reconcile/index.ts'
import { artifactBlobKey } from '../../src/sources/index.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { createScenario, nodeOf, type Scenario } from '../support/scenario.ts'
import { TestSshServer, makeSshKey } from '../support/ssh-server.ts'

const cluster = useCluster()
const open: Scenario[] = []

async function scenario(files: { readonly [path: string]: string }): Promise<Scenario> {
  await installCrds(cluster.client)
  const made = await createScenario(cluster, { files })
  open.push(made)
  return made
}

after(async () => {
  for (const made of open) await made.close()
})

/** Applies a GitRepository; fields of `spec` that are null are removed. */
async function apply(made: Scenario, name: string, spec: object): Promise<void> {
  await made.client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name, namespace: made.namespace },
    spec: { interval: '1m', url: made.repository.url, ref: { branch: 'main' }, ...spec },
  })
}

async function secret(made: Scenario, name: string, stringData: { readonly [key: string]: string }): Promise<void> {
  const metadata = { name, namespace: made.namespace }
  await made.client.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData })
}

async function statusOf(made: Scenario, name = 'app') {
  const found = await made.client.get({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    namespace: made.namespace,
    name,
  })
  const conditions: { [type: string]: string } = {}
  for (const { type, status, reason, message } of found['status'].conditions ?? [])
    conditions[type] = `${status} ${reason}: ${message}`
  return { ...found['status'], conditions, generation: found.metadata.generation }
}

/** Looks at all sources now, as a manual trigger does. */
async function look(made: Scenario): Promise<void> {
  await made.run({ kind: 'trigger', target: 'cluster' })
}

async function eventsOf(made: Scenario): Promise<string[]> {
  const events = await made.client.list({ apiVersion: 'v1', kind: 'Event', namespace: made.namespace, name: '' })
  return events.map(
    (event) => `${event['type']} ${event['reason']} ${event['involvedObject'].name}: ${event['message']}`,
  )
}

describe('the status of a GitRepository', () => {
  it('holds the artifact and what it was made with; nothing new costs one request and no write', async () => {
    const made = await scenario({ 'app/a.yaml': 'a: 1', 'docs/b.md': 'b', 'root.yaml': 'r: 1' })
    await apply(made, 'app', { ignore: '*.md', sparseCheckout: ['./app', 'docs'], recurseSubmodules: true })
    await look(made)
    const commit = await made.repository.head()
    const first = await statusOf(made)
    const message = `stored artifact for revision 'main@sha1:${commit}'`
    assert.deepEqual(first.conditions, {
      Ready: `True Succeeded: ${message}`,
      ArtifactInStorage: `True Succeeded: ${message}`,
    })
    const path = `gitrepository/${made.namespace}/app/${commit}.tar.gz`
    assert.equal(first.artifact.revision, `main@sha1:${commit}`)
    assert.equal(first.artifact.path, path)
    assert.ok(first.artifact.url.endsWith(`/${path}`))
    assert.match(first.artifact.digest, /^sha256:[0-9a-f]{64}$/)
    assert.deepEqual(
      [first.observedIgnore, first.observedSparseCheckout, first.observedRecurseSubmodules, first.observedGeneration],
      ['*.md', ['./app', 'docs'], true, first.generation],
    )
    made.git.reset()
    await look(made)
    assert.deepEqual(made.git.reset().log, [`POST /team/${made.namespace}.git/git-upload-pack`])
    assert.deepEqual(await statusOf(made), first)

    // Without the fields the observations go too, and the artifact is another one of the same revision.
    await made.client.patch(
      { apiVersion: 'source.toolkit.fluxcd.io/v1', kind: 'GitRepository', namespace: made.namespace, name: 'app' },
      { spec: { ignore: null, sparseCheckout: null, recurseSubmodules: null } },
    )
    await look(made)
    const second = await statusOf(made)
    assert.deepEqual(
      [second.observedIgnore, second.observedSparseCheckout, second.observedRecurseSubmodules],
      [undefined, undefined, undefined],
    )
    assert.equal(second.artifact.revision, first.artifact.revision)
    assert.notEqual(second.artifact.digest, first.artifact.digest)
    const events = await eventsOf(made)
    assert.ok(events.includes("Normal NewArtifact app: stored artifact for commit 'change'"), events.join('\n'))
  })

  it('is of a packed file where that is asked for; one that is gone is made again', async () => {
    const made = await scenario({ 'app/a.yaml': 'a: 1', 'app/b.yaml': 'b: 1' })
    await apply(made, 'app', {})
    await look(made)
    const lazy = (await statusOf(made)).artifact
    assert.equal(lazy.size, undefined)
    const packing = { ...made.deps, settings: { ...made.deps.settings, gitArchives: true } }
    const lookPacking = () =>
      runJob(packing, { kind: 'trigger', runId: 'pack', cluster: 'test', receivedAt: Date.now(), target: 'cluster' })
    await lookPacking()
    const { artifact } = await statusOf(made)
    assert.equal(artifact.revision, lazy.revision)
    assert.notEqual(artifact.digest, lazy.digest)
    const key = artifactBlobKey({ cluster: 'test', path: artifact.path })
    const digestOf = async () => `sha256:${sha256Hex((await made.deps.blobs.get(key)) ?? '')}`
    assert.equal(await digestOf(), artifact.digest)
    // Lost, and damaged.
    await made.deps.blobs.delete(key)
    await lookPacking()
    assert.equal(await digestOf(), artifact.digest)
    await made.deps.blobs.put(key, new Uint8Array([1, 2, 3]))
    await lookPacking()
    assert.equal(await digestOf(), artifact.digest)
    assert.equal((await statusOf(made)).artifact.digest, artifact.digest)
    // With its source the file goes too.
    await made.client.delete({
      apiVersion: 'source.toolkit.fluxcd.io/v1',
      kind: 'GitRepository',
      namespace: made.namespace,
      name: 'app',
    })
    await lookPacking()
    assert.equal(await made.deps.blobs.get(key), undefined)
  })

  it('tells a failure and its end, with an event for each', async () => {
    const made = await scenario({ 'a.yaml': 'a: 1' })
    await look(made)
    made.git.misbehaviour = { kind: 'status', status: 503 }
    await look(made)
    const failed = await statusOf(made)
    const message = failed.conditions['Ready']?.replace('False ', '') ?? ''
    assert.match(message, /^GitOperationFailed: failed to checkout and determine revision: .*503/)
    assert.equal(failed.conditions['FetchFailed'], `True ${message}`)
    assert.equal(
      failed.conditions['Reconciling'],
      `True ${message.replace('GitOperationFailed', 'ProgressingWithRetry')}`,
    )
    assert.match(failed.conditions['ArtifactInStorage'] ?? '', /^True/)
    assert.ok(failed.artifact)
    made.git.misbehaviour = { kind: 'none' }
    await look(made)
    assert.deepEqual(Object.keys((await statusOf(made)).conditions).toSorted(), ['ArtifactInStorage', 'Ready'])
    const events = await eventsOf(made)
    assert.ok(events.some((event) => event.startsWith('Warning GitOperationFailed app: failed to checkout')))
    assert.ok(events.some((event) => event.startsWith('Normal Succeeded app: stored artifact for')))
  })

  it('tells bad credentials, missing Secrets and fields that need a human', async () => {
    const made = await scenario({ 'a.yaml': 'a: 1' })
    const rows: [spec: object, type: string, want: RegExp][] = [
      [{ secretRef: { name: 'nope' } }, 'FetchFailed', /^True AuthenticationFailed: failed to get secret '.*\/nope'/],
      [{ proxySecretRef: { name: 'nope' } }, 'FetchFailed', /^True AuthenticationFailed/],
      [
        { secretRef: { name: 'half' } },
        'FetchFailed',
        /^True AuthenticationFailed: failed to configure authentication/,
      ],
      [{ provider: 'github' }, 'Stalled', /^True InvalidProviderConfiguration: secretRef with github app data/],
      [{ secretRef: { name: 'app-keys' } }, 'FetchFailed', /^True InvalidProviderConfiguration/],
      [{ url: 'ssh://git@127.0.0.1/x' }, 'FetchFailed', /^True AuthenticationFailed: .*'identity' is required/],
      [
        { sparseCheckout: ['none'] },
        'FetchFailed',
        /^True GitOperationFailed: failed to sparse checkout directories : /,
      ],
      [{ ref: { branch: 'none' } }, 'Ready', /^False GitOperationFailed/],
      [{ include: [{ repository: { name: 'none' } }] }, 'IncludeUnavailable', /^True NotFound: could not get resource/],
      [{ verify: { mode: 'HEAD', secretRef: { name: 'nope' } } }, 'SourceVerified', /^False VerificationError/],
      [{ verify: { mode: 'Tag', secretRef: { name: 'half' } } }, 'Stalled', /^True InvalidVerificationMode/],
      [{ verify: { mode: 'HEAD', secretRef: { name: 'half' } } }, 'SourceVerified', /^False InvalidCommitSignature: /],
    ]
    await secret(made, 'half', { password: 'c4n4ry' })
    await secret(made, 'app-keys', { githubAppID: '1', githubAppPrivateKey: 'c4n4ry' })
    for (const [index, [spec]] of rows.entries()) await apply(made, `bad-${index}`, spec)
    await look(made)
    for (const [index, [, type, want]] of rows.entries()) {
      const { conditions, artifact } = await statusOf(made, `bad-${index}`)
      assert.match(conditions[type] ?? JSON.stringify(conditions), want)
      assert.match(conditions['Ready'] ?? '', /^False/)
      assert.equal(artifact, undefined)
      assert.doesNotMatch(JSON.stringify(conditions), /c4n4ry/)
    }
    assert.doesNotMatch((await eventsOf(made)).join(), /c4n4ry/)
    assert.doesNotMatch(made.logLines.join(), /c4n4ry/)
  })

  it('includes other repositories, and follows them', async () => {
    const made = await scenario({ 'a.yaml': 'a: 1' })
    const library = await made.git.create('team/library', { 'lib/l.yaml': 'l: 1' })
    await apply(made, 'library', { url: library.url })
    await apply(made, 'app', { include: [{ repository: { name: 'library' }, fromPath: 'lib', toPath: 'vendor' }] })
    await look(made)
    const first = await statusOf(made)
    const revision = (await statusOf(made, 'library')).artifact.revision
    assert.equal(first.includedArtifacts[0].revision, revision)
    assert.deepEqual(first.observedInclude, [{ repository: { name: 'library' }, fromPath: 'lib', toPath: 'vendor' }])
    await library.commit({ 'lib/l.yaml': 'l: 2' })
    await look(made)
    const second = await statusOf(made)
    assert.equal(second.artifact.revision, first.artifact.revision)
    assert.notEqual(second.artifact.digest, first.artifact.digest)
    assert.notEqual(second.includedArtifacts[0].revision, revision)
    // Each in the other ends with a word, not in a circle.
    await apply(made, 'library', { url: library.url, include: [{ repository: { name: 'app' } }] })
    await look(made)
    assert.match((await statusOf(made, 'library')).conditions['IncludeUnavailable'] ?? '', /^True IncludeCycle/)
  })

  it('over SSH, with the Secret of a deploy key', async () => {
    const made = await scenario({ 'a.yaml': 'a: 1' })
    const host = makeSshKey('ed25519')
    const user = makeSshKey('ed25519')
    await using server = await TestSshServer.start({ root: made.git.root, hostKeys: [host], authorizedKeys: [user] })
    await secret(made, 'key', { identity: user.identity, known_hosts: server.knownHosts(host) })
    const url = `ssh://git@127.0.0.1:${server.port}/team/${made.namespace}.git`
    await apply(made, 'app', { url, secretRef: { name: 'key' } })
    const ssh = createNodeSshClient({ egress: { allowPrivate: true } })
    const job = { kind: 'trigger', target: 'cluster', runId: 'ssh', cluster: 'test', receivedAt: Date.now() } as const
    await runJob({ ...made.deps, ssh }, job)
    ssh.close()
    const { conditions, artifact } = await statusOf(made)
    assert.match(conditions['Ready'] ?? '', /^True/)
    assert.equal(artifact.revision, `main@sha1:${await made.repository.head()}`)
  })

  it('reports a file of Git LFS that a build reads', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'
    const made = await scenario({ 'app/big.yaml': pointer })
    await made.client.apply({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace: made.namespace },
      spec: { interval: '10m', path: './app', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
    })
    await made.pushed()
    const events = await eventsOf(made)
    assert.ok(
      events.some((event) => event.startsWith('Warning GitLFSPointer app: "app/big.yaml"')),
      events.join('\n'),
    )
  })
})

describe('a source that could not be fetched', () => {
  /** Scans `minutes` after now by the clock of the engine, as the schedule does then. */
  async function scanAfter(made: Scenario, minutes: number): Promise<RunRecord> {
    const later = { ...made.deps, clock: { ...made.deps.clock, now: () => Date.now() + minutes * 60_000 } }
    const job = { kind: 'scan', runId: `scan-${minutes}`, cluster: 'test', receivedAt: Date.now() } as const
    return (await runJob(later, job)).record
  }

  /** The minutes, of those until `last`, at which a scan asked the Git server. */
  async function askedAt(made: Scenario, last: number): Promise<number[]> {
    const asked: number[] = []
    for (let minute = 1; minute <= last; minute++) {
      made.git.reset()
      await scanAfter(made, minute)
      if (made.git.counters.requests > 0) asked.push(minute)
    }
    return asked
  }

  async function broken(spec: object = {}): Promise<Scenario> {
    const made = await scenario({ 'app/a.yaml': configMap('1') })
    await apply(made, 'app', { interval: '1h', ...spec })
    await made.kustomization()
    await made.pushed()
    made.git.misbehaviour = { kind: 'status', status: 502 }
    return made
  }

  const configMap = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: "${value}"}\n`

  async function valueOf(made: Scenario): Promise<string> {
    return (await made.client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: made.namespace, name: 'a' }))[
      'data'
    ].value
  }

  it('is looked at again by the next scans, which apply what a push has told of', async () => {
    const made = await broken()
    const record = await made.push({ 'app/a.yaml': configMap('2') })
    assert.equal(nodeOf(record, 'GitRepository/app').reason, 'GitOperationFailed')
    assert.equal(await valueOf(made), '1')
    made.git.misbehaviour = { kind: 'none' }
    const scan = await scanAfter(made, 2)
    assert.equal(scan.state, 'succeeded', JSON.stringify(scan))
    assert.equal(nodeOf(scan, 'Kustomization/app').state, 'ready')
    assert.equal(await valueOf(made), '2')
    // From then on its interval counts again.
    made.git.reset()
    await scanAfter(made, 30)
    assert.equal(made.git.counters.requests, 0)
  })

  it('is looked at again where the connection broke, and where nothing had been fetched before', async () => {
    const made = await scenario({ 'app/a.yaml': configMap('1') })
    await apply(made, 'app', { interval: '1h' })
    await made.kustomization('app', { interval: '1h' })
    made.git.misbehaviour = { kind: 'truncate', bytes: 40 }
    const record = await made.pushed()
    assert.match(nodeOf(record, 'GitRepository/app').message ?? '', /the connection to .* broke/)
    assert.equal(nodeOf(record, 'Kustomization/app').state, 'failed')
    made.git.misbehaviour = { kind: 'none' }
    const scan = await scanAfter(made, 2)
    assert.equal(scan.state, 'succeeded', JSON.stringify(scan))
    assert.equal(await valueOf(made), '1')
  })

  it('is asked less and less often while the failure lasts, but every quarter of an hour', async () => {
    const made = await broken()
    await made.pushed()
    const asked = await askedAt(made, 50)
    const pauses = asked.map((minute, index) => minute - (asked[index - 1] ?? 0))
    assert.ok((asked[0] ?? 9) <= 2, String(asked))
    assert.deepEqual(
      pauses.toSorted((a, b) => a - b),
      pauses,
    )
    assert.ok(asked.length >= 5 && asked.length <= 8, String(asked))
    assert.ok(Math.max(...pauses) <= 16, String(asked))
  })

  it('is asked at its interval where that is shorter', async () => {
    const made = await broken({ interval: '3m' })
    await made.pushed()
    const asked = await askedAt(made, 30)
    for (const [index, minute] of asked.entries()) assert.ok(minute - (asked[index - 1] ?? 0) <= 4, String(asked))
    assert.ok(asked.length <= 12, String(asked))
  })

  it('is not asked before its interval where only a change of it can help, nor while it is suspended', async () => {
    const made = await broken()
    await made.pushed()
    await apply(made, 'app', { interval: '1h', suspend: true })
    assert.deepEqual(await askedAt(made, 20), [])

    const stalled = await scenario({ 'app/a.yaml': configMap('1') })
    await apply(stalled, 'app', { interval: '1h', provider: 'github' })
    await stalled.pushed()
    const { conditions } = await statusOf(stalled)
    assert.match(conditions['Stalled'] ?? '', /^True/, JSON.stringify(conditions))
    const events = (await eventsOf(stalled)).length
    for (const minute of [2, 5, 20, 50]) {
      const scan = await scanAfter(stalled, minute)
      assert.deepEqual(
        scan.nodes.filter(({ kind }) => kind === 'GitRepository'),
        [],
      )
    }
    assert.equal((await eventsOf(stalled)).length, events)
  })
})
