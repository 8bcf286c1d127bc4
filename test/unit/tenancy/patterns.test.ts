import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  matchesKind,
  matchesName,
  matchesReference,
  matchesUrl,
  namespacePatternOverlaps,
} from '../../../src/tenancy/patterns.ts'

test('names', () => {
  const rows: readonly (readonly [pattern: string, name: string, matches: boolean])[] = [
    ['team-a', 'team-a', true],
    ['team-a', 'team-ab', false],
    ['team-*', 'team-a', true],
    ['team-*', 'team-', true],
    ['team-*', 'teama', false],
    ['*-a', 'team-a', true],
    ['*', 'x', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'acb', false],
    ['ab*ba', 'aba', false],
    ['a**a', 'aa', true],
    ['', '', true],
  ]
  for (const [pattern, name, matches] of rows) assert.equal(matchesName(pattern, name), matches, `${pattern} ${name}`)
})

test('a pattern and its regular expression agree', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 8 })
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 })
  fc.assert(
    fc.property(word, name, (pattern, given) => {
      const expression = new RegExp(`^${pattern.replaceAll('-', '\\-').replaceAll('*', '.*')}$`)
      assert.equal(matchesName(pattern, given), expression.test(given))
    }),
  )
})

test('two patterns that a name matches overlap', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 5 })
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(pattern, pattern, name, (one, other, given) => {
      if (matchesName(one, given) && matchesName(other, given)) assert.ok(namespacePatternOverlaps(one, other))
    }),
  )
  for (const [one, other] of [
    ['team-a', 'team-b'],
    ['team-a-*', 'team-b-*'],
    ['team-a', 'team-a-*'],
    ['*-dev', '*-prod'],
  ])
    assert.equal(namespacePatternOverlaps(one ?? '', other ?? ''), false, `${one} ${other}`)
})

test('kinds and references', () => {
  for (const [pattern, group, kind, matches] of [
    ['Deployment', 'apps', 'Deployment', true],
    ['Deployment', 'other.io', 'Deployment', true],
    ['apps/Deployment', 'other.io', 'Deployment', false],
    ['apps/*', 'apps', 'StatefulSet', true],
    ['*', '', 'Secret', true],
    ['*.fluxcd.io/*', 'kustomize.toolkit.fluxcd.io', 'Kustomization', true],
    ['Secret', '', 'ConfigMap', false],
  ] as const)
    assert.equal(matchesKind(pattern, group, kind), matches, `${pattern} ${group}/${kind}`)
  const shared = { kind: 'GitRepository', namespace: 'flux-system', name: 'shared' }
  assert.ok(matchesReference('GitRepository/flux-system/shared', shared))
  assert.ok(matchesReference('GitRepository/flux-*/*', shared))
  assert.ok(!matchesReference('OCIRepository/flux-system/shared', shared))
  assert.ok(!matchesReference('GitRepository/flux-system/other', shared))
})

test('URLs of sources', () => {
  const rows: readonly (readonly [pattern: string, url: string, matches: boolean])[] = [
    ['*', 'anything at all', true],
    ['https://github.com/org/team-a', 'https://github.com/org/team-a', true],
    ['https://github.com/org/team-a', 'https://github.com/org/team-a.git', true],
    ['https://github.com/org/team-a.git', 'https://github.com/org/team-a/', true],
    ['https://github.com/org/team-a', 'https://GitHub.com:443/org/team-a', true],
    ['https://github.com/org/team-a', 'HTTPS://github.com/org/team-a', true],
    ['https://github.com/org/team-a', 'https://user:secret@github.com/org/team-a', true],
    ['https://github.com/org/team-a-*', 'https://github.com/org/team-a-web', true],
    ['https://github.com/org/*', 'https://github.com/org/x', true],
    ['https://github.com/org/**', 'https://github.com/org/x/y', true],
    ['oci://ghcr.io/org/*', 'oci://ghcr.io/org/app', true],
    ['ssh://git.example/org/a', 'git@git.example:org/a.git', true],
    ['ssh://git.example/org/a', 'ssh://git@git.example:22/org/a', true],
    ['https://git.example:8443/org/a', 'https://git.example:8443/org/a', true],
    // Another place.
    ['https://github.com/org/team-a', 'https://github.com/org/team-b', false],
    ['https://github.com/org/team-a', 'http://github.com/org/team-a', false],
    ['https://github.com/org/team-a', 'ssh://git@github.com/org/team-a', false],
    ['https://github.com/org/team-a', 'https://github.com.evil.example/org/team-a', false],
    ['https://github.com/org/team-a', 'https://github.com@evil.example/org/team-a', false],
    ['https://github.com/org/team-a', 'https://evil.example/@github.com/org/team-a', false],
    ['https://github.com/org/team-a', 'https://github.com:8443/org/team-a', false],
    ['https://github.com/org/*', 'https://github.com/org', false],
    ['https://github.com/org/*', 'https://github.com/org/x/y', false],
    ['https://github.com/org/**', 'https://github.com/org', false],
    ['https://github.com/org/**', 'https://github.com/organisation/x', false],
    // What could be understood in two ways.
    ['https://github.com/org/*', 'https://github.com/org/../secret/x', false],
    ['https://github.com/org/**', 'https://github.com/org/../secret/x', false],
    ['https://github.com/org/*', 'https://github.com/org/%2e%2e', false],
    ['https://github.com/org/*', 'https://github.com/org/a%2f..%2f..%2fsecret%2fx', false],
    ['https://github.com/org/*', 'https://github.com/org\\..\\secret', false],
    ['https://github.com/org/*', 'https://github.com/org/a?x=/../', false],
    ['https://github.com/org/*', 'https://github.com/org/a#b', false],
    ['https://github.com/org/*', 'https://github.com/org//a', false],
    ['https://github.com/org/*', 'https:/github.com/org/a', false],
    ['https://github.com/org/*', 'https://github.com/org/a\n', false],
    ['https://github.com/org/*', 'https://github.com/org/\ta', false],
    ['https://github.com/org/*', '//github.com/org/a', false],
    ['https://github.com/org/*', '', false],
  ]
  for (const [pattern, url, matches] of rows) assert.equal(matchesUrl(pattern, url), matches, `${pattern} ${url}`)
})
