import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startNode, type NodeServer } from '../../functions/node.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import { deploymentEnvironment, triggerToken } from '../support/deployment.ts'
import {
  askPlans,
  eventually,
  fleet,
  startPlanScene,
  type PlanScene,
  type PlanSceneOptions,
  type ShownPlan,
} from '../support/plan-scene.ts'
import { manifestsPlan, planningEngine } from '../support/planning-engine.ts'

const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

interface Scene extends PlanScene {
  readonly deployment: NodeServer & { readonly triggerToken: string }
  readonly logs: string[]
  readonly branch: (...args: readonly string[]) => Promise<string>
}

async function setup(options: Partial<PlanSceneOptions> = {}): Promise<Scene> {
  const scene = await startPlanScene({
    kind: 'github',
    files: { 'app/a.yaml': 'color: red\n' },
    ...options,
    rule: { manifests: { branch: 'sluice/rendered/{number}' }, ...options.rule },
  })
  const directory = await mkdtemp(join(tmpdir(), 'sluice-manifests-'))
  const logs: string[] = []
  const env = deploymentEnvironment({
    clusters: ['blue', 'green'].map((name) => ({ name, server: 'https://127.0.0.1:1' })),
    settings: { publicUrl: 'https://sluice.example.com' },
    env: scene.env,
  })
  const server = await startNode(
    { ...env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: directory },
    { createEngine: planningEngine(manifestsPlan), log: (line) => logs.push(line) },
  )
  const deployment = { ...server, triggerToken }
  scene.connect(deployment)
  closers.push(
    () => rm(directory, { recursive: true, force: true }),
    () => scene.close(),
    () => server.stop(1000),
  )
  return { ...scene, deployment, logs, branch: (...args) => scene.repository.git.git(...args) }
}

const link =
  /\[The change as plain YAML\]\((http[^)]+)\/compare\/([0-9a-f]{40})\.\.\.([0-9a-f]{40})\) · \[Rendered manifests\]\(https:\/\/sluice\.example\.com\/ui\/plans\/[0-9a-f]{32}\/manifests\)/

const kinds: readonly (readonly [kind: ForgeKind, hasApp: boolean])[] = [
  ['github', true],
  ['gitlab', false],
  ['gitea', false],
]

for (const [kind, hasApp] of kinds)
  describe(`the branch with rendered manifests at ${kind}`, () => {
    it('has the change as two commits, follows the pull request, and goes with it', async () => {
      const scene = await setup({ kind, hasApp, isOpen: hasApp })
      const { forge, comments, branch, deployment, logs } = scene
      forge.groups.set('everybody', ['ada'])
      const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
      const first = pull.last.head
      const name = `sluice/rendered/${pull.number}`
      const told = async (): Promise<readonly string[]> =>
        eventually(async () => {
          const found = link.exec(comments(pull)[0]?.body ?? '')
          assert.ok(found, comments(pull)[0]?.body ?? logs.slice(-5).join('\n'))
          assert.equal(found[3], await branch('rev-parse', name))
          return found
        })
      const [, , base, head] = await told()
      assert.equal(await branch('rev-list', '--reverse', name), `${base}\n${head}`)
      const files = ['blue', 'green'].map(
        (cluster) => `${cluster}/flux-system/Kustomization/shop/ConfigMap.shop.colors.yaml`,
      )
      assert.equal(await branch('diff', '--name-only', `${base}`, `${head}`), files.join('\n'))
      assert.match(
        await branch('diff', '-U0', `${base}`, `${head}`),
        new RegExp(`\\n- {2}color: color-[0-9a-f]{8}\\n\\+ {2}color: color-${first.slice(0, 8)}`),
      )
      assert.match(
        await branch('log', '-1', '--format=%an <%ae>%n%B', name),
        new RegExp(`^Sluice <.*>\\nAfter team/fleet#${pull.number}\\n[^]*${first}`),
      )
      await branch('fsck', '--strict')

      const second = await forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: green\n' })
      await eventually(async () =>
        assert.match(await branch('show', `${name}:${files[0]}`), new RegExp(second.slice(0, 8))),
      )
      await told()
      assert.equal(await branch('rev-list', '--count', name), '2')
      assert.equal(comments(pull).length, 1)

      // What is asked for again makes the same commits.
      const before = await branch('rev-parse', name)
      const pushes = (): number => logs.filter((line) => line.includes('manifests pushed')).length
      const pushed = pushes()
      await forge.pulls.comment(fleet, pull, 'ada', '/plan')
      await eventually(async () => {
        const { plans } = await askPlans<{ readonly plans: readonly (ShownPlan & { readonly askedBy?: string })[] }>(
          deployment,
        )
        assert.equal(plans[0]?.askedBy, 'ada', logs.slice(-6).join('\n'))
      })
      await told()
      assert.equal(await branch('rev-parse', name), before)
      assert.equal(pushes(), pushed)

      await forge.pulls.merge(fleet, pull)
      await eventually(async () => assert.equal(await branch('branch', '--list', name), ''))
    })
  })

