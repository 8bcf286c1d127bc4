import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { planDocument, planJson, planMarkdown, planSarif, planText } from '../../src/plan/index.ts'
import { planChange, type ChangeJob, type ChangePlan } from '../../src/reconcile/index.ts'
import { changeJob } from '../../src/reconcile/change/change-job.ts'
import { Canaries } from '../support/canaries.ts'
import { planKey, propose, startApplications } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { createScenario, type Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const open: Scenario[] = []

/** Namespaces of `cluster` end with the test that made them; these last as long as the file. */
const lasting: Parameters<typeof createScenario>[0] = {
  get client() {
    return cluster.client
  },
  get address() {
    return cluster.address
  },
  namespace: async () => {
    const name = `test-${crypto.randomUUID().slice(0, 8)}`
    await cluster.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
    return name
  },
}

after(async () => {
  for (const made of open) {
    await cluster.client.delete({ apiVersion: 'v1', kind: 'Namespace', name: made.namespace })
    await made.close()
  }
})

type Files = { readonly [path: string]: string | null }

const plainStyle = { red: String, yellow: String, green: String, bold: String, dim: String, cyan: String }

/** Everything that anybody may see of the plan of a change, by what it is. */
async function outputs(made: Scenario, files: Files): Promise<{ readonly [name: string]: string }> {
  const commits = await propose(made, files)
  const change = {
    plan: 'p1',
    urls: [made.repository.url],
    repository: 'team/app',
    branch: 'refs/heads/main',
    live: 'read',
    secrets: 'used',
    manifests: true,
    ...commits,
  } as const
  const job: ChangeJob = {
    kind: 'trigger',
    runId: crypto.randomUUID(),
    cluster: 'test',
    receivedAt: 0,
    plan: true,
    change,
  }
  const plans: ChangePlan[] = []
  const { record } = await changeJob({ ...made.deps, planKey }, job, {}, async (...given) => {
    const plan = await planChange(...given)
    plans.push(plan)
    return plan
  })
  const [plan] = plans
  assert.ok(plan !== undefined)
  const document = planDocument({ change: { repository: 'team/app', ...commits }, applications: plan.applications })
  const told: { readonly [name: string]: string } = {
    json: planJson(document),
    markdown: planMarkdown(document, { id: 'p1' }),
    sarif: planSarif(document, { version: '1' }),
    text: planText(document, plainStyle),
    manifests: JSON.stringify(plan.manifests),
    record: JSON.stringify(record, (name, value: unknown) => (/(?:At|Ms|^runId|^id)$/.test(name) ? undefined : value)),
    counts: JSON.stringify([plan.renders]),
  }
  return Object.fromEntries(
    Object.entries(told).map(([name, text]) => [
      name,
      text.replaceAll(commits.head, 'HEAD').replaceAll(commits.head.slice(0, 12), 'HEAD'),
    ]),
  )
}

/** Two words of one length that sort alike. */
interface Guess {
  readonly right: string
  readonly wrong: string
}

const hash = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Everything that a guess shows of itself is called the same. */
function withoutGuess(told: { readonly [name: string]: string }, guess: string): { readonly [name: string]: string } {
  return Object.fromEntries(
    Object.entries(told).map(([name, text]) => [
      name,
      text.replaceAll(guess, 'GUESS').replaceAll(hash(guess), 'HASH').replaceAll(hash(guess).slice(0, 8), 'HASH'),
    ]),
  )
}

/** Proposes a right and a wrong guess; fails where anything that is shown of the two differs. */
async function probe(
  made: Scenario,
  guess: Guess,
  files: (guess: string) => Files,
): Promise<{ readonly [name: string]: string }> {
  const right = await outputs(made, files(guess.right))
  const wrong = await outputs(made, files(guess.wrong))
  assert.deepEqual(withoutGuess(right, guess.right), withoutGuess(wrong, guess.wrong))
  // A condition on a secret is false for its placeholder: then the version of the chart is what there is to see.
  assert.match(wrong['json'] ?? '', /"objects":\[\{|"chart":\{/, 'nothing was planned')
  assert.doesNotMatch(wrong['json'] ?? '', /being terminated/)
  return wrong
}

const configMap = (name: string, data: string, metadata = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: "${name}", namespace: $NAMESPACE${metadata} }\ndata: ${data}\n`

const kustomization = (name: string, path: string, more = ''): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  path: "${path}"
  prune: true
  sourceRef: { kind: GitRepository, name: app }
${more}`

const release = (name: string, values: string, more = ''): string => `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  interval: 1h
  chart: { spec: { chart: ./chart, reconcileStrategy: Revision, sourceRef: { kind: GitRepository, name: app } } }
  values: ${values}
${more}`

const deployment = (name: string, env: string, replicas = '1'): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: $NAMESPACE }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: app, image: "nginx:1", env: ${env} }] }
`

const fromSecret = '  postBuild: { substituteFrom: [{ kind: Secret, name: variables }] }\n'

async function secret(made: Scenario, name: string, stringData: object): Promise<void> {
  await made.client.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: made.namespace },
    stringData,
  })
}

async function scenario(files: { readonly [path: string]: string }, canaries?: Canaries): Promise<Scenario> {
  const made = await createScenario(lasting, {
    files,
    limits: { healthPollMs: 100 },
    ...(canaries === undefined ? {} : { canaries }),
  })
  open.push(made)
  return made
}

/** A secret and a word that is like it. */
function guessOf(name: string): Guess {
  const stem = `${name}${crypto.randomUUID().replaceAll('-', '')}`
  return { right: `${stem}a`, wrong: `${stem}b` }
}

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
    await secret(made, 'variables', { password: guess.right })
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
            file?.replaceAll('$URL', made.repository.url) ?? null,
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
    await secret(made, 'file', { 'values.yaml': `db: { password: ${guess.right} }\n` })
    await secret(made, 'place', { password: place.right })
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
      for (const [output, text] of Object.entries(await outputs(made, files))) canaries.see(output, text)
    await canaries.seeState(made.deps.state)
    for (const line of made.logLines) canaries.see('log', line)
    canaries.assertNone(20)
  })
})
