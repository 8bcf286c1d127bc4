import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { planOf, propose, writesSince } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

after(async () => {
  for (const made of open) await made.close()
})

type Files = { readonly [path: string]: string }

async function scenario(files: Files): Promise<Scenario> {
  const made = await createScenario(cluster, { files })
  open.push(made)
  return made
}

const configMap = (name: string, data: string, extra = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: $NAMESPACE\n${extra}data: ${data}\n`

const kustomization = (name: string, path: string, more = ''): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${more}`

/** Applies Kustomizations that nobody renders, and runs what the repository says. */
async function start(made: Scenario, ...roots: readonly string[]): Promise<void> {
  const { parse } = await import('yaml')
  for (const text of roots) await made.client.apply(parse(text.replaceAll('$NAMESPACE', made.namespace)) as object)
  const { record } = { record: await made.pushed() }
  assert.equal(record.state, 'succeeded', JSON.stringify(record).slice(0, 2000))
}

describe('a plan of a change', () => {
  it('says what happens to each object, tells drift from the change, and changes nothing', async () => {
    const made = await scenario({
      'app/kustomization.yaml': 'resources: [change.yaml, drift.yaml, gone.yaml, kept.yaml, ignored.yaml, same.yaml]\n',
      'app/change.yaml': configMap('change', '{ color: blue, size: small }'),
      'app/drift.yaml': configMap('drift', '{ replicas: "1", other: a }'),
      'app/gone.yaml': configMap('gone', '{ x: "1" }'),
      'app/kept.yaml': configMap(
        'kept',
        '{ x: "1" }',
        '  annotations: { kustomize.toolkit.fluxcd.io/prune: disabled }\n',
      ),
      'app/ignored.yaml': configMap(
        'ignored',
        '{ x: "1" }',
        '  annotations: { kustomize.toolkit.fluxcd.io/ssa: Ignore }\n',
      ),
      'app/same.yaml': configMap('same', '{ x: "1" }'),
    })
    await start(made, kustomization('app', './app'))
    const { namespace, client } = made
    await client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'drift', namespace, labels: { by: 'hand' } },
      data: { replicas: '5' },
    })
    const before = await client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: '' })
    const commits = await propose(made, {
      'app/kustomization.yaml':
        'resources: [change.yaml, drift.yaml, new.yaml, refused.yaml, ignored.yaml, same.yaml]\n',
      'app/change.yaml': configMap('change', '{ color: green, size: small }'),
      'app/ignored.yaml': configMap(
        'ignored',
        '{ x: "2" }',
        '  annotations: { kustomize.toolkit.fluxcd.io/ssa: Ignore }\n',
      ),
      'app/new.yaml': configMap('new', '{ x: "1" }'),
      'app/refused.yaml': configMap('Not-A-Name', '{ x: "1" }'),
    })
    const mark = await cluster.auditMark()
    const { plan, application, actions } = await planOf(made, commits)
    assert.deepEqual(actions('Kustomization/app'), [
      'Not-A-Name refuse change',
      'change change change',
      'drift change drift',
      'gone delete change',
      'ignored skip change',
      'kept skip change',
      'new create change',
    ])
    assert.equal(plan.renders, 2)
    const change = application('Kustomization/app').objects.find(({ ref }) => ref.name === 'change')
    assert.deepEqual(change?.differences, [
      { path: '.data.color', change: 'replace', origin: 'change', before: 'blue', after: 'green' },
    ])
    assert.deepEqual(await writesSince(cluster, mark, namespace), [])
    assert.deepEqual(await client.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name: '' }), before)
  })

  it('replaces, creates what comes with its namespace, and moves objects between applications', async () => {
    const made = await scenario({
      'a/moves.yaml': configMap('moves', '{ x: "1" }'),
      'a/stays.yaml': configMap('stays', '{ x: "1" }'),
      'a/fixed.yaml': configMap('fixed', '{ x: "1" }', 'immutable: true\n'),
      'b/other.yaml': configMap('other', '{ x: "1" }'),
    })
    await start(made, kustomization('a', './a', '  force: true\n'), kustomization('b', './b'))
    const fresh = `${made.namespace}-fresh`
    const commits = await propose(made, {
      'a/moves.yaml': null,
      'a/fixed.yaml': configMap('fixed', '{ x: "2" }', 'immutable: true\n'),
      'b/moves.yaml': configMap('moves', '{ x: "2" }'),
      'b/namespace.yaml': `apiVersion: v1\nkind: Namespace\nmetadata: { name: ${fresh} }\n`,
      'a/inside.yaml': configMap('inside', '{ x: "1" }').replace('$NAMESPACE', fresh),
    })
    const mark = await cluster.auditMark()
    const { application, actions, plan } = await planOf(made, commits)
    assert.deepEqual(actions('Kustomization/a').toSorted(), [
      'fixed replace change',
      'inside create change',
      'moves move change',
    ])
    const inside = application('Kustomization/a').objects.find(({ ref }) => ref.name === 'inside')
    assert.match(String(inside?.note), /its namespace comes with the same change/)
    assert.deepEqual(actions('Kustomization/b').toSorted(), [`${fresh} create change`, 'moves move change'].toSorted())
    const moved = application('Kustomization/b').objects.find(({ ref }) => ref.name === 'moves')
    assert.equal(moved?.from, `Kustomization/${made.namespace}/a`)
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
    const touched = plan.digests.find(({ name }) => name === 'a')?.touched ?? []
    assert.equal(touched.length, 2)
  })

  it('goes down to children: changed ones, new ones with a new source, and those that disappear', async () => {
    const made = await scenario({
      'clusters/changed.yaml': kustomization('changed', './one'),
      'clusters/same.yaml': kustomization('same', './same'),
      'clusters/removed.yaml': kustomization('removed', './removed'),
      'clusters/left.yaml': kustomization('left', './left', '  deletionPolicy: Orphan\n'),
      'one/a.yaml': configMap('a', '{ x: "1" }'),
      'two/a.yaml': configMap('a', '{ x: "2" }'),
      'same/s.yaml': configMap('s', '{ x: "1" }'),
      'removed/r.yaml': configMap('r', '{ x: "1" }'),
      'left/l.yaml': configMap('l', '{ x: "1" }'),
    })
    await start(made, kustomization('root', './clusters'))
    assert.equal((await made.scan()).state, 'succeeded')
    const source = `apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: second, namespace: $NAMESPACE }
spec: { interval: 1h, url: ${made.repository.url}, ref: { branch: main } }
`
    const commits = await propose(made, {
      'clusters/changed.yaml': kustomization('changed', './two'),
      'clusters/removed.yaml': null,
      'clusters/left.yaml': null,
      'clusters/source.yaml': source,
      'clusters/new.yaml': kustomization('new', './new').replace('name: app }', 'name: second }'),
      'new/n.yaml': configMap('n', '{ x: "1" }'),
    })
    const mark = await cluster.auditMark()
    const { document, actions, application, plan } = await planOf(made, commits)
    assert.deepEqual(document.applications.map(({ name }) => String(name)).toSorted(), [
      'changed',
      'left',
      'new',
      'removed',
      'root',
    ])
    assert.deepEqual(actions('Kustomization/changed'), ['a change change'])
    assert.deepEqual(actions('Kustomization/new'), ['n create change'])
    assert.deepEqual(actions('Kustomization/removed'), ['r delete change'])
    assert.deepEqual(actions('Kustomization/left'), ['l keep change'])
    assert.match(String(application('Kustomization/removed').reason), /the change deletes it/)
    assert.deepEqual(actions('Kustomization/root').toSorted(), [
      'changed change change',
      'left delete change',
      'new create change',
      'removed delete change',
      'second create change',
    ])
    assert.equal(plan.renders, 2 + 2 + 1 + 1 + 1)
    assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
  })

  it('renders nothing that the change does not concern, and follows values from ConfigMaps in Git', async () => {
    const apps = Array.from({ length: 12 }, (_, index) => `app-${index}`)
    const made = await scenario({
      ...Object.fromEntries(apps.map((name) => [`${name}/cm.yaml`, configMap(name, '{ x: "1" }')])),
      'vars/vars.yaml': configMap('vars', '{ value: one }'),
      'user/cm.yaml': configMap('user', '{ x: "${value}" }'),
    })
    await start(
      made,
      ...apps.map((name) => kustomization(name, `./${name}`)),
      kustomization('vars', './vars'),
      kustomization(
        'user',
        './user',
        '  postBuild: { substituteFrom: [{ kind: ConfigMap, name: vars, optional: true }] }\n',
      ),
    )
    await made.scan()
    const nothing = await planOf(made, await propose(made, { 'README.md': 'hello\n' }))
    assert.deepEqual([nothing.plan.renders, nothing.document.applications.length], [0, 0])
    const one = await planOf(made, await propose(made, { 'app-3/cm.yaml': configMap('app-3', '{ x: "2" }') }))
    assert.deepEqual(
      one.document.applications.map(({ name }) => String(name)),
      ['app-3'],
    )
    assert.equal(one.plan.renders, 2)
    assert.ok(
      one.plan.requests <= nothing.plan.requests + 6,
      `${one.plan.requests} requests, ${nothing.plan.requests} for nothing`,
    )
    const vars = await planOf(made, await propose(made, { 'vars/vars.yaml': configMap('vars', '{ value: two }') }))
    assert.deepEqual(vars.actions('Kustomization/vars'), ['vars change change'])
    assert.deepEqual(vars.actions('Kustomization/user'), ['user change change'])
    assert.equal(vars.plan.renders, 4)
  })

  it('says what holds an application, and what it waits for without end', async () => {
    const made = await scenario({
      'clusters/child.yaml': kustomization('child', './child'),
      'child/c.yaml': configMap('c', '{ x: "1" }'),
      'held/h.yaml': configMap('h', '{ x: "1" }'),
      'waits/w.yaml': configMap('w', '{ x: "1" }'),
    })
    await start(
      made,
      kustomization('root', './clusters'),
      kustomization('held', './held'),
      kustomization('waits', './waits'),
    )
    await made.scan()
    const { client, namespace } = made
    const change = async (name: string, spec: object): Promise<void> => {
      const key = { apiVersion: 'kustomize.toolkit.fluxcd.io/v1', kind: 'Kustomization' }
      const { metadata, ...object } = await client.get({ ...key, namespace, name })
      await client.apply({
        ...key,
        metadata: { name, namespace, ...(metadata.labels === undefined ? {} : { labels: metadata.labels }) },
        spec: { ...object['spec'], ...spec },
      })
    }
    for (const name of ['root', 'held']) await change(name, { suspend: true })
    await change('waits', { dependsOn: [{ name: 'nobody' }, { name: 'held' }] })
    const commits = await propose(made, {
      'clusters/child.yaml': kustomization('child', './held'),
      'held/h.yaml': configMap('h', '{ x: "2" }'),
      'waits/w.yaml': configMap('w', '{ x: "2" }'),
    })
    const { application, document } = await planOf(made, commits)
    assert.equal(application('Kustomization/held').state, 'held')
    assert.match(String(application('Kustomization/held').reason), /it is suspended/)
    assert.deepEqual(
      application('Kustomization/held').objects.map(({ action }) => action),
      ['change'],
    )
    assert.equal(application('Kustomization/child').state, 'held')
    assert.equal(application('Kustomization/waits').state, 'blocked')
    const rules = document.dangers.map(({ rule, application: of }) => `${rule} ${String(of)}`)
    assert.ok(
      rules.some((text) => text.startsWith('suspended-parent') && text.endsWith('child')),
      rules.join(', '),
    )
    assert.equal(rules.filter((text) => text.endsWith('waits')).length > 0, true, rules.join(', '))
  })

  it('does not ask the cluster about a change of somebody who may not learn of it', async () => {
    const made = await scenario({
      'app/a.yaml': configMap('a', '{ x: "1" }'),
      'user/u.yaml': configMap('u', '{ x: "${value}" }'),
    })
    const { client, namespace } = made
    await client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'live', namespace },
      data: { value: 'canary-live' },
    })
    await start(
      made,
      kustomization('app', './app'),
      kustomization('user', './user', '  postBuild: { substituteFrom: [{ kind: ConfigMap, name: live }] }\n'),
    )
    const commits = await propose(made, {
      'app/a.yaml': configMap('a', '{ x: "2" }'),
      'user/u.yaml': configMap('u', '{ x: "${value}", y: "1" }'),
    })
    const mark = await cluster.auditMark()
    const { document, actions } = await planOf(made, commits, { live: 'denied', secrets: 'withheld' })
    assert.deepEqual(actions('Kustomization/app'), ['a change change'])
    assert.equal(
      document.applications.every(({ live }) => live === 'denied'),
      true,
    )
    assert.equal(JSON.stringify(document).includes('canary-live'), false)
    const { requests } = await cluster.requestCounts(mark)
    const asked = requests.filter((one) => one.namespace === namespace && !one.resource.endsWith('.toolkit.fluxcd.io'))
    assert.deepEqual(
      asked.map(({ verb, uri }) => `${verb} ${uri}`),
      [],
    )
  })

  it('fails one application alone, at the place of the mistake', async () => {
    const made = await scenario({
      'good/a.yaml': configMap('a', '{ x: "1" }'),
      'bad/kustomization.yaml': 'resources: [b.yaml]\n',
      'bad/b.yaml': configMap('b', '{ x: "1" }'),
    })
    await start(made, kustomization('good', './good'), kustomization('bad', './bad'))
    const { application, actions, plan } = await planOf(
      made,
      await propose(made, {
        'good/a.yaml': configMap('a', '{ x: "2" }'),
        'bad/kustomization.yaml': 'resources: [b.yaml, missing.yaml]\n',
      }),
    )
    assert.deepEqual(actions('Kustomization/good'), ['a change change'])
    assert.equal(application('Kustomization/bad').state, 'failed')
    assert.match(JSON.stringify(application('Kustomization/bad').errors), /missing\.yaml/)
    assert.deepEqual(
      plan.digests.map(({ name }) => name),
      ['good'],
    )
  })
})
