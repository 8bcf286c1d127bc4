import { before, describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { startApplications } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import {
  configMap,
  deployment,
  fromSecret,
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

const cluster = useCluster()
const scenario = useScenarios(cluster)

describe('what the author of a pull request learns of a secret by guessing', () => {
  const guess = guessOf('pw')
  const base = {
    'vars/a.yaml': configMap('a', '{ url: "x-${password}" }'),
    'vars/live.yaml': kustomization('live', './live', '  postBuild: { substitute: { given: "${password}" } }\n'),
    'live/c.yaml': configMap('given', '{ x: "${given}" }'),
    'vars/plain.yaml': configMap('plain', '{ x: "1" }'),
    'vars/d.yaml': deployment('d', '[{ name: PASSWORD, value: "${password}" }]'),
  }
  let made: Scenario
  before(async () => {
    made = await scenario(base)
    await putSecret(made, 'variables', { password: guess.right })
    await startApplications(made, kustomization('vars', './vars', fromSecret))
    await made.scan()
  })
  const rows: { readonly [name: string]: (guess: string) => Files } = {
    'plainly in its place': (text) => ({ 'vars/a.yaml': configMap('a', `{ url: "x-${text}" }`) }),
    'plainly in an environment variable': (text) => ({
      'vars/d.yaml': deployment('d', `[{ name: PASSWORD, value: "${text}" }]`),
    }),
    // Neither does anything to the placeholder: what else the change does is what there is to see.
    'as the default of a variable': (text) => ({
      'vars/a.yaml': configMap('a', `{ url: "x-\${password:=${text}}" }`),
      'vars/plain.yaml': configMap('plain', '{ x: "2" }'),
    }),
    'as a prefix that is cut': (text) => ({
      'vars/a.yaml': configMap('a', `{ url: "x-\${password#${text}}" }`),
      'vars/plain.yaml': configMap('plain', '{ x: "2" }'),
    }),
    'as what is replaced': (text) => ({ 'vars/a.yaml': configMap('a', `{ url: "\${password/${text}/yes}" }`) }),
    'as a name that the cluster has': (text) => ({
      'vars/plain.yaml': configMap(`plain\${password/${text}/}`, '{ x: "1" }'),
    }),
    'as a key': (text) => ({ 'vars/a.yaml': configMap('a', `{ "k\${password/${text}/}": "1" }`) }),
    'by what the server refuses': (text) => ({ 'vars/d.yaml': deployment('d', '[]', `\${password/${text}/1}`) }),
    'by a field that cannot be changed': (text) => ({
      'vars/d.yaml': deployment('d', '[]').replaceAll('app: d', `app: "d\${password/${text}/}"`),
    }),
    'by a namespace that comes with it': (text) => ({
      'vars/n.yaml': `apiVersion: v1\nkind: Namespace\nmetadata: { name: "fresh-\${password/${text}/x}" }\n`,
      'vars/inside.yaml': configMap('inside', '{ x: "1" }').replace('$NAMESPACE', 'fresh-x'),
    }),
    'by a namespace that is there': (text) => ({
      'vars/inside.yaml': configMap('inside', '{ x: "1" }').replace('$NAMESPACE', `"\${password/${text}/default}"`),
    }),
    'by what a child is substituted with': (text) => ({
      'vars/child.yaml': kustomization('child', './child', '  postBuild: { substitute: { given: "${password}" } }\n'),
      'child/c.yaml': configMap('c', `{ x: "\${given/${text}/yes}", y: "\${given#${text}}" }`),
    }),
    'by what a child in the cluster is substituted with': (text) => ({
      'live/c.yaml': configMap('given', `{ x: "\${given/${text}/yes}", y: "\${given#${text}}", z: "\${given}" }`),
    }),
    'by the path of a child': (text) => ({
      'vars/child.yaml': kustomization('child', `./child\${password/${text}/}`),
      'child/c.yaml': configMap('c', '{ x: "1" }'),
    }),
    'by the name of a child': (text) => ({
      'vars/child.yaml': kustomization('child', './child').replace('name: child', `name: "c\${password/${text}/}"`),
      'child/c.yaml': configMap('c', '{ x: "1" }'),
    }),
    'by values of a release': (text) => ({
      'vars/child.yaml': release('child', '{ given: "${password}" }'),
      'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'chart/templates/a.yaml': `{{ if eq .Values.given "${text}" }}\n${configMap('yes', '{ x: "1" }').replace(', namespace: $NAMESPACE', '')}{{ end }}\n`,
    }),
    'by the URL of a source': (text) => ({
      'vars/child.yaml': kustomization('child', './child').replace('name: app }', 'name: other }'),
      'vars/source.yaml': `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: { name: other, namespace: $NAMESPACE }\nspec: { interval: 1h, url: "$URL\${password/${text}/}", ref: { branch: main } }\n`,
      'child/c.yaml': configMap('c', '{ x: "1" }'),
    }),
  }
  for (const [name, files] of Object.entries(rows))
    it(`nothing, ${name}`, async () => {
      await probe(made, guess, (text) =>
        Object.fromEntries(
          Object.entries(files(text)).map(([path, file]) => [
            path,
            typeof file === 'string' ? file.replaceAll('$URL', made.repository.url) : file,
          ]),
        ),
      )
    })
})

describe('what the author of a chart learns of its values by guessing', () => {
  const guess = guessOf('hr')
  const place = guessOf('place')
  const template = (name: string, value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "${name}" }\ndata: { value: ${value} }\n`
  const a = template('{{ .Release.Name }}-a', '"{{ .Values.db.password }} {{ .Values.place }}"')
  let made: Scenario
  before(async () => {
    made = await scenario({
      'clusters/one.yaml': release(
        'one',
        '{ value: a }',
        '  valuesFrom:\n  - { kind: Secret, name: file }\n  - { kind: Secret, name: place, valuesKey: password, targetPath: place }\n',
      ),
      'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'chart/values.yaml': 'db: { password: "" }\nplace: ""\n',
      'chart/templates/a.yaml': a,
    })
    await putSecret(made, 'file', { 'values.yaml': `db: { password: ${guess.right} }\n` })
    await putSecret(made, 'place', { password: place.right })
    await startApplications(made, kustomization('root', './clusters'))
    await made.scan()
  })
  const rows: { readonly [name: string]: (text: string, value: string) => string } = {
    'plainly in its place': (text) => template('{{ .Release.Name }}-a', `"${text}"`),
    'in a condition': (text, value) => `${a}---\n{{ if eq ${value} "${text}" }}\n${template('yes', '"1"')}{{ end }}`,
    'in a condition of a hook': (text, value) =>
      `${a}---\n{{ if eq ${value} "${text}" }}\n${template('yes', '"1"').replace('name: "yes"', 'name: "yes", annotations: { helm.sh/hook: pre-upgrade }')}{{ end }}`,
    'by a failure': (text, value) => `${a}---\n{{ if eq ${value} "${text}" }}{{ fail "no" }}{{ end }}`,
    'by an object that is gone': (text, value) =>
      template(`{{ if eq ${value} "${text}" }}one-a{{ else }}one-b{{ end }}`, '"1"'),
    'in a name': (text, value) => template(`one-{{ ${value} | replace "${text}" "a" | trunc 20 }}`, '"1"'),
    'in a key': (text, value) =>
      template('{{ .Release.Name }}-a', '"1"').replace('value:', `"{{ ${value} | replace "${text}" "key" }}":`),
    'by its length': (text, value) =>
      template('{{ .Release.Name }}-a', `"{{ eq (trunc ${text.length} ${value}) "${text}" }}"`),
    'by its hash': (text, value) =>
      template('{{ .Release.Name }}-a', `"{{ eq (sha256sum ${value}) "${hash(text)}" }}"`),
    'by its size': (text, value) =>
      template('{{ .Release.Name }}-a', `"{{ range (until (ternary 3 1 (eq ${value} "${text}"))) }}x{{ end }}"`),
    'by what the server refuses': (text, value) =>
      deployment('one-d', '[]', `{{ ternary 1 -1 (eq ${value} "${text}") }}`).replace(', namespace: $NAMESPACE', ''),
  }
  for (const [name, chart] of Object.entries(rows))
    it(`nothing, ${name}`, async () => {
      await probe(made, guess, (text) => ({ 'chart/templates/a.yaml': chart(text, '.Values.db.password') }))
      await probe(made, place, (text) => ({ 'chart/templates/a.yaml': chart(text, '.Values.place') }))
    })
})

describe('what the author of a pull request learns of objects in the cluster by guessing', () => {
  const env = guessOf('env')
  const note = guessOf('note')
  const data = guessOf('data')
  const url = guessOf('url')
  const canaries = new Canaries()
  let made: Scenario
  before(async () => {
    for (const [name, { right }] of Object.entries({ env, note, data, url })) canaries.add(name, right)
    made = await scenario({
      'app/d.yaml': deployment('d', '[{ name: OPEN, value: "1" }]'),
      'app/c.yaml': configMap('c', '{ x: "1" }'),
      'app/s.yaml':
        'apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: $NAMESPACE }\nstringData: { x: "1" }\n',
    })
    await startApplications(made, kustomization('app', './app'))
    const { namespace, client } = made
    const own = {
      namespace,
      annotations: { note: note.right, 'kubectl.kubernetes.io/last-applied-configuration': `{"data":"${note.right}"}` },
    }
    await client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', ...own },
      data: { other: data.right, url: `https://me:${url.right}@example.com/` },
    })
    await client.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', ...own },
      stringData: { other: data.right },
    })
    await client.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', ...own },
      spec: { template: { spec: { containers: [{ name: 'app', env: [{ name: 'TOKEN', value: env.right }] }] } } },
    })
  })
  const annotated = (text: string): string => `, annotations: { note: "${text}" }`
  const rows: { readonly [name: string]: readonly [Guess, (text: string) => Files] } = {
    'an environment variable': [
      env,
      (text) => ({ 'app/d.yaml': deployment('d', `[{ name: OPEN, value: "1" }, { name: TOKEN, value: "${text}" }]`) }),
    ],
    'an annotation': [note, (text) => ({ 'app/c.yaml': configMap('c', '{ x: "1" }', annotated(text)) })],
    'a key of a ConfigMap': [data, (text) => ({ 'app/c.yaml': configMap('c', `{ x: "1", other: "${text}" }`) })],
    'a URL with credentials': [
      url,
      (text) => ({ 'app/c.yaml': configMap('c', `{ x: "1", url: "https://me:${text}@example.com/" }`) }),
    ],
    'a key of a Secret': [
      data,
      (text) => ({
        'app/s.yaml': `apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: $NAMESPACE }\nstringData: { x: "1", other: "${text}" }\n`,
      }),
    ],
  }
  for (const [name, [guess, files]] of Object.entries(rows))
    it(`nothing of ${name}`, async () => {
      const told = await probe(made, guess, files)
      for (const [output, text] of Object.entries(told)) canaries.see(output, text)
    })
  it('and nothing of them is shown, nor stored, when something else changes or all of it goes', async () => {
    for (const files of [
      { 'app/c.yaml': configMap('c', '{ x: "2" }'), 'app/d.yaml': deployment('d', '[{ name: OPEN, value: "2" }]') },
      { 'app/c.yaml': null, 'app/s.yaml': null },
    ])
      for (const [output, text] of Object.entries(await outputsOf(made, files))) canaries.see(output, text)
    await canaries.seeState(made.deps.state)
    for (const line of made.logLines) canaries.see('log', line)
    canaries.assertNone(20)
  })
})
