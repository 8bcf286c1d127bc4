import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasRole, mayDo, maySee, maySeePartOf, roles } from '../../../functions/access/roles.ts'
import type { AccessTarget, PlaceFacts, Principal, Role, Scope } from '../../../functions/access/roles.ts'
import { grantsOf, type AccessRule, type Identity } from '../../../functions/access/rules.ts'
import { repositoryName } from '../../../functions/access/facts.ts'
import { actions, type Action } from '../../../functions/authorize-action.ts'

/** Namespaces `shop-*` of the cluster `prod` are of the tenant `shop`; the object `web` there comes from one repository. */
const facts: PlaceFacts = {
  tenantOf: (cluster, namespace) => (cluster === 'prod' && namespace.startsWith('shop-') ? 'shop' : undefined),
  hasTenant: (cluster, tenant) => cluster === 'prod' && tenant === 'shop',
  repositoryOf: (cluster, id) =>
    cluster === 'prod' && id === 'Kustomization/shop-a/web' ? 'https://forge.example/team/shop' : undefined,
  hasRepository: (cluster, repository) => cluster === 'prod' && repository === 'https://forge.example/team/shop',
}

const somebody = (...grants: Principal['grants']): Principal => ({ name: 'ann', grants })
const as = (role: Role, scope: Scope = {}): Principal => somebody({ role, scope })

describe('what each role may do', () => {
  const least: { readonly [action in Action]: Role } = {
    reconcile: 'operator',
    retry: 'operator',
    suspend: 'operator',
    resume: 'operator',
    pin: 'maintainer',
    unpin: 'maintainer',
    revert: 'maintainer',
    approve: 'maintainer',
    abort: 'maintainer',
  }
  const target: AccessTarget = { cluster: 'prod', kind: 'Kustomization', namespace: 'shop-a', name: 'web' }
  for (const action of actions)
    for (const role of roles)
      it(`${role}: ${action}`, () => {
        const wanted = roles.indexOf(role) >= roles.indexOf(least[action])
        assert.equal(mayDo(as(role), action, target, facts), wanted)
      })

  it('nobody may do or see anything without a role, and nothing can be done to nothing', () => {
    for (const action of actions) {
      assert.equal(mayDo(somebody(), action, target, facts), false)
      assert.equal(mayDo(as('admin'), action, [], facts), false)
    }
    assert.equal(maySee(somebody(), target, facts), false)
    assert.equal(maySeePartOf(somebody(), 'prod', facts), false)
  })
})

