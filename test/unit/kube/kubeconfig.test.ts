import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kubeconfigText, parseKubeconfig } from '../../../src/kube/index.ts'

const pem = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n'
const config = (cluster: object, user: object): string =>
  JSON.stringify({
    'current-context': 'c',
    contexts: [
      { name: 'other', context: {} },
      { name: 'c', context: { cluster: 'k', user: 'u' } },
    ],
    clusters: [{ name: 'k', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
  })
const parse = (text: string, allowInsecureTls = false): ReturnType<typeof parseKubeconfig> =>
  parseKubeconfig(text, { parse: JSON.parse as (text: string) => unknown, allowInsecureTls })

test('what is kept', () => {
  const cluster = { 'certificate-authority-data': btoa(pem), 'tls-server-name': 'name', 'proxy-url': 'http://proxy' }
  assert.deepEqual(
    parse(
      config(cluster, {
        token: 't',
        username: 'n',
        password: 'p',
        as: 'someone',
        'client-certificate-data': btoa(pem),
        'client-key-data': btoa(pem),
      }),
    ),
    {
      server: 'https://10.0.0.1:6443',
      ignored: [],
      serverName: 'name',
      proxyUrl: 'http://proxy',
      ca: pem,
      cert: pem,
      key: pem,
      token: 't',
      username: 'n',
      password: 'p',
      impersonate: 'someone',
    },
  )
})

test('what runs programs or reads files is left out', () => {
  const user = {
    token: 't',
    exec: { command: 'sh' },
    'auth-provider': { name: 'gcp' },
    tokenFile: '/x',
    'client-certificate': '/x',
    'client-key': '/x',
  }
  const found = parse(
    config(
      { 'insecure-skip-tls-verify': true, 'certificate-authority': '/x', 'certificate-authority-data': btoa(pem) },
      user,
    ),
  )
  assert.deepEqual(found.ignored, [
    'cluster.insecure-skip-tls-verify',
    'cluster.certificate-authority',
    'user.exec',
    'user.auth-provider',
    'user.tokenFile',
    'user.client-certificate',
    'user.client-key',
  ])
  assert.equal(found.token, 't')
  assert.equal(found.insecureSkipVerify, undefined)
  assert.equal(parse(config({ 'insecure-skip-tls-verify': true }, { token: 't' }), true).insecureSkipVerify, true)
})

test('refusals', async (t) => {
  const rows: { name: string; text: string; want: RegExp }[] = [
    {
      name: 'only exec',
      text: config({}, { exec: { command: 'sh' } }),
      want: /nothing to log in with is left without user\.exec/,
    },
    {
      name: 'trust from a file',
      text: config({ 'certificate-authority': '/etc/ca' }, { token: 't' }),
      want: /certificate-authority-data/,
    },
    { name: 'http', text: config({ server: 'http://10.0.0.1' }, { token: 't' }), want: /must be https/ },
    { name: 'no URL', text: config({ server: 'x' }, { token: 't' }), want: /no URL/ },
    { name: 'half a certificate', text: config({}, { 'client-certificate-data': btoa(pem) }), want: /go together/ },
    {
      name: 'not base64',
      text: config({ 'certificate-authority-data': '%%' }, { token: 't' }),
      want: /not base64 of PEM/,
    },
    {
      name: 'several at once',
      text: config({ server: 'http://x', 'certificate-authority-data': '%' }, {}),
      want: /https[^]*not base64/,
    },
    { name: 'no context', text: '{}', want: /names no context/ },
    { name: 'no mapping', text: '[]', want: /not a mapping/ },
    { name: 'null', text: 'null', want: /not a mapping/ },
    { name: 'null lists', text: '{"current-context":"c","contexts":[null]}', want: /names no context/ },
    { name: 'not YAML, not quoted', text: 'token: canary: :', want: /^kubeconfig: it is not valid YAML$/ },
  ]
  for (const { name, text, want } of rows)
    await t.test(name, () => assert.throws(() => parse(text), { code: 'kubeconfig-invalid', message: want }))
})

test('the key in the Secret', () => {
  assert.equal(kubeconfigText({ value: 'a', 'value.yaml': 'b', x: 'c' }, 'x', 's'), 'c')
  assert.equal(kubeconfigText({ value: 'a', 'value.yaml': 'b' }, undefined, 's'), 'a')
  assert.equal(kubeconfigText({ 'value.yaml': 'b' }, '', 's'), 'b')
  assert.throws(() => kubeconfigText({ value: 'a' }, 'constructor', 's'), { code: 'kubeconfig-missing' })
})
