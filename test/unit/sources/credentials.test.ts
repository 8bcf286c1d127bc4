import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gitCredentials, isSameRepository, normalizeRepositoryUrl } from '../../../src/sources/index.ts'

const basic = (login: string): string => `Basic ${Buffer.from(login).toString('base64')}`
const https = 'https://example.com/a'

describe('gitCredentials', () => {
  for (const { name, options, want } of [
    { name: 'none', options: { url: https }, want: {} },
    {
      name: 'basic',
      options: { url: https, secret: { username: 'u', password: 'p' } },
      want: { authorization: basic('u:p') },
    },
    {
      name: 'bytes',
      options: { url: https, secret: { username: new TextEncoder().encode('ü'), password: 'p' } },
      want: { authorization: basic('ü:p') },
    },
    { name: 'user alone', options: { url: https, secret: { username: 'u' } }, want: { authorization: basic('u:') } },
    {
      name: 'token before basic',
      options: { url: https, secret: { bearerToken: 't\n', username: 'u', password: 'p' } },
      want: { authorization: 'Bearer t' },
    },
    { name: 'URL', options: { url: 'https://u:p%40@example.com/a' }, want: { authorization: basic('u:p@') } },
    {
      name: 'Secret before URL',
      options: { url: 'https://u:p@example.com/a', secret: { username: 'x', password: 'y' } },
      want: { authorization: basic('x:y') },
    },
    {
      name: 'ca.crt before caFile',
      options: { url: https, secret: { 'ca.crt': 'A', caFile: 'B' } },
      want: { tls: { ca: 'A' } },
    },
    { name: 'caFile', options: { url: https, secret: { caFile: 'B' } }, want: { tls: { ca: 'B' } } },
    {
      name: 'client certificate',
      options: { url: https, secret: { 'tls.crt': 'C', 'tls.key': 'K' } },
      want: { tls: { cert: 'C', key: 'K' } },
    },
    {
      name: 'proxy',
      options: { url: https, proxySecret: { address: 'http://p:1', username: 'u', password: 'p' } },
      want: { proxy: { url: 'http://p:1', username: 'u', password: 'p' } },
    },
  ]) {
    it(name, () => assert.deepEqual(gitCredentials(options), want))
  }
  for (const { name, options, reason } of [
    { name: 'password alone', options: { url: https, secret: { password: 's3cret' } }, reason: 'AuthenticationFailed' },
    {
      name: 'half a certificate',
      options: { url: https, secret: { 'tls.key': 's3cret' } },
      reason: 'AuthenticationFailed',
    },
    {
      name: 'token with a line in it',
      options: { url: https, secret: { bearerToken: 's3cret\nx: y' } },
      reason: 'AuthenticationFailed',
    },
    { name: 'empty token', options: { url: https, secret: { bearerToken: '' } }, reason: 'AuthenticationFailed' },
    {
      name: 'proxy without address',
      options: { url: https, proxySecret: { address: 's3cret' } },
      reason: 'AuthenticationFailed',
    },
    {
      name: 'app keys without provider',
      options: { url: https, secret: { githubAppID: '1' } },
      reason: 'InvalidProviderConfiguration',
    },
    {
      name: 'provider without app keys',
      options: { url: https, provider: 'github' },
      reason: 'InvalidProviderConfiguration',
    },
    {
      name: 'provider with a Secret without app keys',
      options: { url: https, provider: 'github', secret: { username: 's3cret' } },
      reason: 'InvalidProviderConfiguration',
    },
    {
      name: 'proxy of an unknown kind',
      options: { url: https, proxySecret: { address: 'ftp://s3cret' } },
      reason: 'AuthenticationFailed',
    },
    {
      name: 'a proxy for ssh, which would not be used',
      options: {
        url: 'ssh://git@example.com/a',
        secret: { identity: 's3cret', known_hosts: 'x' },
        proxySecret: { address: 'socks5://p:1', password: 's3cret' },
      },
      reason: 'AuthenticationFailed',
    },
    { name: 'ssh without a key', options: { url: 'ssh://git@example.com/a' }, reason: 'AuthenticationFailed' },
    {
      name: 'tokens of a provider over ssh',
      options: { url: 'ssh://git@example.com/a', provider: 'azure', secret: { identity: 's3cret', known_hosts: 'x' } },
      reason: 'InvalidProviderConfiguration',
    },
    { name: 'no URL', options: { url: 's3cret' }, reason: 'URLInvalid' },
  ]) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => gitCredentials(options),
        (error: unknown) => {
          assert.ok(error instanceof Error && 'reason' in error)
          assert.equal(error.reason, reason)
          assert.doesNotMatch(`${error.message}${JSON.stringify(error)}`, /s3cret/)
          return true
        },
      )
    })
  }
})

describe('normalizeRepositoryUrl', () => {
  const same = [
    'https://github.com/Org/Repo',
    'https://github.com/org/repo.git',
    'https://github.com/org/repo/',
    'https://GitHub.com:443//org/repo.git/',
    'http://github.com/org/repo',
    'https://user:token@github.com/org/repo.git',
    'https://github.com/org/repo?x=y#z',
    'git@github.com:org/repo.git',
    'github.com:org/repo',
    'ssh://git@github.com/org/repo.git',
    'ssh://git@github.com:22/org/repo',
    'git://github.com/org/repo.git',
    ' https://github.com/org/repo ',
    'https://github.com./org/%72epo',
  ]
  for (const url of same) it(url, () => assert.equal(normalizeRepositoryUrl(url), 'github.com/org/repo'))
  for (const [url, want] of [
    ['https://git.example.com:8443/a/b.git', 'git.example.com:8443/a/b'],
    ['ssh://git@git.example.com:2222/a/b/c.git', 'git.example.com:2222/a/b/c'],
    ['git@[::1]:a/b', '[::1]/a/b'],
    ['https://github.com', ''],
    ['', ''],
    ['nonsense', ''],
    ['file:///etc/passwd', ''],
    ['javascript://x/y', ''],
    ['https://github.com/a%2/b', 'github.com/a%2/b'],
  ] as const) {
    it(url, () => assert.equal(normalizeRepositoryUrl(url), want))
  }
  it('compares, a port counting only where both have one', () => {
    const yes: [string, string][] = [
      ['ssh://git@h.example:2222/a/b', 'https://h.example/a/b.git'],
      ['https://h.example:8443/a/b', 'git@h.example:a/b'],
    ]
    const no: [string, string][] = [
      ['https://h.example:1/a/b', 'https://h.example:2/a/b'],
      ['https://h.example/a/b', 'https://h.example/a/bc'],
      ['https://h.example/a/b', 'https://evil.example/a/b'],
      ['https://h.example.evil.example/a/b', 'https://h.example/a/b'],
      ['https://h.example@evil.example/a/b', 'https://h.example/a/b'],
      ['nonsense', 'nonsense'],
      ['', ''],
    ]
    for (const [a, b] of yes) assert.equal(isSameRepository(a, b), true, `${a} ${b}`)
    for (const [a, b] of no) assert.equal(isSameRepository(a, b), false, `${a} ${b}`)
  })
})
