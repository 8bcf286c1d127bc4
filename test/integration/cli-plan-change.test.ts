import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { PlanDocument } from '../../src/plan/index.ts'
import { ChartServer, makeChart, makeIndex } from '../support/chart-server.ts'
import { bundleCli, type Cli, type CliResult } from '../support/cli.ts'
import {
  child,
  configMap,
  createCopy,
  fleetFiles,
  greeter,
  openCopy,
  syncFile,
  type FleetCopy,
} from '../support/fleet-copy.ts'

/** Plans of a working copy, without a cluster and without a network. */
describe('plan --base', () => {
  let directory: string
  let cli: Cli
  let count = 0
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-copy-'))
    cli = await bundleCli(directory)
  })
  after(() => rm(directory, { recursive: true, force: true }))

  const newCopy = (files = fleetFiles): Promise<FleetCopy> => createCopy(join(directory, `copy-${++count}`), files)
  const run = (copy: Pick<FleetCopy, 'directory'>, ...args: readonly string[]): Promise<CliResult> =>
    cli.run(['plan', ...args], {}, copy.directory)
  const ok = (result: CliResult, code = 0): string => {
    assert.equal(result.code, code, `${result.stderr}\n${result.stdout}`)
    return result.stdout
  }
  const planned = async (copy: FleetCopy, code: number, ...args: readonly string[]): Promise<PlanDocument> =>
    JSON.parse(ok(await run(copy, '--base', 'main', ...args), code)) as PlanDocument
  /** `Kind/name: action Kind/name` of everything that happens. */
  const actionsOf = ({ applications }: PlanDocument): readonly string[] =>
    applications.flatMap(({ kind, name, objects }) =>
      objects.map(
        ({ action, ref, to }) => `${kind}/${name}: ${action} ${ref.kind}/${ref.name}${to === undefined ? '' : ' away'}`,
      ),
    )

  it('renders both commits, follows what they render, and says what is dangerous', async () => {
    const copy = await newCopy()
    await copy.git('checkout', '--quiet', '-b', 'topic')
    await copy.commit({
      'apps/web/a.yaml': configMap('a', 'blue'),
      'apps/web/gone.yaml': null,
      'apps/web/moved.yaml': null,
      'apps/other/moved.yaml': configMap('moved', 'red'),
      'clusters/production/greeter.yaml': greeter(0),
      'clusters/production/fresh.yaml': child('fresh', './apps/fresh'),
      'apps/fresh/c.yaml': configMap('c', 'green'),
    })
    const document = await planned(copy, 0, '--offline')
    assert.deepEqual(actionsOf(document), [
      'HelmRelease/greeter: change Deployment/greeter',
      'Kustomization/flux-system: change HelmRelease/greeter',
      'Kustomization/flux-system: create Kustomization/fresh',
      'Kustomization/fresh: create ConfigMap/c',
      'Kustomization/other: move ConfigMap/moved',
      'Kustomization/web: change ConfigMap/a',
      'Kustomization/web: delete ConfigMap/gone',
      'Kustomization/web: move ConfigMap/moved away',
    ])
    assert.deepEqual(
      document.dangers.map(({ rule, application }) => `${rule} ${application}`),
      ['replicas-zero HelmRelease/flux-system/greeter'],
    )
    assert.deepEqual(
      [...new Set(document.applications.map(({ live, cluster }) => `${cluster} ${live}`))],
      ['production not-asked'],
    )
    const text = await run(copy, '--base', 'main', '--offline', '--exit-code', '-o', 'table')
    const shown = ok(text, 1)
    assert.match(
      shown,
      /^This change needs a careful look\n {2}danger {2}scales Deployment\/shop\/greeter from 2 to 0\n/,
    )
    assert.match(shown, /\nFrom Git alone\. Not known without a cluster/)
    assert.match(
      shown,
      /\nPlaceholders stood for Secrets and encrypted values in Kustomization\/flux-system\/web on production\.\n$/,
    )
    assert.match(text.stderr, /^► comparing main \(\w{8}\) with HEAD \(\w{8}\)\n/m)
    assert.match(ok(await run(copy, '--base', 'main', '--offline', '-o', 'markdown')), /^### .*\n[^]*\*\*Dangers\*\*/)
    assert.match(ok(await run(copy, '--base', 'main', '--offline', '-o', 'sarif')), /"ruleId": ?"replicas-zero"/)
    assert.match(
      ok(await run(copy, '--base', 'main', '--offline', '-o', 'yaml')),
      /^applications:\n- chart|^applications:\n- cluster/,
    )
  })

  it('a changed encrypted value is a change whose values nobody sees, and needs no key', async () => {
    const copy = await newCopy()
    const secret = String(fleetFiles['apps/web/secret.yaml'])
    await copy.write({ 'apps/web/secret.yaml': secret.replace('data:O10A6TxE', 'data:O10A6TxF') })
    const document = await planned(copy, 0, '--offline')
    assert.deepEqual(actionsOf(document), ['Kustomization/web: change Secret/credentials'])
    const [difference] = document.applications.flatMap(({ objects }) =>
      objects.flatMap(({ differences }) => differences),
    )
    assert.equal(difference?.path, '.data.token')
    assert.equal(difference.isHidden, true)
    assert.equal(JSON.stringify(document).includes('O10A6TxF'), false)
  })

  it('takes the files as they are, with new ones and without ignored ones, and leaves the repository as it was', async () => {
    const copy = await newCopy()
    await copy.write({
      'apps/web/a.yaml': configMap('a', 'blue'),
      'apps/web/new.yaml': configMap('new', 'blue'),
      'apps/web/ignored.yaml': configMap('ignored', 'blue'),
    })
    await copy.write({ 'apps/other/b.yaml': configMap('b', 'staged') })
    await copy.git('add', 'apps/other/b.yaml')
    const stateOf = async (): Promise<readonly string[]> => [
      await copy.git('status', '--porcelain'),
      await copy.git('count-objects', '-v'),
      await copy.git('ls-files', '--stage'),
    ]
    const was = await stateOf()
    const document = await planned(copy, 0, '--offline')
    assert.deepEqual(actionsOf(document), [
      'Kustomization/other: change ConfigMap/b',
      'Kustomization/web: change ConfigMap/a',
      'Kustomization/web: create ConfigMap/new',
    ])
    assert.deepEqual(await stateOf(), was)
    assert.deepEqual(actionsOf(await planned(copy, 0, '--offline', '--head', 'HEAD')), [])
    // From a hook, whose variables name the repository, and from a directory below.
    const below = { directory: join(copy.directory, 'apps') }
    const hook = await cli.run(
      ['plan', '--base', 'main', '--offline'],
      { GIT_DIR: join(copy.directory, '.git') },
      copy.directory,
    )
    assert.deepEqual(actionsOf(JSON.parse(ok(hook)) as PlanDocument), actionsOf(document))
    assert.deepEqual(
      actionsOf(JSON.parse(ok(await run(below, '--base', 'main', '--offline'))) as PlanDocument),
      actionsOf(document),
    )
  })

  it('compares with where the branch left the base, as a pull request does', async () => {
    const copy = await newCopy()
    await copy.git('checkout', '--quiet', '-b', 'topic')
    await copy.commit({ 'apps/web/a.yaml': configMap('a', 'blue') })
    await copy.git('checkout', '--quiet', 'main')
    await copy.commit({ 'apps/other/b.yaml': configMap('b', 'green') })
    await copy.git('checkout', '--quiet', 'topic')
    const result = await run(copy, '--base', 'main', '--offline')
    assert.deepEqual(actionsOf(JSON.parse(ok(result)) as PlanDocument), ['Kustomization/web: change ConfigMap/a'])
    assert.match(result.stderr, /with HEAD \(\w{8}\), from where it left main\n/)
  })

  it('reads linked worktrees, packed repositories and shallow clones', async () => {
    const copy = await newCopy()
    await copy.git('gc', '--quiet')
    await copy.git('pack-refs', '--all')
    const linked = openCopy(join(directory, `linked-${count}`))
    await copy.git('worktree', 'add', '--quiet', '-b', 'linked', linked.directory)
    await linked.write({ 'apps/web/a.yaml': configMap('a', 'blue') })
    assert.deepEqual(actionsOf(await planned(linked, 0, '--offline')), ['Kustomization/web: change ConfigMap/a'])
    await copy.commit({ 'apps/other/b.yaml': configMap('b', 'green') })
    const shallow = openCopy(join(directory, `shallow-${count}`))
    await copy.git('clone', '--quiet', '--depth', '1', `file://${copy.directory}`, shallow.directory)
    await shallow.write({ 'apps/web/a.yaml': configMap('a', 'blue') })
    assert.deepEqual(actionsOf(await planned(shallow, 0, '--offline')), ['Kustomization/web: change ConfigMap/a'])
  })

  it('plans every cluster of the repository, new ones too, and names those that it cannot', async () => {
    const copy = await newCopy({
      ...fleetFiles,
      'clusters/tagged/flux-system/gotk-sync.yaml': syncFile('clusters/tagged', { ref: '{ tag: v1 }' }),
    })
    await copy.write({
      'apps/other/b.yaml': configMap('b', 'green'),
      'clusters/edge/flux-system/gotk-sync.yaml': syncFile('clusters/edge'),
      'clusters/edge/other.yaml': child('other', './apps/other'),
    })
    const document = await planned(copy, 1, '--offline')
    assert.deepEqual(
      document.applications.flatMap(({ cluster, name, objects }) =>
        objects.map(({ action, ref }) => `${cluster} ${name} ${action} ${ref.name}`),
      ),
      [
        'edge flux-system create flux-system',
        'edge flux-system create flux-system',
        'edge flux-system create other',
        'edge other create b',
        'production other change b',
      ],
    )
    assert.deepEqual(document.unplanned, [
      { cluster: 'tagged', reason: 'it follows no branch of github.com/team/fleet, so that no push changes it' },
    ])
    const one = await planned(copy, 0, '--offline', '--path', './clusters/production/')
    assert.deepEqual([...new Set(one.applications.map(({ cluster }) => cluster))], ['production'])
    assert.equal(one.unplanned, undefined)
  })

  it('fetches charts from elsewhere, without credentials; --offline says what it could not render', async () => {
    const charts = await ChartServer.start()
    try {
      const versions = ['1.0.0', '2.0.0']
      for (const version of versions) charts.files.set(`/far-${version}.tgz`, makeChart('far', version))
      charts.files.set(
        '/index.yaml',
        makeIndex(versions.map((version) => ({ name: 'far', version, url: `far-${version}.tgz` }))),
      )
      const copy = await newCopy()
      const release = (version: string): string =>
        `apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: { name: far, namespace: flux-system }\nspec: { interval: 1h, url: "${charts.url}" }\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: { name: far, namespace: flux-system }\nspec:\n  interval: 1h\n  chart: { spec: { chart: far, version: "${version}", sourceRef: { kind: HelmRepository, name: far } } }\n`
      await copy.commit({ 'clusters/production/far.yaml': release('1.0.0') })
      await copy.write({
        'clusters/production/far.yaml': release('2.0.0'),
        'apps/other/b.yaml': configMap('b', 'green'),
      })
      const document = await planned(copy, 0)
      assert.deepEqual(actionsOf(document), [
        'HelmRelease/far: change ConfigMap/far',
        'Kustomization/flux-system: change HelmRelease/far',
        'Kustomization/other: change ConfigMap/b',
      ])
      charts.seen.length = 0
      const offline = await planned(copy, 1, '--offline')
      assert.deepEqual(charts.seen, [])
      const failed = offline.applications.filter(({ state }) => state === 'failed')
      assert.deepEqual(
        failed.map(({ name }) => name),
        ['far'],
      )
      assert.match(failed[0]?.errors[0]?.message ?? '', /^127\.0\.0\.1:\d+ is not asked, because of --offline/)
      assert.ok(actionsOf(offline).includes('Kustomization/other: change ConfigMap/b'))
      charts.login = 'user:password'
      const refused = await planned(copy, 1)
      assert.match(refused.applications.find(({ name }) => name === 'far')?.errors[0]?.message ?? '', /40[13]|authenti/)
    } finally {
      await charts.close()
    }
  })

  it('uses the severities of the base, and says what it cannot do', async () => {
    const copy = await newCopy({ ...fleetFiles, '.sluice/plan.yaml': 'severities: { replicas-zero: block }\n' })
    await copy.write({
      'clusters/production/greeter.yaml': greeter(0),
      '.sluice/plan.yaml': 'severities: { replicas-zero: off }\n',
    })
    assert.deepEqual(
      (await planned(copy, 0, '--offline')).dangers.map(({ severity }) => severity),
      ['block'],
    )
    const fails = async (
      where: Pick<FleetCopy, 'directory'>,
      wanted: RegExp,
      ...args: readonly string[]
    ): Promise<void> => {
      const { code, stderr } = await run(where, ...args)
      assert.equal(code, 2, stderr)
      assert.match(stderr, wanted)
    }
    await fails(copy, /'nowhere' is no commit here/, '--base', 'nowhere')
    await fails(
      copy,
      /there is no clusters\/none\/flux-system\/gotk-sync\.yaml in either commit; there is one in clusters\/production/,
      '--base',
      'main',
      '--path',
      'clusters/none',
    )
    await fails(copy, /--head and --worktree do not go together/, '--base', 'main', '--head', 'HEAD', '--worktree')
    await fails(copy, /name an object \(ks web\), or commits with --base; not both/, 'ks', 'web', '--base', 'main')
    await fails(copy, /--offline goes with --base/, 'ks', 'web', '--offline')
    await fails({ directory: tmpdir() }, /this is no working copy of Git/, '--base', 'main')
    const empty = await newCopy({ 'README.md': 'nothing\n' })
    await fails(empty, /neither commit has a cluster/, '--base', 'main')
    const broken = await newCopy({ 'flux-system/gotk-sync.yaml': 'kind: Nothing\n' })
    await fails(broken, /flux-system\/gotk-sync\.yaml does not say what the cluster begins with/, '--base', 'main')
    await copy.git('checkout', '--quiet', '--orphan', 'alone')
    await copy.git('commit', '--quiet', '--all', '--message', 'alone')
    await fails(copy, /main and HEAD have no commit in common here/, '--base', 'main', '--head', 'HEAD')
  })
})