describe('where a role counts', () => {
  const web: AccessTarget = { cluster: 'prod', kind: 'Kustomization', namespace: 'shop-a', name: 'web' }
  const api: AccessTarget = { cluster: 'prod', kind: 'Kustomization', namespace: 'shop-a', name: 'api' }
  const infra: AccessTarget = { cluster: 'prod', kind: 'Kustomization', namespace: 'flux-system', name: 'infra' }
  const staging: AccessTarget = { cluster: 'staging', kind: 'Kustomization', namespace: 'shop-a', name: 'web' }
  const prod: AccessTarget = { cluster: 'prod' }
  const nameless: AccessTarget = { cluster: 'prod', namespace: '' }
  const namespace: AccessTarget = { cluster: 'prod', namespace: 'shop-a' }
  const rows: readonly { name: string; scope: Scope; sees: readonly AccessTarget[]; parts: readonly string[] }[] = [
    {
      name: 'everywhere',
      scope: {},
      sees: [web, api, infra, staging, prod, nameless, namespace, 'everything'],
      parts: ['prod', 'staging'],
    },
    {
      name: 'in a cluster',
      scope: { clusters: ['prod'] },
      sees: [web, api, infra, prod, nameless, namespace],
      parts: ['prod'],
    },
    {
      name: 'in clusters by a pattern',
      scope: { clusters: ['sta*'] },
      sees: [staging],
      parts: ['staging'],
    },
    { name: 'in no cluster', scope: { clusters: [] }, sees: [], parts: [] },
    {
      name: 'in namespaces',
      scope: { namespaces: ['shop-*'] },
      sees: [web, api, staging, namespace],
      parts: ['prod', 'staging'],
    },
    { name: 'in no namespace', scope: { namespaces: [] }, sees: [], parts: ['prod', 'staging'] },
    {
      name: 'in all namespaces, which is not the cluster',
      scope: { clusters: ['prod'], namespaces: ['*'] },
      sees: [web, api, infra, namespace],
      parts: ['prod'],
    },
    { name: 'of a tenant', scope: { tenants: ['shop'] }, sees: [web, api, namespace], parts: ['prod'] },
    { name: 'of another tenant', scope: { tenants: ['other'] }, sees: [], parts: [] },
    { name: 'of no tenant', scope: { tenants: [] }, sees: [], parts: [] },
    {
      name: 'of a tenant in a cluster that is not its own',
      scope: { tenants: ['shop'], clusters: ['staging'] },
      sees: [],
      parts: [],
    },
    {
      name: 'from a repository',
      scope: { repository: 'https://forge.example/team/shop' },
      sees: [web],
      parts: ['prod'],
    },
    { name: 'from another repository', scope: { repository: 'https://forge.example/team/x' }, sees: [], parts: [] },
    {
      name: 'from a repository in another namespace',
      scope: { repository: 'https://forge.example/team/shop', namespaces: ['flux-system'] },
      sees: [],
      parts: ['prod'],
    },
  ]
  const all = [web, api, infra, staging, prod, nameless, namespace, 'everything'] as const
  for (const { name, scope, sees, parts } of rows)
    it(name, () => {
      for (const target of all) {
        const wanted = sees.includes(target)
        const text = JSON.stringify(target)
        assert.equal(maySee(as('viewer', scope), target, facts), wanted, text)
        assert.equal(mayDo(as('operator', scope), 'suspend', target, facts), wanted, text)
        assert.equal(mayDo(as('viewer', scope), 'suspend', target, facts), false, text)
      }
      assert.deepEqual(
        ['prod', 'staging'].filter((cluster) => maySeePartOf(as('viewer', scope), cluster, facts)),
        parts,
      )
    })

  it('is judged for each grant by itself: a role of one place is none in another', () => {
    const both = somebody(
      { role: 'maintainer', scope: { namespaces: ['shop-a'] } },
      { role: 'viewer', scope: { clusters: ['prod'] } },
    )
    assert.equal(mayDo(both, 'pin', web, facts), true)
    assert.equal(mayDo(both, 'pin', infra, facts), false)
    assert.equal(maySee(both, infra, facts), true)
    assert.equal(mayDo(both, 'pin', [web, infra], facts), false, 'all of a target must be covered')
    assert.equal(hasRole(both, 'maintainer', 'everything', facts), false)
  })
})

