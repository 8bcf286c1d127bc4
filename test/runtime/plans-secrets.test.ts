import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { startNode } from '../../functions/node.ts'
import { Canaries } from '../support/canaries.ts'
import { useCluster } from '../support/cluster.ts'
import { installCrds } from '../support/crds.ts'
import { deploymentEnvironment, triggerToken } from '../support/deployment.ts'
import { installationToken } from '../support/forge-api/github.ts'
import type { KeptPull } from '../support/forge-api/types.ts'
import { startNotifyServer } from '../support/notify-server.ts'
import { askPlans, eventually, fleet, startPlanScene, type ShownPlan } from '../support/plan-scene.ts'
import { configMap, deployment as workload, guessOf } from '../support/probes.ts'
import { createSopsEncrypter } from '../support/sops-encrypt.ts'
import { fixtureKey } from '../support/sops-fixtures.ts'
import { seeStored } from '../support/stored-secrets.ts'

const cluster = useCluster()
const sops = await createSopsEncrypter()
const closers: (() => Promise<unknown>)[] = []
after(async () => {
  for (const close of closers.toReversed()) await close()
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const chart = (value: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: made }\ndata: { value: ${value} }\n`

/** What is another one for each pull request although both are planned the same. */
function withoutNames(text: string, pull: KeptPull, plan: ShownPlan, guess: string): string {
  return [
    [pull.last.head, 'HEAD'],
    [pull.last.head.slice(0, 12), 'HEAD'],
    [pull.last.head.slice(0, 8), 'HEAD'],
    [pull.last.head.slice(0, 7), 'HEAD'],
    [plan.id, 'PLAN'],
    [pull.head, 'BRANCH'],
    [guess, 'GUESS'],
    [`#${pull.number}`, '#N'],
    [`/pull/${pull.number}`, '/pull/N'],
    [`"number":${pull.number}`, '"number":N'],
    [`"pullRequest":${pull.number}`, '"pullRequest":N'],
  ]
    .reduce((left, [from = '', to = '']) => left.replaceAll(from, to), text)
    .replaceAll(/\b[0-9a-f]{24}\b/g, 'REFERENCE')
    .replaceAll(/\b[0-9a-z]{26}\b/g, 'RUN')
    .replaceAll(/"(at|\w+At)":\d+/g, '"$1":0')
    .replaceAll(/\b[\d.]+ m?s\b/g, 'LONG')
    .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z| UTC)/g, 'TIME')
    .replaceAll(/\d+ (?:seconds?|s|min) ago|just now/g, 'AGO')
}

