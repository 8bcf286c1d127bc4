import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkEgress, compareByteOrder, isPrivateAddress, printUrl } from '../../../src/base/index.ts'

describe('isPrivateAddress', () => {
  const rows: [address: string, want: boolean][] = [
    ['8.8.8.8', false],
    ['140.82.121.3', false],
    ['172.15.255.255', false],
    ['172.32.0.1', false],
    ['100.63.255.255', false],
    ['2606:4700::1111', false],
    ['::ffff:8.8.8.8', false],
    ['2a00:1450:4001:80b::200e', false],
    ['64:ff9b::8.8.8.8', false],
    ['127.0.0.1', true],
    ['127.255.255.254', true],
    ['10.1.2.3', true],
    ['172.16.0.1', true],
    ['172.31.255.255', true],
    ['192.168.0.1', true],
    ['169.254.169.254', true],
    ['100.64.0.1', true],
    ['0.0.0.0', true],
    ['192.0.2.1', true],
    ['198.18.0.1', true],
    ['224.0.0.1', true],
    ['255.255.255.255', true],
    ['::', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::ffff:a9fe:a9fe', true],
    ['::7f00:1', true],
    ['64:ff9b::10.0.0.1', true],
    ['2002:7f00:1::', true],
    ['fe80::1%eth0', true],
    ['fc00::1', true],
    ['fd00:ec2::254', true],
    ['ff02::1', true],
    ['2001:db8::1', true],
    ['2001::1', true],
    ['not an address', true],
    ['1.2.3', true],
    ['1:2:3', true],
    ['1::2::3', true],
  ]
  for (const [address, want] of rows) it(address, () => assert.equal(isPrivateAddress(address), want))
})

describe('checkEgress', () => {
  for (const url of [
    'https://github.com/a/b',
    'http://8.8.8.8/x',
    'https://git.example.com:8443/x',
    'https://[2606:4700::1111]/',
  ]) {
    it(`lets ${url} through`, () => checkEgress(new URL(url), {}))
  }
  for (const url of [
    'file:///etc/passwd',
    'ftp://example.com/',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://metadata.google.internal/',
    'http://localhost:8080/',
    'http://foo.localhost./',
    'http://kubernetes.default.svc/',
    'http://kubernetes/',
    'http://printer.local/',
  ]) {
    it(`refuses ${url}`, () => {
      assert.throws(() => checkEgress(new URL(url), {}), { name: 'EngineError', code: 'egress-refused' })
    })
  }
  it('lets allowed hosts through, and no others', () => {
    const policy = { allowHosts: ['git.corp.internal', '*.lan', '10.0.0.5'] }
    for (const url of ['https://git.corp.internal/', 'https://a.b.lan/', 'http://10.0.0.5:3000/'])
      checkEgress(new URL(url), policy)
    for (const url of ['https://xgit.corp.internal/', 'https://lan/', 'http://10.0.0.6/']) {
      assert.throws(() => checkEgress(new URL(url), policy), { code: 'egress-refused' })
    }
    checkEgress(new URL('http://127.0.0.1:1/'), { allowPrivate: true })
    assert.throws(() => checkEgress(new URL('file:///x'), { allowPrivate: true }), { code: 'egress-refused' })
  })
})

describe('printUrl', () => {
  for (const [url, want] of [
    ['https://user:pa$$@example.com:8443/a/b?token=x#y', 'https://example.com:8443/a/b'],
    ['https://token@example.com', 'https://example.com/'],
    ['ssh://git@example.com/a', 'ssh://example.com/a'],
    ['git@example.com:secret', '<invalid URL>'],
    ['https://', '<invalid URL>'],
  ] as const) {
    it(url, () => assert.equal(printUrl(url), want))
  }
})

describe('compareByteOrder', () => {
  it('sorts as UTF-8 bytes', () => {
    const names = ['b', 'a', 'a-b', 'a.b', 'a', 'é', '\u{1f600}', '\ue000', '\ud7ff', '']
    const want = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    assert.deepEqual(names.toSorted(compareByteOrder), want)
  })
})
