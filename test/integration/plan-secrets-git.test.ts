import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { startApplications } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import {
  configMap,
  deployment,
  guessOf,
  hash,
  kustomization,
  outputsOf,
  probe,
  putSecret,
  release,
  useScenarios,
  type Files,
  type Guess,
} from '../support/probes.ts'
import type { Scenario } from '../support/scenario.ts'
import { createSopsEncrypter } from '../support/sops-encrypt.ts'
import { fixtureKey } from '../support/sops-fixtures.ts'

const cluster = useCluster()
const scenario = useScenarios(cluster)

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const sops = await createSopsEncrypter()

describe('what the author of a pull request learns of encrypted files by guessing', () => {
  const password = guessOf('db')
  const content = guessOf('file')
  const variable = guessOf('var')
  const canaries = new Canaries()
  const secret = (name: string, data: string, metadata: string, kind = 'Secret'): string =>
    `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name}, namespace: $NAMESPACE }\ndata: { ${data} }\n${metadata}`
  const encrypted = (name: string, key: string, value: string, kind?: string): string =>
    secret(
      name,
      `${key}: "${sops.value(base64(value), ['data', key])}"`,
      sops.metadata('encrypted_regex: ^data$'),
      kind,
    )
  const generator = '\nsecretGenerator:\n- { name: generated, files: [password=content.bin] }\n'
  const resources = 'resources: [secret.yaml, variables.yaml, c.yaml, child.yaml]'
  const files = {
    'app/kustomization.yaml': `${resources}${generator}`,
    'app/secret.yaml': encrypted('db', 'password', password.right),
    'app/variables.yaml': encrypted('child-variables', 'word', variable.right),
    'app/content.bin': sops.json(content.right),
    'app/c.yaml': configMap('c', '{ x: "1" }'),
    'app/child.yaml': kustomization(
      'child',
      './child',
      '  postBuild: { substituteFrom: [{ kind: Secret, name: child-variables }] }\n',
    ),
    'child/d.yaml': configMap('d', '{ x: "${word}" }'),
  }
  let made: Scenario
  before(async () => {
    for (const [name, { right }] of Object.entries({ password, content, variable })) canaries.add(name, right)
    made = await scenario(files)
    await putSecret(made, 'sops-keys', { 'age.agekey': new TextDecoder().decode(fixtureKey('one.agekey')) })
    await startApplications(
      made,
      kustomization(
        'app',
        './app',
        '  targetNamespace: $NAMESPACE\n  decryption: { provider: sops, secretRef: { name: sops-keys } }\n',
      ),
    )
    await made.scan()
  })
  const patched = (patch: string, target: string): Files => ({
    'app/kustomization.yaml': `${resources}${generator}patches:\n- target: ${target}\n  patch: |\n${patch.replaceAll(/^/gm, '    ')}\n`,
  })
  const replaced = `replacements:
- source: { kind: Secret, name: generated, fieldPath: data.password }
  targets:
  - select: { kind: Deployment, name: r }
    fieldPaths: ["spec.template.spec.containers.0.env.0.name"]
`
  const rows: { readonly [name: string]: readonly [Guess, (text: string) => Files] } = {
    'plainly beside it': [
      password,
      (text) => ({ 'app/c.yaml': configMap('c', `{ x: "${text}", y: "${base64(text)}" }`) }),
    ],
    'in its place': [password, (text) => ({ 'app/secret.yaml': secret('db', `password: "${base64(text)}"`, '') })],
    'as the content of a generator': [content, (text) => ({ 'app/content.bin': text })],
    'by the test of a patch': [
      content,
      (text) =>
        patched(`- { op: test, path: /data/password, value: "${base64(text)}" }`, '{ kind: Secret, name: generated }'),
    ],
    'by the test of a patch, and something that it does': [
      content,
      (text) =>
        patched(
          `- { op: test, path: /data/password, value: "${base64(text)}" }\n- { op: add, path: /data/more, value: "eA==" }`,
          '{ kind: Secret, name: generated }',
        ),
    ],
    'by the test of a patch of what is encrypted in an object': [
      password,
      (text) => patched(`- { op: test, path: /data/password, value: "${base64(text)}" }`, '{ kind: Secret, name: db }'),
    ],
    'by what a patch deletes from a list': [
      content,
      (text) => ({
        'app/inner/kustomization.yaml': `resources: [r.yaml]${generator}${replaced}`,
        'app/inner/r.yaml': deployment('r', '[{ name: x, value: "1" }]'),
        'app/inner/content.bin': sops.json(content.right),
        'app/kustomization.yaml': `${resources.replace(']', ', inner]')}
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: { name: r, namespace: $NAMESPACE }
    spec: { template: { spec: { containers: [{ name: app, env: [{ name: "${base64(text)}", $patch: delete }] }] } } }
`,
      }),
    ],
    'by a replacement that takes a part': [
      content,
      (text) => ({
        'app/kustomization.yaml': `${resources}${generator}replacements:
- source: { kind: Secret, name: generated, fieldPath: data.password, options: { delimiter: "${base64(text).slice(0, 8)}", index: 1 } }
  targets:
  - { select: { kind: ConfigMap, name: c }, fieldPaths: [data.x] }
`,
      }),
    ],
    'by variables of a child': [
      variable,
      (text) => ({ 'child/d.yaml': configMap('d', `{ x: "\${word/${text}/yes}", y: "\${word#${text}}" }`) }),
    ],
    'by variables of a child that come with it': [
      variable,
      (text) => ({
        'app/variables.yaml': secret('child-variables', `word: "${base64(text)}"`, ''),
        'child/d.yaml': configMap('d', '{ x: "${word}", y: "1" }'),
      }),
    ],
  }
  for (const [name, [guess, proposed]] of Object.entries(rows))
    it(`nothing, ${name}`, async () => {
      const told = await probe(made, guess, proposed)
      for (const [output, shown] of Object.entries(told)) canaries.see(output, shown)
    })
  it('nothing, by the name of what is generated from it', async () => {
    const secrets = await made.client.list({ apiVersion: 'v1', kind: 'Secret', namespace: made.namespace, name: '' })
    const right = secrets.map(({ metadata }) => metadata.name).find((name) => name.startsWith('generated-')) ?? ''
    assert.match(right, /^generated-[a-z0-9]{10}$/)
    const wrong = `${right.slice(0, -1)}${right.endsWith('b') ? 'c' : 'b'}`
    for (const kind of ['Secret', 'ConfigMap'])
      await probe(made, { right, wrong }, (name) => ({
        'app/c.yaml': `${configMap('c', '{ x: "2" }')}---\n${secret(name, 'x: "eA=="', '', kind)}`,
      }))
  })
  it('and nothing of it is shown or stored when it is copied to a place that everybody sees, is encrypted anew, or goes', async () => {
    const copied = sops.value(base64(password.right), ['data', 'password'])
    for (const proposed of [
      {
        'app/c.yaml': secret('c', `password: "${copied}"`, sops.metadata('encrypted_regex: ^data$'), 'ConfigMap'),
      },
      { 'app/secret.yaml': encrypted('db', 'password', password.right), 'app/content.bin': sops.json(content.right) },
      { 'app/kustomization.yaml': 'resources: [c.yaml]\n' },
      {
        'app/kustomization.yaml': `${resources}\nconfigMapGenerator:\n- { name: generated, files: [content.bin] }\n`,
      },
    ])
      for (const [output, shown] of Object.entries(await outputsOf(made, proposed))) canaries.see(output, shown)
    await canaries.seeState(made.deps.state)
    for (const line of made.logLines) canaries.see('log', line)
    canaries.assertNone(40)
  })
})

