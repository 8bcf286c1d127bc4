import { after, before, describe, it } from 'node:test'
import { Canaries } from '../support/canaries.ts'
import { startApplications } from '../support/change-plans.ts'
import { useCluster } from '../support/cluster.ts'
import { installDefinition } from '../support/install-definition.ts'
import {
  configMap,
  deployment,
  fromSecret,
  guessOf,
  kustomization,
  outputsOf,
  probe,
  putSecret,
  release,
  useScenarios,
  type Files,
} from '../support/probes.ts'
import type { Scenario } from '../support/scenario.ts'

const cluster = useCluster()
const scenario = useScenarios(cluster)

/** A kind of somebody else, as operators have them: secrets in fields of any name, and rules of its own. */
const group = `probes-${crypto.randomUUID().slice(0, 8)}.example.com`
const text = { type: 'string' }
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `logins.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { kind: 'Login', plural: 'logins', singular: 'login', listKind: 'LoginList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  user: { ...text, maxLength: 100 },
                  password: text,
                  pwd: text,
                  words: { type: 'array', items: text },
                  extra: { type: 'object', additionalProperties: text },
                  adminPassword: {
                    ...text,
                    'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'it stays as it is' }],
                  },
                  region: {
                    ...text,
                    'x-kubernetes-validations': [
                      { rule: 'self == oldSelf', messageExpression: '"it was " + oldSelf + " and stays so"' },
                    ],
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
}

const login = (name: string, spec: string): string =>
  `apiVersion: ${group}/v1\nkind: Login\nmetadata: { name: ${name}, namespace: $NAMESPACE }\nspec: ${spec}\n`

const job = (env: string, args = '[]'): string => `apiVersion: batch/v1
kind: Job
metadata: { name: once, namespace: $NAMESPACE }
spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: app, image: "nginx:1", args: ${args}, env: ${env} }] }
`

const frozen = (data: string): string => `${configMap('frozen', data)}immutable: true\n`

before(async () => {
  await installDefinition(cluster.client, definition)
})
after(async () => {
  await cluster.client.delete({ ...definition, name: definition.metadata.name })
})

describe('what the author of a pull request learns by guessing of what only the cluster has', () => {
  const names = [
    'args',
    'password',
    'pwd',
    'word',
    'extra',
    'admin',
    'region',
    'frozen',
    'docker',
    'listed',
    'url',
  ] as const
  const guesses = Object.fromEntries(names.map((name) => [name, guessOf(name)])) as {
    readonly [name in (typeof names)[number]]: ReturnType<typeof guessOf>
  }
  const canaries = new Canaries()
  const secretOf = (name: string, more: string): string =>
    `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name}, namespace: $NAMESPACE }\n${more}`
  const source = (url: string): string =>
    `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: { name: other, namespace: $NAMESPACE }\nspec: { interval: 1h, suspend: true, url: "${url}", ref: { branch: main } }\n`
  const listed = (data: string): string =>
    `apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: Secret, metadata: { name: listed, namespace: $NAMESPACE }, stringData: ${data} }\n`
  const base = {
    'app/d.yaml': deployment('d', '[{ name: OPEN, value: "1" }]'),
    'app/l.yaml': login('l', '{ user: me, words: [a] }'),
    'app/f.yaml': frozen('{ x: "1" }'),
    'app/k.yaml': secretOf('docker', 'type: kubernetes.io/dockerconfigjson\nstringData: { .dockerconfigjson: "{}" }\n'),
    'app/list.yaml': listed('{ x: "1" }'),
    'app/source.yaml': source('https://example.com/team/other'),
    'app/o.yaml': configMap('o', '{ x: "1" }'),
  }
  let made: Scenario
  before(async () => {
    for (const [name, { right }] of Object.entries(guesses)) canaries.add(name, right)
    made = await scenario(base)
    const { namespace, client } = made
    const put = async (apiVersion: string, kind: string, name: string, rest: object): Promise<void> => {
      await client.apply({ apiVersion, kind, metadata: { name, namespace }, ...rest })
    }
    await put('v1', 'ConfigMap', 'frozen', { data: { x: '1', other: guesses.frozen.right }, immutable: true })
    await startApplications(made, kustomization('app', './app'))
    await put('apps/v1', 'Deployment', 'd', {
      spec: { template: { spec: { containers: [{ name: 'app', args: ['a', guesses.args.right] }] } } },
    })
    await put(`${group}/v1`, 'Login', 'l', {
      spec: {
        password: guesses.password.right,
        pwd: guesses.pwd.right,
        words: ['a', guesses.word.right],
        extra: { note: guesses.extra.right },
        adminPassword: guesses.admin.right,
        region: guesses.region.right,
      },
    })
    await put('v1', 'Secret', 'docker', {
      stringData: { '.dockerconfigjson': JSON.stringify({ auths: { x: { auth: guesses.docker.right } } }) },
      type: 'kubernetes.io/dockerconfigjson',
    })
    await put('v1', 'Secret', 'listed', { stringData: { other: guesses.listed.right } })
    await put('source.toolkit.fluxcd.io/v1', 'GitRepository', 'other', {
      spec: { url: `https://me:${guesses.url.right}@example.com/team/other` },
    })
  })
  const rows: { readonly [name: string]: readonly [keyof typeof guesses, (text: string) => Files] } = {
    'an argument of a container': [
      'args',
      (text) => ({
        'app/d.yaml': deployment('d', '[]').replace(
          'env: []',
          `args: [a, "${text}"], env: [{ name: OPEN, value: "1" }]`,
        ),
      }),
    ],
    'an argument in another place': [
      'args',
      (text) => ({
        'app/d.yaml': deployment('d', '[]').replace(
          'env: []',
          `args: ["${text}", a], env: [{ name: OPEN, value: "1" }]`,
        ),
      }),
    ],
    'a field of a custom resource that is named as a secret': [
      'password',
      (text) => ({ 'app/l.yaml': login('l', `{ user: me, words: [a], password: "${text}" }`) }),
    ],
    'a field of a custom resource of any name': [
      'pwd',
      (text) => ({ 'app/l.yaml': login('l', `{ user: me, words: [a], pwd: "${text}" }`) }),
    ],
    'an item of a list of a custom resource': [
      'word',
      (text) => ({ 'app/l.yaml': login('l', `{ user: me, words: [a, "${text}"] }`) }),
    ],
    'a value of a table of a custom resource': [
      'extra',
      (text) => ({ 'app/l.yaml': login('l', `{ user: me, words: [a], extra: { note: "${text}" } }`) }),
    ],
    'a secret of a custom resource that stays as it is': [
      'admin',
      (text) => ({ 'app/l.yaml': login('l', `{ user: me, words: [a], adminPassword: "${text}" }`) }),
    ],
    'a secret of a custom resource that stays as it is, beside a mistake': [
      'admin',
      (text) => ({
        'app/l.yaml': login('l', `{ user: "${'x'.repeat(101)}", words: [a], adminPassword: "${text}" }`),
      }),
    ],
    'an immutable ConfigMap': ['frozen', (text) => ({ 'app/f.yaml': frozen(`{ x: "1", other: "${text}" }`) })],
    'an immutable ConfigMap that changes elsewhere, too': [
      'frozen',
      (text) => ({ 'app/f.yaml': frozen(`{ x: "2", other: "${text}" }`) }),
    ],
    'the login of a registry': [
      'docker',
      (text) => ({
        'app/k.yaml': secretOf(
          'docker',
          `type: kubernetes.io/dockerconfigjson\nstringData: { .dockerconfigjson: '{"auths":{"x":{"auth":"${text}"}}}' }\n`,
        ),
      }),
    ],
    'a Secret in a List': ['listed', (text) => ({ 'app/list.yaml': listed(`{ x: "1", other: "${text}" }`) })],
    'the password in the URL of a source': [
      'url',
      (text) => ({ 'app/source.yaml': source(`https://me:${text}@example.com/team/other`) }),
    ],
  }
  for (const [name, [secret, files]] of Object.entries(rows))
    it(`nothing of ${name}`, async () => {
      const told = await probe(made, guesses[secret], (text) => ({
        'app/o.yaml': configMap('o', '{ x: "2" }'),
        ...files(text),
      }))
      for (const [output, shown] of Object.entries(told)) canaries.see(output, shown)
    })
  it('and nothing of it is shown or stored when something else changes, is refused, or all of it goes', async () => {
    for (const files of [
      {
        'app/d.yaml': deployment('d', '[{ name: OPEN, value: "2" }]').replace('env:', 'args: [b], env:'),
        'app/l.yaml': login('l', '{ user: you, words: [b], password: x, pwd: x, adminPassword: x }'),
        'app/list.yaml': listed('{ x: "2" }'),
        'app/source.yaml': source('https://example.com/team/another'),
      },
      { 'app/l.yaml': login('l', '{ user: you, words: [a], region: here }') },
      { 'app/f.yaml': frozen('{ x: "2" }') },
      Object.fromEntries(Object.keys(base).map((path) => [path, path === 'app/o.yaml' ? base[path] : null])),
    ])
      for (const [output, shown] of Object.entries(await outputsOf(made, files))) canaries.see(output, shown)
    await canaries.seeState(made.deps.state)
    for (const line of made.logLines) canaries.see('log', line)
    canaries.assertNone(40)
  })
})

