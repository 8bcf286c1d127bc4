import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mapLimit } from '../../src/base/index.ts'
import { bundleDeployment } from '../support/bundled-program.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { awaitRun, deliverPush, type Platform } from '../support/deployment.ts'
import { createDoomedDeployment, type DoomedDeployment } from '../support/doomed-deployment.ts'
import type { GitTestRepository } from '../support/git-repository.ts'
import { GitServer } from '../support/git-server.ts'
import type { TestObject } from '../support/kube-test-client.ts'
import { startNamespacedView, type NamespacedView, type ViewedWrite } from '../support/namespaced-view.ts'
import { configMapTemplate, hookTemplate } from '../support/release-scenario.ts'

const cluster = useCluster()
const closers: (() => Promise<unknown>)[] = []
let directory = ''
let program = ''

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-disaster-'))
  program = bundleDeployment(directory)
})
after(async () => {
  for (const close of closers.toReversed()) await close()
  await rm(directory, { recursive: true, force: true })
})

type Files = { readonly [path: string]: string | null }

interface Stage {
  readonly namespace: string
  readonly repository: GitTestRepository
  readonly view: NamespacedView
  readonly deployment: DoomedDeployment
  /** Delivers what the branch has now. @returns the run. */
  push(): Promise<string>
}

/** A repository, a namespace that looks like a cluster, a deployment that serves it; `object` follows the repository. */
async function setUp(
  platform: Platform,
  files: (namespace: string) => Files,
  object: (namespace: string) => object,
): Promise<Stage> {
  const { client, address } = cluster
  await installCrds(client)
  const namespace = await cluster.namespace()
  const git = await GitServer.start()
  closers.push(() => git.close())
  const repository = await git.create(`team/${namespace}`, files(namespace))
  const view = await startNamespacedView(address, namespace)
  closers.push(() => view.close())
  await client.apply({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'app', namespace },
    spec: { interval: '1h', url: repository.url, ref: { branch: 'main' } },
  })
  await client.apply(object(namespace))
  const deployment = await createDoomedDeployment(platform, program, {
    clusters: [{ name: 'main', server: view.server }],
  })
  closers.push(() => deployment.destroy())
  const push = async (): Promise<string> => {
    const { status, run } = await deliverPush(deployment, { url: repository.url })
    assert.equal(status, 202)
    assert.ok(run !== undefined)
    return run
  }
  return { namespace, repository, view, deployment, push }
}

/** Where the deployment is lost: at this write, done or not. */
interface Cut {
  readonly where: string
  readonly at: (write: ViewedWrite) => boolean
  readonly when: 'before' | 'after'
}

const patch =
  (name: string) =>
  ({ method, object }: ViewedWrite): boolean =>
    method !== 'DELETE' && object.endsWith(name)
const remove =
  (name: string) =>
  ({ method, object }: ViewedWrite): boolean =>
    method === 'DELETE' && object.endsWith(name)

/**
 * Pushes `second` and loses the deployment at the cut, with a further push in its queue; commits `meanwhile` while there is none; starts a new one.
 */
async function loseAndStartAnew(stage: Stage, cut: Cut, second: Files, meanwhile: Files): Promise<void> {
  const { view, repository, deployment } = stage
  const frozen = view.freezeAt(cut.at, cut.when)
  await repository.commit(second)
  await stage.push()
  await Promise.race([
    frozen,
    sleep(60_000, undefined, { ref: false }).then(() => assert.fail(`${cut.where}: it was never written`)),
  ])
  await stage.push()
  const lost = await deployment.destroy()
  assert.ok(lost > 0, 'the deployment had nothing to lose')
  if (Object.keys(meanwhile).length > 0) await repository.commit(meanwhile)
  view.behave('alive')
  await deployment.start()
}

/** Waits until an object is ready at the branch's head. */
async function ready(stage: Stage, kind: 'Kustomization' | 'HelmRelease', where: string): Promise<TestObject> {
  const group = kind === 'Kustomization' ? 'kustomize.toolkit.fluxcd.io/v1' : 'helm.toolkit.fluxcd.io/v2'
  const head = (await stage.repository.head()) ?? ''
  const end = Date.now() + 180_000
  for (;;) {
    const found = await cluster.client.get({ apiVersion: group, kind, namespace: stage.namespace, name: 'app' })
    const {
      conditions = [],
      lastAppliedRevision,
      history = [],
    } = (found['status'] ?? {}) as {
      conditions?: { type: string; status: string }[]
      lastAppliedRevision?: string
      history?: { chartVersion: string; status: string }[]
    }
    const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    const isThere =
      kind === 'Kustomization'
        ? lastAppliedRevision?.endsWith(head) === true
        : history[0]?.status === 'deployed' && history[0].chartVersion.endsWith(head.slice(0, 12))
    if (isReady && isThere) return found
    assert.ok(Date.now() < end, `${where}: not ready at ${head}: ${JSON.stringify(found['status'])}`)
    await sleep(200)
  }
}