describe('what the author of a chart learns of its values by the functions of templates', () => {
  const guess = guessOf('hr')
  const canaries = new Canaries()
  const template = (value: string, name = '{{ .Release.Name }}-a'): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "${name}" }\ndata: { value: ${value} }\n`
  const a = template('"{{ .Values.db.password }}"')
  const values = '  valuesFrom:\n  - { kind: Secret, name: file }\n'
  const base = {
    'clusters/one.yaml': release('one', '{ value: a }', values),
    'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
    'chart/values.yaml': 'db: { password: "" }\n',
    'chart/templates/a.yaml': a,
  }
  let made: Scenario
  before(async () => {
    canaries.add('password', guess.right)
    made = await scenario(base)
    await putSecret(made, 'file', { 'values.yaml': `db: { password: ${guess.right} }\n` })
    await startApplications(made, kustomization('root', './clusters'))
    await made.scan()
  })
  const value = '.Values.db.password'
  const looked = '((lookup "v1" "Secret" .Release.Namespace "file").data | default dict)'
  const rows: { readonly [name: string]: (text: string) => string } = {
    'a regular expression': (text) => template(`"{{ regexMatch "^${text}$" ${value} }}"`),
    'what is required': (text) =>
      `${a}---\n{{ if eq ${value} "${text}" }}{{ required (print "is " ${value}) "" }}{{ end }}`,
    'a failure that quotes it': (text) =>
      `${a}---\n{{ if ne ${value} "${text}" }}{{ fail (print "not " ${value}) }}{{ end }}`,
    'how long it is': (text) =>
      template(`"{{ eq (len ${value}) ${text.length} }} {{ substr 0 3 ${value} | eq "${text.slice(0, 3)}" }}"`),
    'a template in it': (text) =>
      template(`"{{ tpl (print "{{ " (quote ${value}) " | eq \\"${text}\\" }}") . }}"`.replaceAll('\\"', '`')),
    'all values': (text) => template(`{{ .Values | toJson | contains "${text}" | quote }}`),
    'its kind': (text) => template(`"{{ kindOf (ternary 1 "x" (eq ${value} "${text}")) }}"`),
    'what it is encoded as': (text) => template(`"{{ eq (b64enc ${value}) "${base64(text)}" }}"`),
    'a Secret that is looked up': (text) =>
      template(`"{{ contains "${base64(`db: { password: ${text} }\n`)}" (toJson ${looked}) }}"`),
    'what is made at random': (text) =>
      template(`"{{ randAlphaNum (ternary 3 5 (eq ${value} "${text}")) }} {{ htpasswd "u" ${value} }}"`),
    'the time': (text) => template(`"{{ ternary (now | unixEpoch) "0" (eq ${value} "${text}") }}"`),
    'how many objects there are': (text) =>
      `${a}{{ range until (ternary 3 1 (eq ${value} "${text}")) }}\n---\n${template('"1"', 'many-{{ . }}')}{{ end }}`,
    'an object of a chart that is a hook': (text) =>
      `${a}---\n${template('"1"', 'hook').replace('metadata: {', `metadata: { annotations: { "helm.sh/hook": {{ ternary "pre-upgrade" "test" (eq ${value} "${text}") | quote }} },`)}`,
    'a namespace': (text) =>
      `${a}---\n${template('"1"', 'far').replace('metadata: {', `metadata: { namespace: {{ ternary "default" .Release.Namespace (eq ${value} "${text}") }},`)}`,
  }
  for (const [name, chart] of Object.entries(rows))
    it(`nothing, by ${name}`, async () => {
      const told = await probe(made, guess, (text) => ({ 'chart/templates/a.yaml': chart(text) }))
      for (const [output, shown] of Object.entries(told)) canaries.see(output, shown)
    })
  const post = (text: string, more = ''): Files => ({
    'chart/templates/a.yaml': a,
    'clusters/one.yaml': release(
      'one',
      '{ value: b }',
      `${values}  postRenderers:\n  - kustomize:\n      patches:\n      - target: { kind: ConfigMap }\n        patch: |\n          - { op: test, path: /data/value, value: "${text}" }\n${more}`,
    ),
  })
  it('nothing, by the test of a patch after the rendering', async () => {
    await probe(made, guess, (text) => post(text))
    await probe(made, guess, (text) => post(text, '          - { op: add, path: /data/more, value: "1" }\n'))
  })
  it('nothing, by a value of the release in its place', async () => {
    await probe(made, guess, (text) => ({ 'clusters/one.yaml': release('one', `{ db: { password: "${text}" } }`) }))
    await probe(made, guess, (text) => ({
      'clusters/one.yaml': release('one', `{ value: "${hash(text)}", db: { password: "${text}" } }`, values),
    }))
  })
  it('and nothing of it is shown or stored', async () => {
    await canaries.seeState(made.deps.state)
    for (const line of made.logLines) canaries.see('log', line)
    canaries.assertNone(40)
  })
})