describe('a branch that is not ours', () => {
  it('is left alone, and the comment says so', async () => {
    const { forge, repository, comments, branch, check } = await setup()
    await repository.git.setBranch('sluice/rendered/1', (await repository.git.head()) ?? '')
    const theirs = await repository.git.commit({ 'x.txt': 'Sluice-Manifests: none\n' }, { branch: 'sluice/rendered/1' })
    const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
    const name = `sluice/rendered/${pull.number}`
    if (name !== 'sluice/rendered/1') await repository.git.setBranch(name, theirs)
    await eventually(() =>
      assert.match(
        comments(pull)[0]?.body ?? '',
        /not pushed to `sluice\/rendered\/\d+`: a branch of that name is there/,
      ),
    )
    await eventually(() => assert.match(check(pull.last.head), /^success/))
    assert.equal(await branch('rev-parse', name), theirs)
    await forge.pulls.merge(fleet, pull)
    assert.equal(await branch('rev-parse', name), theirs)
  })
})

describe('manifests of forks, and without a branch', () => {
  it('are files alone', async () => {
    const { forge, comments, deployment, branch } = await setup({ rule: { forks: 'git-only' } })
    const fork = await forge.pulls.fork(fleet, 'eve')
    const pull = await forge.pulls.open(fleet, {
      branch: 'topic',
      files: { 'app/a.yaml': 'x: 1\n' },
      author: 'eve',
      fork,
    })
    await eventually(() => assert.match(comments(pull)[0]?.body ?? '', /\n\[Rendered manifests\]\(https:/))
    const { plans } = await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)
    const id = plans[0]?.id ?? ''
    const path = `/api/plans/${id}/manifests`
    const listed = await askPlans<{
      readonly clusters: readonly { readonly state: string; readonly applications: readonly object[] }[]
    }>(deployment, path)
    assert.deepEqual(
      listed.clusters.map(({ state, applications }) => [state, applications.length]),
      [
        ['stored', 1],
        ['stored', 1],
      ],
    )
    const headers = { authorization: `Bearer ${triggerToken}` }
    const of = new URLSearchParams({
      cluster: 'blue',
      kind: 'Kustomization',
      namespace: 'flux-system',
      name: 'shop',
      side: 'head',
    })
    const file = await fetch(`${deployment.url}${path}/file?${of.toString()}`, { headers })
    assert.deepEqual(
      ['content-type', 'x-content-type-options', 'content-disposition'].map((name) => file.headers.get(name)),
      ['text/yaml; charset=utf-8', 'nosniff', 'attachment; filename="blue.flux-system.Kustomization.shop.head.yaml"'],
    )
    assert.match(await file.text(), /color: color-[0-9a-f]{8}\n[^]*\n---\napiVersion: v1\n/)
    for (const bad of ['side=middle', 'side=head&cluster=red', 'side=head&name=other']) {
      const query = new URLSearchParams({ ...Object.fromEntries(of), ...Object.fromEntries(new URLSearchParams(bad)) })
      const { status } = await fetch(`${deployment.url}${path}/file?${query.toString()}`, { headers })
      assert.equal(status, bad === 'side=middle' ? 400 : 404, bad)
    }
    for (const page of ['', '/blue/Kustomization/flux-system/shop']) {
      const text = await (await fetch(`${deployment.url}/ui/plans/${id}/manifests${page}`, { headers })).text()
      assert.match(text, /Rendered manifests/)
      if (page !== '') assert.match(text, /class="added">\+ {3}color: color-/)
    }
    assert.equal(await branch('branch', '--list', 'sluice/*'), '')
  })
})
