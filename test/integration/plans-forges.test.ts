import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startNode, type NodeServer } from '../../functions/node.ts'
import type { ForgeKind } from '../../src/forges/index.ts'
import { EngineError } from '../../src/base/index.ts'
import { parsePlan, raw, type Rendered } from '../../src/plan/index.ts'
import { deploymentEnvironment, triggerToken } from '../support/deployment.ts'
import { forges } from '../support/forge-deliveries.ts'
import {
  askPlans,
  eventually,
  fleet,
  startPlanScene,
  type PlanScene,
  type PlanSceneOptions,
  type ShownPlan,
} from '../support/plan-scene.ts'
import { colorPlan, planningEngine, type FakePlan } from '../support/planning-engine.ts'

const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

interface Scene extends PlanScene {
  readonly deployment: NodeServer & { readonly triggerToken: string }
  readonly logs: string[]
}

async function setup(
  options: Partial<PlanSceneOptions> & { readonly plan?: FakePlan; readonly clusters?: readonly string[] } = {},
): Promise<Scene> {
  const { plan = colorPlan, clusters = ['blue', 'green'], ...rest } = options
  const scene = await startPlanScene({ kind: 'github', files: { 'app/a.yaml': 'color: red\n' }, ...rest })
  const directory = await mkdtemp(join(tmpdir(), 'sluice-plans-'))
  const logs: string[] = []
  const env = deploymentEnvironment({
    clusters: clusters.map((name) => ({ name, server: 'https://127.0.0.1:1' })),
    settings: { publicUrl: 'https://sluice.example.com' },
    env: scene.env,
  })
  const server = await startNode(
    { ...env, PORT: '0', HOST: '127.0.0.1', DATA_DIR: directory },
    { createEngine: planningEngine(plan), log: (line) => logs.push(line) },
  )
  const deployment = { ...server, triggerToken }
  scene.connect(deployment)
  closers.push(
    () => rm(directory, { recursive: true, force: true }),
    () => scene.close(),
    () => server.stop(1000),
  )
  return { ...scene, deployment, logs }
}

const plansOf = async ({ deployment }: Scene): Promise<readonly ShownPlan[]> =>
  (await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)).plans

/** Clusters on which the plan of a pull request is approved, once its merge was heard of. */
async function approvedBy(scene: Scene, pull: number): Promise<readonly string[]> {
  const merged = await eventually(async () => {
    const found = (await plansOf(scene)).find(({ number }) => number === pull)
    assert.equal(found?.state, 'merged')
    return found
  })
  const { approvals } = await askPlans<{ readonly approvals: readonly { readonly cluster: string }[] }>(
    scene.deployment,
    `/api/plans/${merged.id}`,
  )
  return approvals.map(({ cluster }) => cluster)
}

const kinds: readonly (readonly [kind: ForgeKind, hasApp: boolean])[] = [
  ['github', true],
  ['github', false],
  ['gitlab', false],
  ['gitea', false],
]

