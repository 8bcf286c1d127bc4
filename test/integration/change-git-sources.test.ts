import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { apiVersions } from '../../src/api/index.ts'
import { planOf, propose, startApplications, writesSince, type PlannedChange } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import type { GitTestFile } from '../support/git-repository.ts'
import { GitSigner, type TestPgpKey } from '../support/git-signing.ts'
import { lastingNamespaces } from '../support/lasting-namespaces.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'
import { putSecret } from '../support/tenant.ts'

const cluster = useCluster()
const open: Scenario[] = []
after(async () => {
  for (const made of open) await made.close()
})
const lasting = lastingNamespaces(cluster)

const configMap = (name: string, data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: ${data}\n`

const kustomization = (name: string, path: string, source = 'app', more = ''): string =>
  `apiVersion: ${apiVersions.Kustomization}
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: ${path}
  prune: true
  sourceRef: { kind: GitRepository, name: ${source} }
${more}`

async function scenario(files: { readonly [path: string]: GitTestFile }): Promise<Scenario> {
  const made = await createScenario(lasting, { files, limits: { healthPollMs: 100 } })
  open.push(made)
  return made
}

const namesOf = ({ document }: PlannedChange): readonly string[] =>
  document.applications.map(({ name }) => String(name)).toSorted()

describe('signatures of what is proposed', () => {
  let made: Scenario
  let signer: GitSigner
  let author: TestPgpKey
  let stranger: TestPgpKey
  before(async () => {
    signer = new GitSigner()
    author = signer.pgpKey('author', 'ed25519')
    stranger = signer.pgpKey('stranger', 'ed25519')
    made = await scenario({
      'clusters/app.yaml': kustomization('app', './app'),
      'app/a.yaml': configMap('a', '{ x: "1" }'),
    })
    await made.repository.setBranch('main', await signed(await made.repository.revParse('main'), author))
    await putSecret(made, 'keys', { 'author.asc': author.armored })
    const { client, namespace, repository } = made
    const verify = { mode: 'HEAD', secretRef: { name: 'keys' } }
    await client.apply({
      apiVersion: apiVersions.GitRepository,
      kind: 'GitRepository',
      metadata: { name: 'app', namespace },
      spec: { interval: '1m', url: repository.url, ref: { branch: 'main' }, verify },
    })
    await startApplications(made, kustomization('root', './clusters'))
    assert.equal((await made.scan()).state, 'succeeded')
  })
  after(() => signer.close())

  /** The same files and parents in a commit with a signature. */
  async function signed(commit: string, { id }: TestPgpKey): Promise<string> {
    const tree = await made.repository.revParse(`${commit}^{tree}`)
    const parents = (await made.repository.git('rev-list', '--parents', '-n1', commit)).split(' ').slice(1)
    const given = parents.flatMap((parent) => ['-p', parent])
    return signer.git(made.repository, id, 'openpgp', 'commit-tree', '-S', ...given, '-m', 'signed', tree)
  }

  async function proposed(
    files: { readonly [path: string]: GitTestFile },
    key?: TestPgpKey,
  ): Promise<{ readonly base: string; readonly head: string }> {
    const branch = `change-${crypto.randomUUID()}`
    const commits = await propose(made, files, branch)
    if (key === undefined) return commits
    const head = await signed(commits.head, key)
    await made.repository.setBranch(branch, head)
    return { base: commits.base, head }
  }

  const change = { 'app/a.yaml': configMap('a', '{ x: "2" }') }
  const source = (more: string): string =>
    `apiVersion: ${apiVersions.GitRepository}\nkind: GitRepository\nmetadata: { name: app, namespace: $NAMESPACE }\nspec: { interval: 1m, url: "$URL", ref: { branch: main }${more} }\n`

  it('that are right let it be planned', async () => {
    const { actions, document } = await planOf(made, await proposed(change, author))
    assert.deepEqual(actions('Kustomization/app'), ['a change change'])
    assert.equal(document.applications.length, 1)
  })

  const refused: readonly {
    readonly title: string
    readonly files: () => { readonly [path: string]: GitTestFile }
    readonly key: () => TestPgpKey | undefined
    readonly message: RegExp
  }[] = [
    { title: 'missing', files: () => change, key: () => undefined, message: /signature/ },
    { title: 'of another key', files: () => change, key: () => stranger, message: /signature|key/ },
    {
      title: 'of a key that the change itself brings',
      files: () => ({
        ...change,
        'clusters/keys.yaml': `apiVersion: v1\nkind: Secret\nmetadata: { name: keys, namespace: $NAMESPACE }\nstringData: { author.asc: ${JSON.stringify(stranger.armored)} }\n`,
      }),
      key: () => stranger,
      message: /signature|key/,
    },
    {
      title: 'missing, where the change no longer asks for them',
      files: () => ({ ...change, 'clusters/source.yaml': source('').replace('$URL', made.repository.url) }),
      key: () => undefined,
      message: /signature/,
    },
  ]
  for (const { title, files, key, message } of refused)
    for (const more of [{}, { live: 'denied', secrets: 'withheld' }] as const)
      it(`${title}${'live' in more ? ', from a fork' : ''}: nothing would be applied, and the plan says so`, async () => {
        const mark = await cluster.auditMark()
        const { document, plan, application } = await planOf(made, await proposed(files(), key()), more)
        assert.notEqual(document.applications.length, 0)
        for (const one of document.applications) {
          assert.equal(one.state, 'failed')
          assert.deepEqual(one.objects, [])
          assert.match(String(one.errors[0]?.message), message)
          assert.equal(one.errors[0]?.phase, 'source')
        }
        assert.equal(application('Kustomization/app').state, 'failed')
        assert.deepEqual(plan.digests, [])
        assert.deepEqual(await writesSince(cluster, mark, made.namespace), [])
      })
})

describe('what a source follows', () => {
  const refs = (base: string): { readonly [name: string]: object | undefined } => ({
    'branch-main': { branch: 'main' },
    'branch-other': { branch: 'other' },
    master: undefined,
    tag: { tag: 'v1.0.0' },
    semver: { semver: '>=1.0.0' },
    'name-branch': { name: 'refs/heads/main' },
    'name-tag': { name: 'refs/tags/v1.0.0' },
    commit: { branch: 'main', commit: base },
    // A tag comes before a branch.
    'tag-branch': { branch: 'main', tag: 'v1.0.0' },
  })
  let made: Scenario
  let base: string
  before(async () => {
    made = await scenario({
      'clusters/none.yaml': configMap('none', '{ x: "1" }'),
      'app/a.yaml': configMap('a', '{ x: "1" }'),
    })
    base = (await made.repository.head()) ?? ''
    await made.repository.tag('v1.0.0', { commit: base })
    for (const branch of ['other', 'master']) await made.repository.setBranch(branch, base)
    await made.repository.commit(
      Object.entries(refs(base)).flatMap(([name, ref]): [string, string][] => [
        [
          `clusters/${name}.yaml`,
          kustomization(name, './app', name, `  namePrefix: ${name}-\n`).replaceAll('$NAMESPACE', made.namespace),
        ],
        [`clusters/source-${name}.yaml`, source(name, ref)],
      ]),
    )
    await startApplications(made, kustomization('root', './clusters'))
    assert.equal((await made.run({ kind: 'trigger', target: 'cluster' })).record.state, 'succeeded')
  })

  function source(name: string, ref: object | undefined): string {
    const spec = { interval: '1h', url: made.repository.url, ...(ref === undefined ? {} : { ref }) }
    const metadata = { name, namespace: made.namespace }
    return `${JSON.stringify({ apiVersion: apiVersions.GitRepository, kind: 'GitRepository', metadata, spec })}\n`
  }

  const files = { 'app/a.yaml': configMap('a', '{ x: "2" }') }

  it('decides whether a change of a branch concerns it', async () => {
    const main = await planOf(made, await propose(made, files))
    assert.deepEqual(namesOf(main), ['branch-main', 'name-branch'])
    for (const name of namesOf(main))
      assert.deepEqual(main.actions(`Kustomization/${name}`), [`${name}-a change change`])
    const commits = await propose(made, files)
    assert.deepEqual(namesOf(await planOf(made, commits, { branch: 'refs/heads/other' })), ['branch-other'])
    assert.deepEqual(namesOf(await planOf(made, commits, { branch: 'refs/heads/master' })), ['master'])
    assert.deepEqual(namesOf(await planOf(made, commits, { branch: 'refs/heads/v1.0.0' })), [])
    assert.deepEqual(namesOf(await planOf(made, commits, { urls: [`${made.repository.url}x`] })), [])
  })

  it('may be changed by the change: what it leads to then is what is planned', async () => {
    const { repository } = made
    const next = await repository.commit(
      { 'app/a.yaml': configMap('a', '{ x: "next" }').replace('$NAMESPACE', made.namespace) },
      { branch: 'next' },
    )
    await repository.tag('v2.0.0', { commit: next })
    const rows: readonly { readonly name: string; readonly ref: object }[] = [
      { name: 'tag', ref: { tag: 'v2.0.0' } },
      { name: 'semver', ref: { semver: '2.x' } },
      { name: 'commit', ref: { branch: 'next', commit: next } },
      { name: 'name-tag', ref: { name: 'refs/tags/v2.0.0' } },
      { name: 'branch-main', ref: { branch: 'next' } },
    ]
    for (const { name, ref } of rows) {
      const planned = await planOf(made, await propose(made, { [`clusters/source-${name}.yaml`]: source(name, ref) }))
      assert.deepEqual(namesOf(planned), [name, 'root'].toSorted(), name)
      assert.deepEqual(planned.actions('Kustomization/root'), [`${name} change change`])
      const [object] = planned.application(`Kustomization/${name}`).objects
      assert.deepEqual(
        object?.differences.map(({ path, before, after: then }) => [path, before, then]),
        [['.data.x', '1', 'next']],
        name,
      )
    }
    // From a tag to the branch of the change: head, with what it changes.
    const followed = await planOf(
      made,
      await propose(made, { ...files, 'clusters/source-tag.yaml': source('tag', { branch: 'main' }) }),
    )
    assert.deepEqual(followed.actions('Kustomization/tag'), ['tag-a change change'])
    // And away from it: what the change does to the files is not for this application.
    const left = await planOf(
      made,
      await propose(made, { ...files, 'clusters/source-branch-main.yaml': source('branch-main', { tag: 'v1.0.0' }) }),
    )
    assert.deepEqual(namesOf(left), ['name-branch', 'root'])
  })

  it('that is not there is an error of the applications of that source alone', async () => {
    const planned = await planOf(
      made,
      await propose(made, { ...files, 'clusters/source-tag.yaml': source('tag', { tag: 'v9' }) }),
    )
    assert.deepEqual(namesOf(planned), ['branch-main', 'name-branch', 'root', 'tag'])
    const { state, errors, objects } = planned.application('Kustomization/tag')
    assert.deepEqual([state, objects, errors.length, errors[0]?.phase], ['failed', [], 1, 'source'])
    assert.match(String(errors[0]?.message), /v9/)
    assert.equal(planned.application('Kustomization/branch-main').state, 'planned')
  })
})

describe('a source that is among the objects made from it', () => {
  const source = (url: string, more = ''): string =>
    `apiVersion: ${apiVersions.GitRepository}\nkind: GitRepository\nmetadata: { name: app, namespace: $NAMESPACE }\nspec: { interval: 1m, url: "${url}", ref: { branch: main }${more} }\n`

  it('counts as the change makes it, for everything that is made from it', async () => {
    const made = await scenario({
      'clusters/app.yaml': kustomization('app', './app'),
      'app/a.yaml': configMap('a', '{ x: "1" }'),
      'app/b.yaml': configMap('b', '{ x: "1" }'),
    })
    const { repository, namespace } = made
    const filled = (more = ''): string => source(repository.url, more).replaceAll('$NAMESPACE', namespace)
    await repository.commit({ 'clusters/source.yaml': filled() })
    await startApplications(made, kustomization('root', './clusters'))
    assert.equal((await made.scan()).state, 'succeeded')
    const ignored = await planOf(
      made,
      await propose(made, { 'clusters/source.yaml': filled(', ignore: "/app/b.yaml"') }),
    )
    assert.deepEqual(namesOf(ignored), ['app', 'root'])
    assert.deepEqual(ignored.actions('Kustomization/app'), ['b delete change'])
    // The other branch says the same of the source, or there would be no end.
    const elsewhere = { 'clusters/source.yaml': filled().replace('branch: main', 'branch: next') }
    await repository.setBranch('next')
    const file = configMap('a', '{ x: "next" }').replaceAll('$NAMESPACE', namespace)
    await repository.commit({ ...elsewhere, 'app/a.yaml': file }, { branch: 'next' })
    const moved = await planOf(made, await propose(made, elsewhere))
    assert.deepEqual(moved.actions('Kustomization/app'), ['a change change'])
  })
})