async function configMaps(namespace: string): Promise<readonly string[]> {
  const found = await cluster.client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace })
  return found
    .filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')
    .map((one) => `${one.metadata.name}=${one['data'].value}`)
    .sort()
}

const configMap = (name: string, namespace: string, value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: ${namespace} }\ndata: { value: "${value}" }\n`

describe('a Kustomization whose deployment is lost in mid-run', () => {
  const first = (namespace: string): Files => ({
    'app/kept.yaml': configMap('kept', namespace, 'one'),
    'app/old.yaml': configMap('old', namespace, 'one'),
  })
  /** A stage of definitions and one of the rest; one object changes, one comes, one goes. */
  const second = (namespace: string): Files => ({
    'app/kept.yaml': configMap('kept', namespace, 'two'),
    'app/new.yaml': configMap('new', namespace, 'two'),
    'app/old.yaml': null,
    'app/definition.yaml': definition(namespace),
    'app/thing.yaml': `apiVersion: ${group(namespace)}/v1\nkind: Thing\nmetadata: { name: thing, namespace: ${namespace} }\n`,
  })
  const cuts: readonly Cut[] = [
    { where: 'before anything is written', at: patch('kustomizations/app/status'), when: 'before' },
    { where: 'between two stages', at: ({ object }) => object.includes('customresourcedefinitions'), when: 'after' },
    { where: 'in the second stage, the answer lost', at: patch('configmaps/new'), when: 'after' },
    { where: 'before the prune', at: remove('configmaps/old'), when: 'before' },
    { where: 'after the prune', at: remove('configmaps/old'), when: 'after' },
  ]

  async function lose(platform: Platform, cut: Cut, meanwhile: 'nothing' | 'takes it back'): Promise<void> {
    const stage = await setUp(platform, first, (namespace) => ({
      apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
      kind: 'Kustomization',
      metadata: { name: 'app', namespace },
      spec: { interval: '1h', path: './app', prune: true, sourceRef: { kind: 'GitRepository', name: 'app' } },
    }))
    const { namespace, deployment, repository } = stage
    const name = `things.${group(namespace)}`
    const definitionRef = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name }
    const where = `${platform}, ${cut.where}, meanwhile ${meanwhile}`
    await deployment.start()
    await ready(stage, 'Kustomization', where)
    const takenBack = { 'app/new.yaml': null, 'app/thing.yaml': null }
    await loseAndStartAnew(stage, cut, second(namespace), meanwhile === 'nothing' ? {} : takenBack)
    const found = await ready(stage, 'Kustomization', where)
    const isThere = meanwhile === 'nothing'
    assert.deepEqual(await configMaps(namespace), isThere ? ['kept=two', 'new=two'] : ['kept=two'], where)
    const names = (found['status'].inventory.entries as { id: string }[]).map(({ id }) => id.split('_')[1] ?? '').sort()
    assert.deepEqual(names, isThere ? ['kept', 'new', 'thing', name] : ['kept', name], where)
    // From here on it is a deployment like any other: it hears of pushes, and prunes what the lost one made.
    await repository.commit({ ...takenBack, 'app/definition.yaml': null })
    const run = await awaitRun(deployment, await stage.push())
    assert.equal(run.state, 'succeeded', JSON.stringify(run).slice(0, 2_000))
    assert.deepEqual(await configMaps(namespace), ['kept=two'], where)
    const gone = await cluster.client.waitFor(
      definitionRef,
      (one) => one === undefined || one.metadata['deletionTimestamp'] !== undefined,
    )
    assert.ok(gone === undefined || gone.metadata['deletionTimestamp'] !== undefined, where)
    await deployment.destroy()
  }

  for (const cut of cuts) {
    it(`${cut.where}: a new one finishes it`, { timeout: 300_000 }, () => lose('node', cut, 'nothing'))
    it(`${cut.where}: what Git takes back meanwhile is no orphan`, { timeout: 300_000 }, () =>
      lose('node', cut, 'takes it back'),
    )
  }
  for (const cut of cuts.slice(1, 3)) {
    it(`on workerd, ${cut.where}`, { timeout: 300_000 }, () => lose('workerd', cut, 'takes it back'))
  }
})

function group(namespace: string): string {
  return `${namespace}.example.com`
}

function definition(namespace: string): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: things.${group(namespace)} }
spec:
  group: ${group(namespace)}
  scope: Namespaced
  names: { kind: Thing, plural: things, singular: thing, listKind: ThingList }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
`
}