for (const [kind, hasApp] of kinds)
  describe(`plans at ${kind}${hasApp ? ', as an App' : ''}`, () => {
    it('a pull request gets one comment and a check; a new push changes both', async () => {
      const scene = await setup({ kind, hasApp })
      const { forge, comments, check } = scene
      const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
      const first = pull.last.head
      const text = await eventually(() => {
        const [own, ...others] = comments(pull)
        assert.ok(own)
        assert.deepEqual(others, [])
        return own.body
      })
      assert.match(text, /^<!-- sluice:plan:sluice -->\n### This change can be applied\n/)
      assert.match(text, new RegExp(`\\+ color-${first.slice(0, 8)}`))
      const [plan] = await plansOf(scene)
      assert.match(text, new RegExp(`https://sluice.example.com/ui/plans/${plan?.id}`))
      await eventually(() => assert.match(check(first), /^success: This change can be applied: 2 applications$/))
      await eventually(async () => {
        const { times } = await askPlans<ShownPlan>(scene.deployment, `/api/plans/${plan?.id}`)
        const { receivedAt, queuedAt, plannedAt = 0, toldAt = 0 } = times
        assert.deepEqual(
          [receivedAt, queuedAt, plannedAt, toldAt].toSorted((a, b) => a - b),
          [receivedAt, queuedAt, plannedAt, toldAt],
        )
      })
      assert.match(await pages(scene, `/ui/plans/${plan?.id}`), /read at the forge .*, planned .*, told .* in all/)

      const second = await forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: green\n' })
      await eventually(() => assert.match(comments(pull)[0]?.body ?? '', new RegExp(`color-${second.slice(0, 8)}`)))
      assert.equal(comments(pull).length, 1)
      await eventually(() => assert.match(check(second), /^success/))
      assert.deepEqual(
        (await plansOf(scene)).map(({ head, state }) => [head, state]),
        [
          [second, 'current'],
          [first, 'superseded'],
        ],
      )

      await forge.pulls.merge(fleet, pull)
      await eventually(async () => assert.equal((await plansOf(scene))[0]?.state, 'merged'))
    })
  })

const pages = async ({ deployment }: Scene, path: string): Promise<string> => {
  const headers = { authorization: `Bearer ${deployment.triggerToken}` }
  const response = await fetch(deployment.url + path, { headers })
  assert.equal(response.status, 200, path)
  return response.text()
}

describe('pull requests from forks', () => {
  const openFork = async ({ forge }: Scene, branch = 'topic') => {
    const fork = await forge.pulls.fork(fleet, `eve-${branch}`)
    return forge.pulls.open(fleet, { branch, files: { 'app/a.yaml': 'color: blue\n' }, author: 'eve', fork })
  }

  it('are not planned unless the configuration says so', async () => {
    const scene = await setup({ hasApp: true })
    const pull = await openFork(scene)
    await eventually(() => assert.match(scene.check(pull.last.head), /^neutral: .* not planned here/))
    // Not even somebody who may write to the repository has it planned.
    const asked = await scene.forge.pulls.comment(fleet, pull, 'rob', `/plan ${pull.last.head}`)
    await eventually(() =>
      assert.ok(
        scene.forge.requests.some(
          ({ path, status }) => path.endsWith(`/issues/comments/${asked.id}`) && status === 200,
        ),
        'the comment was not read',
      ),
    )
    // Looks at one pull request come one after the other: when the next one has been told of, that at the comment is over.
    const next = await scene.forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: green\n' })
    await eventually(() => assert.match(scene.check(next), /^neutral: .* not planned here/))
    const deliveries = scene.repository.hooks[0]?.deliveries ?? []
    assert.deepEqual(new Set(deliveries.map(({ status }) => status)), new Set([202]))
    assert.deepEqual(await plansOf(scene), [])
    assert.deepEqual(scene.comments(pull), [])
  })

  it('are planned after somebody with the right to write has named the commit, without cluster and secrets', async () => {
    const jobs: { readonly live: string; readonly secrets: string }[] = []
    const scene = await setup({
      hasApp: true,
      rule: { forks: 'maintainer' },
      plan: (job) => {
        jobs.push(job.change)
        return colorPlan(job)
      },
    })
    const { forge, comments, check } = scene
    const pull = await openFork(scene)
    const first = pull.last.head
    await eventually(() =>
      assert.equal(check(first), `action_required: From a fork: planned after /plan ${first.slice(0, 12)}`),
    )
    // Neither the author nor a comment that names no commit is followed.
    await forge.pulls.comment(fleet, pull, 'eve', `/plan ${first}`)
    await forge.pulls.comment(fleet, pull, 'rob', '/plan')
    await eventually(() => assert.match(scene.logs.join('\n'), /a commit of a fork is named/))
    await eventually(() => assert.match(scene.logs.join('\n'), /may not write to the repository/))
    assert.deepEqual(jobs, [])
    await forge.pulls.comment(fleet, pull, 'rob', `/plan ${first.slice(0, 12)}`)
    await eventually(() => assert.equal(comments(pull).length, 1))
    assert.deepEqual(
      jobs.map(({ live, secrets }) => [live, secrets]),
      [
        ['denied', 'withheld'],
        ['denied', 'withheld'],
      ],
    )
    assert.match(comments(pull)[0]?.body ?? '', /this change may not ask the cluster/)
    // Another commit waits for somebody again, whatever was said of the first.
    const second = await forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: green\n' })
    await eventually(() => assert.match(check(second), /^action_required/))
    assert.equal(jobs.length, 2)
    const [plan] = await plansOf(scene)
    assert.match(await pages(scene, `/ui/plans/${plan?.id}`), /placeholders stand in for them/)
  })

  it('are planned always where the configuration says git-only', async () => {
    const scene = await setup({ rule: { forks: 'git-only' } })
    const pull = await openFork(scene)
    await eventually(() => assert.equal(scene.comments(pull).length, 1))
    assert.match(scene.comments(pull)[0]?.body ?? '', /this change may not ask the cluster/)
  })
})

describe('commands', () => {
  it('/plan plans again for those who may write; an edited comment is refused', async () => {
    let count = 0
    const scene = await setup({
      clusters: ['blue'],
      plan: (job) => {
        count += 1
        return colorPlan(job)
      },
    })
    const { forge } = scene
    const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
    await eventually(() => assert.equal(scene.comments(pull).length, 1))
    assert.equal(count, 1)
    await forge.pulls.comment(fleet, pull, 'rob', '/plan')
    await eventually(() => assert.equal(count, 2))
    const [plan] = await plansOf(scene)
    await eventually(async () => {
      const shown = await askPlans<ShownPlan>(scene.deployment, `/api/plans/${plan?.id}`)
      assert.equal(shown.pending, false)
    })
    // The forge tells of a comment; by the time it is read somebody has edited it.
    const made = await forge.pulls.comment(fleet, pull, 'rob', 'no command')
    made.body = '/plan'
    made.updatedAt = new Date(Date.now() + 60_000).toISOString()
    const { status } = await redeliverComment(scene, pull.number, made.id)
    assert.equal(status, 202)
    await eventually(async () => {
      const { refused } = await askPlans<ShownPlan>(scene.deployment, `/api/plans/${plan?.id}`)
      assert.match(refused?.why ?? '', /was edited/)
    })
    assert.equal(count, 2)
    assert.match(await pages(scene, `/ui/plans/${plan?.id}`), /was not followed/)
    assert.equal(scene.comments(pull).length, 1)
  })
})

/** A delivery that says a comment holds a command. */
function redeliverComment({ deployment, repository }: Scene, number: number, id: number): Promise<Response> {
  const delivery = forges
    .find(({ provider }) => provider === 'github')
    ?.sign(
      {
        action: 'created',
        issue: { number, pull_request: { url: 'https://api.github.test' } },
        comment: { id, body: '/plan', user: { login: 'ada' } },
        repository: { clone_url: repository.git.url },
        sender: { login: 'ada' },
      },
      { event: 'issue_comment' },
    )
  return fetch(`${deployment.url}/hook/github`, { method: 'POST', ...delivery })
}

describe('what judges a pull request', () => {
  const scale = (replicas: number): string => `replicas: ${replicas}\n`
  const deployment = (commit: string, replicas: number): Rendered => ({
    object: raw({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop', annotations: { commit } },
      spec: { replicas },
    }),
    open: 'itself',
    file: 'app/a.yaml',
    line: 1,
  })
  const scaling: FakePlan = (job) =>
    colorPlan(job, { objects: [{ base: deployment(job.change.base, 2), head: deployment(job.change.head, 0) }] })

  it('is read from the base branch: what the pull request says there counts for nothing', async () => {
    const files = { 'app/a.yaml': scale(2), '.sluice/plan.yaml': 'severities:\n  replicas-zero: block\n' }
    const scene = await setup({ hasApp: true, files, plan: scaling, clusters: ['blue'] })
    const pull = await scene.forge.pulls.open(fleet, {
      branch: 'topic',
      files: { 'app/a.yaml': scale(0), '.sluice/plan.yaml': 'severities:\n  replicas-zero: off\nignore: ["**"]\n' },
    })
    await eventually(() => assert.match(scene.check(pull.last.head), /^action_required: This change needs an approval/))
    await eventually(() => assert.match(scene.comments(pull)[0]?.body ?? '', /\*\*block\*\* /))
    assert.deepEqual(
      scene.repository.checkRuns.at(-1)?.annotations.map(({ path, annotation_level }) => [path, annotation_level]),
      [['app/a.yaml', 'failure']],
    )
  })

  it('that is to be merged into another branch by now is planned for that one', async () => {
    const scene = await setup({ clusters: ['blue'] })
    const { git } = scene.repository
    await git.setBranch('release', (await git.head()) ?? '')
    const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
    await eventually(() => assert.match(scene.check(pull.last.head), /^success: /))
    const [first] = await plansOf(scene)
    await scene.forge.pulls.retarget(fleet, pull, 'release')
    const plans = await eventually(async () => {
      const found = await plansOf(scene)
      assert.deepEqual(
        found.map(({ state }) => state),
        ['current', 'superseded'],
      )
      return found
    })
    assert.deepEqual([plans[1]?.id, plans[0]?.head], [first?.id, first?.head])
  })

  it('that was planned for another branch than the one it was merged into is not approved by merging', async () => {
    const scene = await setup({ clusters: ['blue'] })
    const { git } = scene.repository
    await git.setBranch('release', (await git.head()) ?? '')
    const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
    await eventually(() => assert.match(scene.check(pull.last.head), /^success: /))
    // Nobody hears of it.
    pull.base = 'release'
    await scene.forge.pulls.merge(fleet, pull)
    assert.deepEqual(await approvedBy(scene, pull.number), [])
  })

  for (const severity of ['warn', 'block'])
    it(`a danger of ${severity} is ${severity === 'block' ? 'not approved' : 'approved'} by merging, whatever else is wrong`, async () => {
      const files = { 'app/a.yaml': scale(2), '.sluice/plan.yaml': `severities:\n  replicas-zero: ${severity}\n` }
      const broken: FakePlan = async (job) => {
        const plan = await scaling(job)
        const errors = [{ message: raw('it cannot be rendered'), phase: 'render' }]
        const other = colorPlan(job, { name: 'other', state: 'failed', errors, objects: [] })
        return { ...plan, applications: [...plan.applications, ...other.applications] }
      }
      const scene = await setup({ files, plan: broken, clusters: ['blue'] })
      const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': scale(0) } })
      await eventually(() => assert.match(scene.check(pull.last.head), /^failure: /))
      await scene.forge.pulls.merge(fleet, pull)
      assert.deepEqual(await approvedBy(scene, pull.number), severity === 'block' ? [] : ['blue'])
    })

  it('cannot weaken what the deployment names, and is told where it is wrong', async () => {
    const wrong = { 'app/a.yaml': scale(2), '.sluice/plan.yaml': 'forks: git-only\n' }
    const scene = await setup({ files: wrong, plan: scaling, clusters: ['blue'] })
    const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': scale(0) } })
    await eventually(() =>
      assert.match(scene.check(pull.last.head), /^failure: The configuration of the repository is wrong/),
    )
    await eventually(() => assert.match(scene.comments(pull)[0]?.body ?? '', /may hold severities and ignore/))
  })

  it('leaves out files that the base branch leaves out', async () => {
    const files = { 'app/a.yaml': scale(2), '.sluice/plan.yaml': 'ignore:\n- docs/\n' }
    const scene = await setup({ files, plan: scaling, clusters: ['blue'] })
    const pull = await scene.forge.pulls.open(fleet, { branch: 'topic', files: { 'docs/a.md': 'text' } })
    await eventually(() => assert.equal(scene.check(pull.last.head), 'success: Nothing to plan'))
    assert.deepEqual(await plansOf(scene), [])
    const next = await scene.forge.pulls.push(fleet, pull, { 'app/a.yaml': scale(0) })
    await eventually(() => assert.match(scene.check(next), /^(success|failure): This change needs/))
    await eventually(() => assert.equal(scene.comments(pull).length, 1))
  })
})

describe('a plan', () => {
  it('that touches nothing gets a check and no comment, unless there was one', async () => {
    let isEmpty = true
    const plan: FakePlan = (job) => (isEmpty ? { ...colorPlan(job), applications: [] } : colorPlan(job))
    const scene = await setup({ clusters: ['blue'], plan })
    const { forge, comments, check } = scene
    const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'README.md': 'a' } })
    await eventually(() => assert.equal(check(pull.last.head), 'success: This change does nothing to any cluster'))
    assert.deepEqual(comments(pull), [])
    isEmpty = false
    await forge.pulls.push(fleet, pull, { 'app/a.yaml': 'color: blue\n' })
    await eventually(() => assert.match(comments(pull)[0]?.body ?? '', /This change can be applied/))
    isEmpty = true
    await forge.pulls.push(fleet, pull, { 'README.md': 'b' })
    await eventually(() => assert.match(comments(pull)[0]?.body ?? '', /This change does nothing to any cluster/))
  })

  it('of a cluster that fails says so, shows nothing of the error, and is told again when it comes', async () => {
    let isBroken = true
    const scene = await setup({
      plan: (job) => {
        if (job.cluster === 'green' && isBroken)
          throw new EngineError('canary-address refused canary-password', {
            code: 'cluster-unreachable',
            disposition: 'retry',
          })
        return colorPlan(job)
      },
    })
    const { forge, comments, check } = scene
    const pull = await forge.pulls.open(fleet, { branch: 'topic', files: { 'app/a.yaml': 'color: blue\n' } })
    await eventually(() =>
      assert.match(check(pull.last.head), /^failure: What this change does is not known for every/),
    )
    const body = await eventually(() => {
      const text = comments(pull)[0]?.body ?? ''
      assert.match(text, /<code>green<\/code>: the cluster does not answer; it is tried again/)
      return text
    })
    assert.match(body, /color&#45;|color-/)
    const [plan] = await plansOf(scene)
    const page = await pages(scene, `/ui/plans/${plan?.id}`)
    assert.doesNotMatch(body + page + JSON.stringify(scene.repository.statuses), /canary/)
    isBroken = false
    await eventually(() => assert.match(check(pull.last.head), /^success/))
    await eventually(() => assert.doesNotMatch(comments(pull)[0]?.body ?? '', /does not answer/))
  })

  it('is exported as JSON, Markdown and SARIF, to those who may read', async () => {
    const scene = await setup({ clusters: ['blue'] })
    const pull = await scene.forge.pulls.open(fleet, {
      branch: 'topic',
      files: { 'app/a.yaml': 'color: blue\n' },
      title: '<script>window.marked=1</script>',
    })
    await eventually(() => assert.equal(scene.comments(pull).length, 1))
    const [plan] = await plansOf(scene)
    const exported = `/api/plans/${plan?.id}/export?format=`
    assert.equal(parsePlan(await pages(scene, `${exported}json`)).applications[0]?.name, 'shop')
    assert.match(await pages(scene, `${exported}markdown`), /### This change can be applied/)
    assert.match(await pages(scene, `${exported}sarif`), /"version": "2\.1\.0"/)
    const page = await pages(scene, `/ui/plans/${plan?.id}`)
    assert.match(page, /&lt;script&gt;/)
    assert.doesNotMatch(page, /<script/)
    assert.match(page, /<details class="plan">/)
    assert.match(await pages(scene, '/ui/plans'), /Can be applied/)
    for (const path of [`${exported}json`, `/api/plans/${plan?.id}`, '/api/plans'])
      assert.equal((await fetch(scene.deployment.url + path)).status, 401)
    const headers = { authorization: `Bearer ${triggerToken}` }
    assert.equal((await fetch(`${scene.deployment.url}${exported}exe`, { headers })).status, 400)
    assert.equal((await fetch(`${scene.deployment.url}/ui/plans/${'0'.repeat(32)}`, { headers })).status, 404)
  })
})
