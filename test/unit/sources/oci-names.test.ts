import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseChallenge, parseOciUrl, registryLogin } from '../../../src/sources/index.ts'

describe('names of repositories', () => {
  const rows = [
    ['oci://ghcr.io/org/app', 'ghcr.io', 'ghcr.io', 'org/app'],
    ['oci://localhost:5000/app/', 'localhost:5000', 'localhost:5000', 'app'],
    ['oci://docker.io/nginx', 'docker.io', 'registry-1.docker.io', 'library/nginx'],
    ['oci://index.docker.io/org/app', 'docker.io', 'registry-1.docker.io', 'org/app'],
  ] as const
  for (const [url, registry, host, repository] of rows)
    it(url, () => assert.deepEqual(parseOciUrl(url), { registry, host, repository }))
  for (const url of [
    'https://a/b',
    'oci://a',
    'oci://a/b:tag',
    'oci://a/b@sha256:x',
    'oci://a/../b',
    'oci://u:p@a/b',
    'oci://a/B',
  ])
    it(`${url} is refused`, () => assert.throws(() => parseOciUrl(url), { reason: 'URLInvalid' }))
})

describe('pull secrets', () => {
  const secret = (auths: object) => ({ '.dockerconfigjson': JSON.stringify({ auths }) })
  const target = { registry: 'docker.io', repository: 'org/app' }
  const login = { auth: btoa('u:p:q') }
  const rows: readonly [name: string, auths: object, want: unknown][] = [
    [
      'Docker Hub by its old name',
      { 'https://index.docker.io/v1/': login },
      { kind: 'basic', username: 'u', password: 'p:q' },
    ],
    [
      'the longest path',
      { 'docker.io': { username: 'x', password: 'y' }, 'docker.io/org': login },
      { kind: 'basic', username: 'u', password: 'p:q' },
    ],
    ['no other host', { 'ghcr.io': login, 'docker.io.evil.example': login }, undefined],
    ['no other path', { 'docker.io/or': login }, undefined],
    ['an identity token', { '*.io': { identitytoken: 't' } }, { kind: 'identity', token: 't' }],
  ]
  for (const [name, auths, want] of rows) it(name, () => assert.deepEqual(registryLogin([secret(auths)], target), want))
  it('that cannot be read are errors without their content', () => {
    for (const text of ['hunter2', '{"auths":1}', '{"auths":{"docker.io":{"auth":"%hunter2"}}}'])
      assert.throws(
        () => registryLogin([{ '.dockerconfigjson': text }], target),
        (error: Error & { reason?: string }) => {
          assert.equal(error.reason, 'AuthenticationFailed')
          assert.doesNotMatch(error.message, /hunter2/)
          return true
        },
      )
  })
})

it('a challenge is read with commas in quotes', () => {
  const { scheme, parameters } = parseChallenge(
    'Bearer realm="https://a/token",service=s,scope="repository:a:pull,push"',
  )
  assert.equal(scheme, 'bearer')
  assert.deepEqual(Object.fromEntries(parameters), {
    realm: 'https://a/token',
    service: 's',
    scope: 'repository:a:pull,push',
  })
})
