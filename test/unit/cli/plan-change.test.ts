import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { GitRepository } from '../../../src/api/index.ts'
import { EngineError } from '../../../src/base/index.ts'
import { planDocument } from '../../../src/plan/index.ts'
import { styleOf } from '../../../src/cli/terminal/style.ts'
import { planChangeText } from '../../../src/cli/verbs/plan-change-text.ts'
import { checkChangeFlags, withUsualOutput, type ChangeFlags } from '../../../src/cli/verbs/plan-change.ts'
import { branchOf } from '../../../src/cli/working-copy/entries.ts'
import { chooseRepository } from '../../../src/cli/working-copy/local-plan.ts'

const repository = (name: string, url: string, ref?: object): GitRepository =>
  ({
    kind: 'GitRepository',
    metadata: { name, namespace: 'flux-system' },
    spec: { url, interval: '1m', ref },
  }) as GitRepository

const usage = (wanted: RegExp) => (error: unknown) =>
  error instanceof EngineError && error.code === 'usage' && wanted.test(error.message)

void describe('flags of plan --base', () => {
  const good: readonly ChangeFlags[] = [
    {},
    { output: 'json' },
    { base: 'main' },
    { base: 'main', head: 'topic', path: ['clusters/a', 'clusters/b'], offline: true, output: 'sarif' },
    { base: 'main', worktree: true, output: 'markdown' },
    { base: 'main', kubeconfig: 'file', source: 'flux-system/app' },
    { base: 'main', context: 'production', exitCode: true, namespace: 'flux-system' },
  ]
  for (const flags of good) it(JSON.stringify(flags), () => checkChangeFlags(flags))

  const bad: readonly (readonly [ChangeFlags, RegExp])[] = [
    [{ head: 'topic' }, /^--head goes with --base/],
    [{ worktree: true }, /^--worktree goes with --base/],
    [{ path: ['a'] }, /^--path goes with --base/],
    [{ source: 'a/b' }, /^--source goes with --base/],
    [{ offline: true }, /^--offline goes with --base/],
    [{ output: 'markdown' }, /-o markdown prints a plan of commits/],
    [{ output: 'sarif' }, /-o sarif prints a plan of commits/],
    [{ base: 'main', head: 'topic', worktree: true }, /^--head and --worktree do not go together/],
    [{ base: 'main', url: 'https://sluice.example.com' }, /^--base and --url do not go together/],
    [{ base: 'main', cluster: 'production' }, /^--base and --cluster do not go together/],
    [{ base: 'main', kubeconfig: 'file', path: ['a'] }, /^--path and --kubeconfig do not go together/],
    [{ base: 'main', context: 'c', offline: true }, /^--offline and --context do not go together/],
    [{ base: 'main', source: 'a/b' }, /^--source names a GitRepository of a cluster/],
  ]
  for (const [flags, wanted] of bad)
    it(`refuses ${JSON.stringify(flags)}`, () => assert.throws(() => checkChangeFlags(flags), usage(wanted)))

  it('formats that only this plan has are none of the other verbs', () => {
    assert.deepEqual(withUsualOutput({ output: 'sarif', namespace: 'a' }), { namespace: 'a' })
    assert.deepEqual(withUsualOutput({ output: 'yaml' }), { output: 'yaml' })
  })
})

void describe('the repository that a working copy is one of', () => {
  const app = repository('app', 'https://github.com/Team/Fleet.git', { branch: 'main' })
  const stage = repository('stage', 'ssh://git@github.com/team/fleet', { name: 'refs/heads/stage' })
  const tagged = repository('tagged', 'https://github.com/team/fleet', { tag: 'v1' })
  const other = repository('other', 'https://example.com/other', {})
  const remotes = ['git@github.com:team/fleet.git']

  it('is found by its remote, however its URL is spelled', () => {
    const wanted = { url: app.spec.url, branch: 'main' }
    const { url, branch } = chooseRepository([other, app], remotes, { source: undefined, base: 'main' })
    assert.deepEqual({ url, branch }, wanted)
  })
  it('of several branches the one that is compared with', () => {
    const { branch } = chooseRepository([app, stage], remotes, { source: undefined, base: 'origin/stage' })
    assert.equal(branch, 'stage')
    assert.throws(
      () => chooseRepository([app, stage], remotes, { source: undefined, base: 'HEAD~1' }),
      usage(/flux-system\/app \(main\), flux-system\/stage \(stage\); name one with --source/),
    )
  })
  it('or it is named', () => {
    assert.equal(chooseRepository([app, other], [], { source: 'flux-system/other', base: 'x' }).branch, 'master')
    assert.throws(
      () => chooseRepository([app, tagged], [], { source: 'flux-system/tagged', base: 'x' }),
      usage(/follows no branch/),
    )
    assert.throws(
      () => chooseRepository([app], [], { source: 'flux-system/nobody', base: 'x' }),
      usage(/has no GitRepository flux-system\/nobody; it has flux-system\/app/),
    )
    assert.throws(() => chooseRepository([tagged], remotes, { source: undefined, base: 'x' }), usage(/--source/))
  })
  it('branches by the precedence of source-controller', () => {
    const of = (ref?: object): string | undefined => branchOf(repository('a', 'https://example.com/a', ref))
    assert.equal(of(), 'master')
    assert.equal(of({ branch: 'main', commit: 'abc' }), undefined)
    assert.equal(of({ branch: 'main', name: 'refs/heads/next' }), 'next')
    assert.equal(of({ branch: 'main', name: 'refs/pull/1/head' }), undefined)
    assert.equal(of({ branch: 'main', semver: '>1' }), undefined)
  })
})

void describe('what a plan without a cluster cannot know', () => {
  const document = planDocument({ change: { repository: 'a', base: 'b', head: 'c' }, applications: [] })
  const text = (isLive: boolean, isWorkingTree: boolean, names: readonly string[], width?: number): string =>
    planChangeText({ document, withPlaceholders: names }, { isLive, isWorkingTree }, styleOf(false), width)
  it('is said at the end', () => {
    assert.match(
      text(false, false, []),
      /^This change does nothing to any cluster\n\nFrom Git alone\. Not known without a cluster.*\n$/,
    )
    assert.match(text(true, true, []), /cluster\n\nWhat is not committed is part of it\.\n$/)
    assert.equal(text(true, false, []), 'This change does nothing to any cluster\n')
    const names = Array.from({ length: 7 }, (_, index) => `a${index}`)
    assert.match(text(false, false, names), /in a0, a1, a2, a3, a4, and 2 more\.\n$/)
  })
  it('and fits a narrow terminal', () => {
    const lines = text(false, true, ['Kustomization/flux-system/web on production'], 60).split('\n')
    assert.ok(
      lines.every((line) => line.length <= 60),
      lines.join('\n'),
    )
  })
})