describe('what the author of a pull request learns by writing a guess where a secret was', () => {
  const guess = guessOf('pw')
  // Names are told by runs and inventories, as names are; it is too short for those to be looked through for it.
  const stem = `n${crypto.randomUUID().slice(0, 8)}`
  const named = { right: `${stem}a`, wrong: `${stem}b` }
  const base = {
    'vars/job.yaml': job('[{ name: PASSWORD, value: "${password}" }]', '["--key=${password}"]'),
    'vars/named.yaml': configMap('named-${part}', '{ x: "1" }'),
    'vars/frozen.yaml': frozen('{ x: "${password}" }'),
    'vars/o.yaml': configMap('o', '{ x: "1" }'),
    'other/o.yaml': configMap('p', '{ x: "1" }'),
    'other/kustomization.yaml': 'resources: [o.yaml]\n',
  }
  let made: Scenario
  before(async () => {
    made = await scenario(base)
    await putSecret(made, 'variables', { password: guess.right, part: named.right })
    await startApplications(made, kustomization('vars', './vars', fromSecret), kustomization('other', './other'))
    await made.scan()
  })
  const rows: { readonly [name: string]: (text: string) => Files } = {
    'in a variable of a Job, which cannot be changed': (text) => ({
      'vars/job.yaml': job(`[{ name: PASSWORD, value: "${text}" }]`, '["--key=${password}"]'),
    }),
    'in all of a Job': (text) => ({
      'vars/job.yaml': job(`[{ name: PASSWORD, value: "${text}" }]`, `["--key=${text}"]`),
    }),
    'in an immutable ConfigMap': (text) => ({ 'vars/frozen.yaml': frozen(`{ x: "${text}" }`) }),
    'in a name': (text) => ({ 'vars/named.yaml': configMap(`named-${text}`, '{ x: "1" }') }),
    'in a name beside the one with the secret': (text) => ({
      'vars/more.yaml': configMap(`named-${text}`, '{ x: "1" }'),
    }),
    'in a name of an object that is made only where it is not there': (text) => ({
      'vars/named.yaml': configMap(
        `named-${text}`,
        '{ x: "1" }',
        ', annotations: { kustomize.toolkit.fluxcd.io/ssa: IfNotPresent }',
      ),
    }),
    'in a name of another application': (text) => ({ 'other/o.yaml': configMap(`named-${text}`, '{ x: "1" }') }),
    'in a name of another application, while the first lets go of it': (text) => ({
      'vars/named.yaml': null,
      'other/o.yaml': configMap(`named-${text}`, '{ x: "1" }'),
    }),
  }
  for (const [name, files] of Object.entries(rows))
    it(`nothing, ${name}`, async () => {
      await probe(made, name.startsWith('in a name') ? named : guess, (text) => ({
        'vars/o.yaml': configMap('o', '{ x: "2" }'),
        ...files(text),
      }))
    })
})