describe('whom rules give a role', () => {
  const ann: Identity = { login: 'github', user: 'ann', id: '7', groups: ['team', 'team/leads'] }
  const bob: Identity = {
    login: 'oidc',
    user: 'sub-2',
    groups: ['ops'],
    email: 'bob@team.example',
    claims: { hd: 'x' },
  }
  const rule = (change: Partial<AccessRule>): AccessRule => ({
    login: 'github',
    role: 'operator',
    scope: {},
    ...change,
  })
  const rows: readonly { name: string; rule: AccessRule; who: Identity; role?: Role }[] = [
    { name: 'by the account', rule: rule({ users: ['ann'] }), who: ann, role: 'operator' },
    { name: 'by its number', rule: rule({ users: ['id:7'] }), who: ann, role: 'operator' },
    { name: 'not by another number', rule: rule({ users: ['id:8'] }), who: ann },
    {
      name: 'not a number that nobody knows',
      rule: rule({ users: ['id:undefined'] }),
      who: { ...ann, id: undefined as never },
    },
    { name: 'not another account', rule: rule({ users: ['anna'] }), who: ann },
    { name: 'by a team', rule: rule({ groups: ['other', 'team/leads'] }), who: ann, role: 'operator' },
    { name: 'not by a team of that beginning', rule: rule({ groups: ['team/lead'] }), who: ann },
    { name: 'not by the same name at another login', rule: rule({ login: 'gitlab', users: ['ann'] }), who: ann },
    { name: 'not without any condition', rule: rule({}), who: ann },
    { name: 'not by empty lists', rule: rule({ users: [], groups: [] }), who: ann },
    { name: 'not an account without a name', rule: rule({ users: [''] }), who: { ...ann, user: '' } },
    { name: 'not with one of two conditions', rule: rule({ users: ['ann'], groups: ['admins'] }), who: ann },
    { name: 'with both', rule: rule({ users: ['ann'], groups: ['team'] }), who: ann, role: 'operator' },
    { name: 'by an address', rule: rule({ login: 'oidc', emails: ['bob@team.example'] }), who: bob, role: 'operator' },
    { name: 'by a domain', rule: rule({ login: 'oidc', emails: ['*@team.example'] }), who: bob, role: 'operator' },
    { name: 'not by another domain', rule: rule({ login: 'oidc', emails: ['*@eam.example'] }), who: bob },
    {
      name: 'not without an address',
      rule: rule({ login: 'oidc', emails: ['*@team.example'] }),
      who: { ...bob, email: undefined as never },
    },
    { name: 'by a claim', rule: rule({ login: 'oidc', claims: { hd: 'x' } }), who: bob, role: 'operator' },
    { name: 'not by another value', rule: rule({ login: 'oidc', claims: { hd: 'y' } }), who: bob },
    { name: 'not by a claim that is missing', rule: rule({ login: 'oidc', claims: { hd: 'x', role: 'a' } }), who: bob },
    { name: 'not by no claims', rule: rule({ login: 'oidc', claims: {} }), who: bob },
    {
      name: 'not by what every object has',
      rule: rule({ login: 'oidc', claims: { constructor: 'x' } }),
      who: { ...bob, claims: {} },
    },
  ]
  for (const { name, rule: one, who, role } of rows)
    it(name, () =>
      assert.deepEqual(
        grantsOf([one], who).map((grant) => grant.role),
        role === undefined ? [] : [role],
      ),
    )

  const permissions: readonly (readonly [string, Role | undefined])[] = [
    ['admin', 'admin'],
    ['maintain', 'maintainer'],
    ['write', 'operator'],
    ['triage', 'viewer'],
    ['read', 'viewer'],
    ['none', undefined],
  ]
  for (const [permission, role] of permissions)
    it(`who has the permission ${permission} is ${role ?? 'nobody'}`, () => {
      const who = { ...ann, permissions: { 'team/shop': permission as never } }
      const of = (one: AccessRule): readonly Role[] => grantsOf([one], who).map((grant) => grant.role)
      assert.deepEqual(of(rule({ repository: 'team/shop', role: 'admin' })), role === undefined ? [] : [role])
      assert.deepEqual(of(rule({ repository: 'team/other', role: 'admin' })), [])
      assert.deepEqual(of(rule({ repository: 'constructor', role: 'admin' })), [])
      const most = of(rule({ repository: 'team/shop', role: 'operator' }))
      assert.ok(most.every((one) => one === 'viewer' || one === 'operator'))
    })
})

describe('the repository of a URL', () => {
  const rows: readonly [string, string | undefined][] = [
    ['https://github.com/Team/Shop.git', 'https://github.com/team/shop'],
    ['https://me:secret@github.com/team/shop/', 'https://github.com/team/shop'],
    ['ssh://git@github.com:22/team/shop.git', 'https://github.com/team/shop'],
    ['git@github.com:team/shop.git', 'https://github.com/team/shop'],
    ['http://127.0.0.1:3000/team/shop', 'http://127.0.0.1:3000/team/shop'],
    ['oci://ghcr.io/team/shop', undefined],
    ['https://github.com/', undefined],
    ['nothing', undefined],
  ]
  for (const [url, name] of rows) it(url, () => assert.equal(repositoryName(url), name))
})