describe('secrets of a cluster whose pull requests are planned', () => {
  it('are in nothing that is told, shown, sent, logged or stored, and a guess at them looks the same right or wrong', async () => {
    const canaries = new Canaries()
    // It stands in a branch of Git when it is guessed right, so that others are looked for.
    const guess = guessOf('pw')
    const namespace = await cluster.namespace()
    await installCrds(cluster.client)
    const value = canaries.make('encrypted')
    const inline = canaries.make('values')
    const secret = `apiVersion: v1\nkind: Secret\nmetadata: { name: db, namespace: ${namespace} }\ndata: { password: "${sops.value(base64(value), ['data', 'password'])}" }\n${sops.metadata('encrypted_regex: ^data$')}`
    const inNamespace = (text: string): string => text.replaceAll('$NAMESPACE', namespace)
    const env = (word: string): string => inNamespace(workload('d', `[{ name: PASSWORD, value: "${word}" }]`))
    const scene = await startPlanScene({
      kind: 'github',
      hasApp: true,
      isOpen: true,
      files: {
        'app/secret.yaml': secret,
        'app/c.yaml': inNamespace(configMap('c', '{ x: "1" }')),
        'app/d.yaml': env('${password}'),
        'chart/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
        'chart/values.yaml': 'password: ""\ntoken: ""\nkey: ""\n',
        'chart/templates/a.yaml': chart('"1"'),
      },
    })
    closers.push(() => scene.close())
    const chat = await startNotifyServer()
    closers.push(() => chat.close())
    const { forge, repository, comments, check } = scene
    const put = async (apiVersion: string, kind: string, name: string, rest: object): Promise<void> => {
      await cluster.client.apply({ apiVersion, kind, metadata: { name, namespace }, ...rest })
    }
    const putSecret = (name: string, stringData: object): Promise<void> => put('v1', 'Secret', name, { stringData })
    await putSecret('keys', { 'age.agekey': new TextDecoder().decode(fixtureKey('one.agekey')) })
    canaries.add('key', /AGE-SECRET-KEY-\S+/.exec(new TextDecoder().decode(fixtureKey('one.agekey')))?.[0] ?? '')
    await putSecret('variables', { password: guess.right, other: canaries.make('variable') })
    await putSecret('values', { 'values.yaml': `token: ${guess.right}\nkey: ${canaries.make('value')}\n` })
    await putSecret('chat', { address: `${chat.origin}/${canaries.make('hook')}` })
    await put('source.toolkit.fluxcd.io/v1', 'GitRepository', 'fleet', {
      spec: { interval: '1h', url: repository.git.url, ref: { branch: 'main' } },
    })
    await put('source.toolkit.fluxcd.io/v1', 'GitRepository', 'broken', {
      spec: { interval: '1h', url: `http://me:${canaries.make('url')}@127.0.0.1:9/team/x`, ref: { branch: 'main' } },
    })
    const sourceRef = { kind: 'GitRepository', name: 'fleet' }
    await put('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', 'app', {
      spec: {
        interval: '1h',
        path: './app',
        prune: true,
        sourceRef,
        decryption: { provider: 'sops', secretRef: { name: 'keys' } },
        postBuild: {
          substituteFrom: [{ kind: 'Secret', name: 'variables' }],
          substitute: { given: canaries.make('substitute') },
        },
      },
    })
    await put('helm.toolkit.fluxcd.io/v2', 'HelmRelease', 'release', {
      spec: {
        interval: '1h',
        chart: { spec: { chart: './chart', reconcileStrategy: 'Revision', sourceRef } },
        values: { password: inline },
        valuesFrom: [{ kind: 'Secret', name: 'values' }],
        install: { disableWait: true },
        upgrade: { disableWait: true },
      },
    })
    await put('notification.toolkit.fluxcd.io/v1beta3', 'Provider', 'chat', {
      spec: { type: 'slack', secretRef: { name: 'chat' } },
    })
    await put('notification.toolkit.fluxcd.io/v1beta3', 'Alert', 'chat', {
      spec: {
        providerRef: { name: 'chat' },
        eventSeverity: 'info',
        eventSources: ['Kustomization', 'HelmRelease', 'GitRepository'].map((kind) => ({ kind, name: '*' })),
      },
    })
    const directory = await mkdtemp(join(tmpdir(), 'sluice-secrets-'))
    closers.push(() => rm(directory, { recursive: true, force: true }))
    const environment = deploymentEnvironment({
      clusters: { blue: cluster.address },
      namespaces: [namespace],
      settings: { publicUrl: 'https://sluice.example.com' },
      env: { ...scene.env, PUBLIC_READ: 'true' },
    })
    for (const name of ['PLAN_KEY', 'BLUE_TOKEN', 'GITHUB_WEBHOOK_SECRET', 'FORGE_TOKEN'])
      canaries.add(name, (environment[name] ?? '').slice(-60))
    // One line of it: nobody who shows a key leaves its line breaks out.
    canaries.add('FORGE_APP_KEY', environment['FORGE_APP_KEY']?.split('\n')[1] ?? '')
    canaries.add('token of the installation', installationToken)
    const node = await startNode(
      { ...environment, PORT: '0', HOST: '127.0.0.1', DATA_DIR: directory },
      { log: (line) => canaries.see('log', line) },
    )
    let isStopped = false
    const stop = async (): Promise<void> => {
      if (!isStopped) await node.stop()
      isStopped = true
    }
    closers.push(stop)
    const deployment = { url: node.url, triggerToken }
    scene.connect(deployment)
    const dataOf = async (name: string): Promise<{ readonly [key: string]: string } | undefined> =>
      (await cluster.client.find({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name }))?.['data']
    await eventually(async () => {
      assert.equal((await dataOf('c'))?.['x'], '1')
      assert.equal((await dataOf('made'))?.['value'], '1')
      assert.ok(await cluster.client.find({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'd' }))
    }, 60_000)
    await cluster.client.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'c',
        namespace,
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"data":"${canaries.make('applied')}"}` },
      },
      // The one is somebody else's, the other a drift that the next run repairs.
      data: { other: canaries.make('data'), x: canaries.make('drifted') },
    })
    await put('apps/v1', 'Deployment', 'd', {
      spec: {
        template: {
          spec: {
            containers: [{ name: 'app', env: [{ name: 'PASSWORD', value: canaries.make('drifted variable') }] }],
          },
        },
      },
    })

    const ask = async (path: string): Promise<string> => {
      const response = await fetch(node.url + path, { headers: { authorization: `Bearer ${triggerToken}` } })
      assert.equal(response.status, 200, path)
      return await response.text()
    }
    const planned = async (word: string): Promise<readonly [KeptPull, { readonly [name: string]: string }]> => {
      const pull = await forge.pulls.open(fleet, {
        branch: word === guess.right ? 'right' : 'wrong',
        files: {
          'app/c.yaml': inNamespace(
            configMap(
              'c',
              `{ x: "${word}", y: "\${password/${word}/yes}", z: "\${given/${word}/yes}", o: "\${other}" }`,
            ),
          ),
          'app/d.yaml': env(word),
          'chart/templates/a.yaml': chart(
            `"{{ .Values.token }} {{ .Values.key }} {{ .Values.password }} {{ eq .Values.token "${word}" }} {{ sha256sum .Values.password }}"`,
          ),
        },
      })
      await eventually(() => assert.match(comments(pull)[0]?.body ?? '', /applications on 1 cluster/), 60_000)
      await eventually(() => assert.match(check(pull.last.head), /^(?!.*Planning)\w+: ./))
      // When it was told is noted after it was.
      const plan = await eventually(async () => {
        const { plans } = await askPlans<{ readonly plans: readonly ShownPlan[] }>(deployment)
        const found = plans.find(({ number }) => number === pull.number)
        assert.ok(found !== undefined)
        const { times } = await askPlans<ShownPlan>(deployment, `/api/plans/${found.id}`)
        assert.ok(times.toldAt !== undefined)
        return found
      })
      const run = repository.checkRuns.findLast(({ commit }) => commit === pull.last.head)
      const list = JSON.parse(await ask('/api/plans')) as { readonly plans: readonly ShownPlan[] }
      const shown: { readonly [name: string]: string } = {
        comment: comments(pull)[0]?.body ?? '',
        check: JSON.stringify(run, (name, one: unknown) => (/^id$|At$|externalId|key/.test(name) ? undefined : one)),
        list: JSON.stringify(list.plans.find(({ number }) => number === pull.number)),
        plan: await ask(`/api/plans/${plan.id}`),
        page: await ask(`/ui/plans/${plan.id}`),
        json: await ask(`/api/plans/${plan.id}/export?format=json`),
        markdown: await ask(`/api/plans/${plan.id}/export?format=markdown`),
        sarif: await ask(`/api/plans/${plan.id}/export?format=sarif`),
      }
      for (const [name, text] of Object.entries(shown)) canaries.see(name, text)
      const same = Object.entries(shown).map(([name, text]) => [name, withoutNames(text, pull, plan, word)] as const)
      return [pull, Object.fromEntries(same)]
    }
    const [, wrong] = await planned(guess.wrong)
    const [, right] = await planned(guess.right)
    assert.deepEqual(right, wrong)

    const merged = await forge.pulls.open(fleet, {
      branch: 'merged',
      files: {
        'app/c.yaml': inNamespace(configMap('c', '{ x: "2" }')),
        'chart/templates/a.yaml': chart('"{{ len .Values.password }}"'),
      },
    })
    await eventually(() => assert.match(check(merged.last.head), /^success/), 60_000)
    await forge.pulls.merge(fleet, merged)
    await eventually(async () => {
      assert.equal((await dataOf('c'))?.['x'], '2')
      assert.equal((await dataOf('made'))?.['value'], String(inline.length))
    }, 60_000)
    await eventually(() => assert.ok(chat.received.length > 0))

    const { runs } = JSON.parse(await ask('/runs')) as { readonly runs: readonly { readonly id: string }[] }
    const ids = ['Kustomization', 'HelmRelease', 'GitRepository'].map(
      (kind) => `${kind}/${namespace}/${{ Kustomization: 'app', HelmRelease: 'release' }[kind] ?? 'broken'}`,
    )
    const paths = [
      '/ui',
      '/ui?show=sources',
      '/ui/plans',
      '/ui/runs?quiet=true',
      '/ui/commits',
      '/ui/deliveries',
      '/ui/drift',
      '/ui/actions',
      '/ui/public',
      '/api/overview',
      '/api/objects',
      '/api/clusters',
      '/api/runs?quiet=true',
      '/api/deliveries',
      '/api/actions',
      '/deliveries',
      '/feed.xml',
      '/metrics',
      `/ui/commits/${merged.mergeCommit}`,
      `/api/commits/${merged.mergeCommit}`,
      ...ids.flatMap((id) => [
        `/api/objects/blue/${id}?live=true`,
        `/ui/objects/blue/${id}?live=true`,
        `/badges/blue/${id}.svg`,
      ]),
      ...runs.flatMap(({ id }) => [`/runs/${id}`, `/api/runs/${id}`, `/ui/runs/${id}`]),
    ]
    for (const path of paths) canaries.see(path, await ask(path))
    for (const { body } of chat.received) canaries.see('notification', body)
    canaries.see('checks', JSON.stringify(repository.checkRuns))
    await canaries.seeStatuses(cluster.client, namespace)
    await stop()
    assert.ok(seeStored(canaries, directory) > 20)
    canaries.assertNone(paths.length)
  })
})