describe('a Helm upgrade with hooks whose deployment is lost in mid-run', () => {
  const chart = (): Files => ({
    'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
    'chart/values.yaml': 'value: one\n',
    'chart/templates/kept.yaml': configMapTemplate('kept'),
    'chart/templates/old.yaml': `{{- if eq .Values.value "one" }}\n${configMapTemplate('old')}{{- end }}\n`,
    'chart/templates/new.yaml': `{{- if eq .Values.value "two" }}\n${configMapTemplate('new')}{{- end }}\n`,
    'chart/templates/before.yaml': hookTemplate('before-{{ .Values.value }}', { hook: 'pre-upgrade' }),
    'chart/templates/after.yaml': hookTemplate('after-{{ .Values.value }}', { hook: 'post-upgrade' }),
  })
  const value = (text: string): Files => ({ 'chart/values.yaml': `value: ${text}\n` })
  /** The second and later writes of a kind. */
  const nth = (count: number, isWanted: (write: ViewedWrite) => boolean): ((write: ViewedWrite) => boolean) => {
    let seen = 0
    return (write) => isWanted(write) && ++seen === count
  }
  const isJob = ({ method, object }: ViewedWrite): boolean => method !== 'DELETE' && /^jobs(\/|$)/.test(object)
  const cuts = (): readonly Cut[] => [
    { where: 'before the release is written', at: ({ object }) => object.startsWith('secrets'), when: 'before' },
    { where: 'when the first hook was made', at: isJob, when: 'after' },
    { where: 'in the middle of the objects', at: patch('configmaps/kept'), when: 'after' },
    { where: 'before the last hook', at: nth(2, isJob), when: 'before' },
    { where: 'when the last hook was made', at: nth(2, isJob), when: 'after' },
  ]

  async function lose(platform: Platform, cut: Cut, meanwhile: 'nothing' | 'goes on'): Promise<void> {
    const stage = await setUp(platform, chart, (namespace) => ({
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'app', namespace },
      spec: {
        interval: '1h',
        chart: {
          spec: {
            chart: './chart',
            reconcileStrategy: 'Revision',
            sourceRef: { kind: 'GitRepository', name: 'app' },
          },
        },
      },
    }))
    const { namespace, deployment, repository } = stage
    const where = `${platform}, ${cut.where}, meanwhile ${meanwhile}`
    await deployment.start()
    await ready(stage, 'HelmRelease', where)
    await loseAndStartAnew(stage, cut, value('two'), meanwhile === 'nothing' ? {} : value('three'))
    await ready(stage, 'HelmRelease', where)
    assert.deepEqual(
      await configMaps(namespace),
      meanwhile === 'nothing' ? ['kept=two', 'new=two'] : ['kept=three'],
      where,
    )
    await assertConsistent(namespace, where)
    await repository.commit(value('four'))
    const run = await awaitRun(deployment, await stage.push(), 120_000)
    assert.equal(run.state, 'succeeded', JSON.stringify(run).slice(0, 2_000))
    assert.deepEqual(await configMaps(namespace), ['kept=four'], where)
    await assertConsistent(namespace, where)
    await deployment.destroy()
  }

  /** One release is deployed, the last; none is left pending; no hook ran twice. */
  async function assertConsistent(namespace: string, where: string): Promise<void> {
    const secrets = await cluster.client.list(
      { apiVersion: 'v1', kind: 'Secret', namespace },
      { labelSelector: 'owner=helm' },
    )
    const releases = secrets
      .map(({ metadata }) => metadata.labels ?? {})
      .toSorted((a, b) => Number(a['version']) - Number(b['version']))
      .map(({ status }) => status)
    assert.equal(releases.at(-1), 'deployed', `${where}: ${releases.join()}`)
    assert.ok(
      releases.slice(0, -1).every((status) => status === 'superseded' || status === 'failed'),
      `${where}: ${releases.join()}`,
    )
    const events = await cluster.client.list({ apiVersion: 'v1', kind: 'Event', namespace })
    const made = events.filter(
      (event) => event['involvedObject'].kind === 'Job' && event['reason'] === 'SuccessfulCreate',
    )
    const uids = new Map<string, Set<string>>()
    for (const { involvedObject } of made as unknown as { involvedObject: { name: string; uid: string } }[])
      uids.set(involvedObject.name, (uids.get(involvedObject.name) ?? new Set()).add(involvedObject.uid))
    for (const [name, jobs] of uids) assert.equal(jobs.size, 1, `${where}: the hook ${name} ran ${jobs.size} times`)
  }

  // Side by side, because each waits until the lock of the lost one has run out.
  it('a new one finishes it, or goes on to what Git says by then', { timeout: 500_000 }, async () => {
    const cases = [
      ...cuts().map((cut) => ['node', cut, 'nothing'] as const),
      ...cuts().map((cut) => ['node', cut, 'goes on'] as const),
      ...cuts()
        .slice(2, 3)
        .map((cut) => ['workerd', cut, 'nothing'] as const),
    ]
    await mapLimit(cases, 6, ([platform, cut, meanwhile]) => lose(platform, cut, meanwhile))
  })
})