describe('what the author of a pull request sees of values that only our objects in the cluster have', () => {
  const guess = guessOf('value')
  const given = guessOf('given')
  const canaries = new Canaries()
  const template = (value: string): string =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: made }\ndata: { value: ${value} }\n`
  let made: Scenario
  before(async () => {
    canaries.add('value', guess.right)
    canaries.add('substitute', given.right)
    made = await scenario({
      'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'chart/templates/a.yaml': template('"1"'),
      'app/a.yaml': configMap('a', '{ x: "1" }'),
    })
    await startApplications(
      made,
      release('one', `{ password: "${guess.right}" }`),
      kustomization('app', './app', `  postBuild: { substitute: { given: "${given.right}" } }\n`),
    )
    await made.scan()
  })
  it('nothing of the values of a release', async () => {
    const told = await probe(made, guess, (text) => ({
      'chart/templates/a.yaml': template(`"{{ .Values.password }} {{ eq .Values.password "${text}" }}"`),
    }))
    for (const [output, shown] of Object.entries(told)) canaries.see(output, shown)
    canaries.assertNone(5)
  })
  it('nothing of the variables of a Kustomization', async () => {
    const told = await probe(made, given, (text) => ({
      'app/a.yaml': configMap('a', `{ x: "\${given} \${given/${text}/yes}" }`),
    }))
    for (const [output, shown] of Object.entries(told)) canaries.see(output, shown)
    canaries.assertNone(5)
  })
})
