import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createWorld, idOf, type Source } from '../../../src/reconcile/index.ts'
import { hasLogin, isSameSource, withoutLogins, withSafeLogins } from '../../../src/reconcile/change/logins.ts'

const source = (name: string, spec: object, namespace = 'apps'): Source =>
  ({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'OCIRepository',
    metadata: { name, namespace },
    spec: { interval: '1h', ...spec },
  }) as Source

const known = source('known', { url: 'oci://registry.example/app', secretRef: { name: 'login' } })
const world = createWorld(new Map([[idOf(known), known]]))

it('credentials go to no host that nothing in the cluster sends them to, whatever a change makes of a source', () => {
  const cases: readonly (readonly [Source, boolean])[] = [
    [source('known', { url: 'oci://registry.example/other', secretRef: { name: 'login' } }), false],
    [source('known', { url: 'oci://evil.example/app', secretRef: { name: 'login' } }), true],
    [source('new', { url: 'oci://registry.example/app', secretRef: { name: 'login' } }), false],
    [source('new', { url: 'oci://registry.example:444/app', secretRef: { name: 'login' } }), true],
    [source('new', { url: 'oci://registry.example/app', secretRef: { name: 'another' } }), true],
    [source('new', { url: 'oci://registry.example/app', insecure: true, secretRef: { name: 'login' } }), true],
    [source('new', { url: 'oci://registry.example/app', provider: 'aws' }), true],
    [
      source('new', { url: 'oci://registry.example/app', secretRef: { name: 'login' }, proxySecretRef: { name: 'p' } }),
      true,
    ],
    [source('new', { url: 'oci://registry.example/app', secretRef: { name: 'login' } }, 'elsewhere'), true],
    [source('new', { url: 'oci://evil.example/app' }), false],
  ]
  for (const [given, isStripped] of cases) {
    const result = withSafeLogins(world, given)
    assert.equal(result.isStripped, isStripped, JSON.stringify(given.spec))
    assert.equal(hasLogin(result.source), isStripped ? false : hasLogin(given))
  }
  const open = source('open', { url: 'oci://registry.example/app', provider: 'generic' })
  assert.deepEqual(withoutLogins(open), open)
  assert.equal(isSameSource(world, known), true)
  assert.equal(isSameSource(world, source('known', { url: 'oci://registry.example/app' })), false)
})
