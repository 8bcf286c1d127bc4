import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { loadConfig, type Config } from '../../../functions/config.ts'
import { planTargetOf, type PlanRule } from '../../../functions/plans/config.ts'
import { judgementOf } from '../../../functions/plans/repository-config.ts'
import { DiagnosticsError } from '../../../src/base/index.ts'

const rule: PlanRule = { forge: 'github', repository: 'https://github.com/team/*', tokenSecret: 'FORGE_TOKEN' }
const secrets = { FORGE_TOKEN: 'canary-token', APP_KEY: 'canary-key', PLAN_KEY: 'sixteen bytes or more' }

function load(plans: readonly object[], more: { readonly [name: string]: string } = {}): Config {
  const env: { readonly [name: string]: string } = {
    CLUSTERS: '[{"name":"one","server":"https://one.example"}]',
    ...secrets,
    PLANS: JSON.stringify(plans),
    ...more,
  }
  return loadConfig((name) => env[name])
}

function findings(plans: readonly object[], more: { readonly [name: string]: string } = {}): readonly string[] {
  try {
    load(plans, more)
    return []
  } catch (caught) {
    assert.ok(caught instanceof DiagnosticsError)
    return caught.diagnostics.map(({ field, message }) => `${field ?? ''}: ${message}`)
  }
}

describe('PLANS', () => {
  it('is read with its key', () => {
    const { plans, planKey } = load([{ ...rule, forks: 'maintainer', severities: { 'replicas-zero': 'block' } }])
    assert.equal(plans?.[0]?.forks, 'maintainer')
    assert.equal(planKey?.length, secrets.PLAN_KEY.length)
    assert.deepEqual(load([]).plans, [])
  })

  const rows: readonly { name: string; plans: readonly object[]; more?: { [name: string]: string }; says: RegExp }[] = [
    { name: 'no key', plans: [rule], more: { PLAN_KEY: '' }, says: /^PLAN_KEY: is missing/ },
    { name: 'a short key', plans: [rule], more: { PLAN_KEY: 'fifteen bytes..' }, says: /^PLAN_KEY: needs at least 16/ },
    { name: 'a token that is not there', plans: [{ ...rule, tokenSecret: 'NONE' }], says: /there is no secret NONE/ },
    { name: 'no credential', plans: [{ ...rule, tokenSecret: undefined }], says: /either tokenSecret or app/ },
    {
      name: 'two credentials',
      plans: [{ ...rule, app: { id: 1, keySecret: 'APP_KEY' } }],
      says: /either tokenSecret or app/,
    },
    {
      name: 'an App elsewhere',
      plans: [{ ...rule, forge: 'gitlab', tokenSecret: undefined, app: { id: 1, keySecret: 'APP_KEY' } }],
      says: /only GitHub has Apps/,
    },
    { name: 'a forge without an API here', plans: [{ ...rule, forge: 'bitbucket' }], says: /^PLANS\.0\.forge/ },
    { name: 'a host alone', plans: [{ ...rule, repository: 'https://github.com' }], says: /must name repositories/ },
    { name: 'no rule of ours', plans: [{ ...rule, severities: { 'no-rule': 'block' } }], says: /'no-rule' is no rule/ },
    { name: 'a context that ends a comment', plans: [{ ...rule, context: 'a--b' }], says: /^PLANS\.0\.context/ },
    { name: 'a secret in place of its name', plans: [{ ...rule, tokenSecret: 'ghp_abc' }], says: /name of a secret/ },
  ]
  for (const { name, plans, more, says } of rows)
    it(`says what is wrong: ${name}`, () => {
      const found = findings(plans, more)
      assert.ok(
        found.some((one) => says.test(one)),
        JSON.stringify(found),
      )
      assert.doesNotMatch(JSON.stringify(found), /canary|fifteen bytes|ghp_abc/)
    })
})

describe('the rule of a webhook', () => {
  const urls = ['https://github.com/team/app.git', 'git@github.com:team/app.git', 'https://github.com/other/app']

  it('is found by the path, and asks at the host of the configuration', () => {
    const target = planTargetOf([rule], 'github', urls)
    assert.deepEqual(target && [target.host, target.owner, target.name, target.address, target.urls], [
      'https://github.com',
      'team',
      'app',
      'https://github.com/team/app',
      urls.slice(0, 2),
    ])
    const elsewhere = planTargetOf([{ ...rule, apiHost: 'https://ghe.example' }], 'github', urls)
    assert.equal(elsewhere?.host, 'https://ghe.example')
    const nested: PlanRule = { ...rule, forge: 'gitlab', repository: 'https://gitlab.com/team/platform/*' }
    const group = planTargetOf([nested], 'gitlab', ['https://gitlab.com/team/platform/app.git'])
    assert.deepEqual(group && [group.owner, group.name], ['team/platform', 'app'])
  })

  for (const [name, provider, given] of [
    ['another forge', 'gitlab', urls],
    ['another owner', 'github', ['https://github.com/evil/app.git']],
    ['another host', 'github', ['https://github.com.evil.example/team/app.git']],
    ['a way up', 'github', ['https://github.com/team/..']],
  ] as const)
    it(`is none for ${name}`, () => assert.equal(planTargetOf([rule], provider, given), undefined))
})

describe('what a repository says on its base branch', () => {
  const read = (text: string, own = {}) => judgementOf(new TextEncoder().encode(text), own)

  it('are severities and files that are left out; what the deployment names stays', () => {
    assert.deepEqual(
      read('severities:\n  image-floating: off\n  replicas-zero: info\nignore:\n- docs/\n', {
        'replicas-zero': 'block',
      }),
      { severities: { 'image-floating': 'off', 'replicas-zero': 'block' }, ignore: ['docs/'], problems: [] },
    )
    assert.deepEqual(read('').problems, [])
  })

  for (const [name, text, says] of [
    ['no YAML', 'a: [canary', /is no YAML/],
    ['other fields', 'forks: git-only\n', /may hold severities and ignore/],
    ['no severity', 'severities: {replicas-zero: canary}\n', /wrong: severities\.replicas-zero/],
    ['no rule', 'severities: {no-rule: off}\n', /'no-rule' is no rule/],
    ['too much', `# ${'x'.repeat(70_000)}\n`, /larger than/],
  ] as const)
    it(`says what is wrong and counts for nothing: ${name}`, () => {
      const found = read(text, { 'replicas-zero': 'block' })
      assert.deepEqual(found.severities, { 'replicas-zero': 'block' })
      assert.deepEqual(found.ignore, [])
      assert.match(found.problems.join('\n'), says)
      assert.doesNotMatch(found.problems.join('\n'), /canary/)
    })
})
