import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { controllerOf, flagsOf, mapFlags, notApart, selectPart, type Controller } from '../../../src/migrate/index.ts'
import { createWorld, idOf, type Managed } from '../../../src/reconcile/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

function deployment(name: string, args: readonly string[] = [], metadata: object = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'flux-system', labels: { 'app.kubernetes.io/part-of': 'flux' }, ...metadata },
    spec: {
      replicas: 1,
      template: { spec: { containers: [{ name: 'manager', image: `ghcr.io/fluxcd/${name}:v1.9.6`, args }] } },
    },
  } as unknown as KubeObject
}
function controller(name: string, ...args: readonly string[]): Controller {
  const found = controllerOf(deployment(name, args))
  assert.ok(found)
  return found
}

void describe('the controllers of Flux', () => {
  void it('are known by their labels or names, shards too, with version, owner and what a hand-over has left', () => {
    const shard = controllerOf(
      deployment('kustomize-controller-shard1', [], {
        labels: {
          'app.kubernetes.io/part-of': 'flux',
          'kustomize.toolkit.fluxcd.io/name': 'flux-system',
          'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
        },
        annotations: { 'sluice.dev/flux-replicas': '2' },
      }),
    )
    assert.ok(shard)
    const { component, version, remembered, isServed, appliedBy } = shard
    assert.deepEqual(
      { component, version, remembered, isServed, appliedBy },
      {
        component: 'kustomize-controller',
        version: 'v1.9.6',
        remembered: 2,
        isServed: true,
        appliedBy: { name: 'flux-system', namespace: 'flux-system' },
      },
    )
    assert.equal(controller('image-automation-controller').isServed, false)
    assert.equal(controllerOf(deployment('flux-operator')), undefined)
    assert.equal(controllerOf(deployment('helm-controller-of-ours', [], { labels: {} })), undefined)
    assert.ok(controllerOf(deployment('helm-controller', [], { labels: {} })))
    const digest = { ...deployment('source-controller') }
    digest['spec'] = {
      template: { spec: { containers: [{ image: `registry:5000/flux/source-controller@sha256:${'a'.repeat(64)}` }] } },
    }
    assert.deepEqual([controllerOf(digest)?.version, controllerOf(digest)?.replicas], ['', 1])
  })

  void it('flags are read as their processes read them', () => {
    assert.deepEqual(flagsOf(['--a=b=c', '--d', 'e', '--f', '-g=1', 'stray', '--h']), [
      ['a', 'b=c'],
      ['d', 'e'],
      ['f', 'true'],
      ['g', '1'],
      ['h', 'true'],
    ])
  })

  const rows: readonly {
    readonly name: string
    readonly given: readonly Controller[]
    readonly settings: object
    readonly notes: readonly string[]
  }[] = [
    {
      name: 'nothing',
      given: [controller('kustomize-controller', '--log-level=info', '--concurrent=20')],
      settings: {},
      notes: [],
    },
    {
      name: 'service accounts, of what applies alone',
      given: [
        controller('kustomize-controller', '--default-service-account=default'),
        controller('helm-controller', '--default-service-account=default'),
        controller('source-controller', '--default-service-account=cloud'),
      ],
      settings: { defaultServiceAccount: 'default' },
      notes: [
        'kustomize-controller default-service-account set',
        'helm-controller default-service-account set',
        'source-controller default-service-account unsupported',
      ],
    },
    {
      name: 'two that differ',
      given: [
        controller('kustomize-controller', '--default-service-account=a'),
        controller('helm-controller', '--default-service-account=b'),
      ],
      settings: { defaultServiceAccount: 'a' },
      notes: [
        'kustomize-controller default-service-account set',
        'helm-controller default-service-account unsupported',
      ],
    },
    {
      name: 'lists, namespaces and Secrets',
      given: [
        controller(
          'kustomize-controller',
          '--override-manager=a',
          '--override-manager=b,a',
          '--custom-apply-stage-kinds=x.example/Kind',
          '--sops-age-secret=age',
          '--watch-all-namespaces=false',
          '--interval-jitter-percentage=80',
        ),
      ],
      settings: {
        overrideManagers: ['a', 'b'],
        customApplyStageKinds: ['x.example/Kind'],
        sopsAgeSecret: 'flux-system/age',
        namespaces: ['flux-system'],
        intervalJitterPercent: 50,
      },
      notes: [
        'override-manager',
        'override-manager',
        'custom-apply-stage-kinds',
        'sops-age-secret',
        'watch-all-namespaces',
        'interval-jitter-percentage',
      ].map((flag) => `kustomize-controller ${flag} set`),
    },
    {
      name: 'gates',
      given: [
        controller(
          'kustomize-controller',
          '--feature-gates=StrictPostBuildSubstitutions=false,DisableFailFastBehavior=true,ObjectLevelWorkloadIdentity=true,Newest=true,Other=false',
        ),
      ],
      settings: { strictSubstitution: false },
      notes: [
        'gate StrictPostBuildSubstitutions set',
        'gate DisableFailFastBehavior unsupported',
        'gate ObjectLevelWorkloadIdentity unneeded',
        'gate Newest unknown',
      ].map((note) => `kustomize-controller ${note}`),
    },
    {
      name: 'one selector for all',
      given: ['source-controller', 'kustomize-controller', 'helm-controller'].map((name) =>
        controller(name, '--watch-label-selector=!sharding.fluxcd.io/key'),
      ),
      settings: { watchLabelSelector: '!sharding.fluxcd.io/key' },
      notes: ['all watch-label-selector set'],
    },
    {
      name: 'shards together are everything',
      given: [
        controller('kustomize-controller', '--watch-label-selector=!sharding.fluxcd.io/key'),
        controller('kustomize-controller-a', '--watch-label-selector=sharding.fluxcd.io/key=a'),
      ],
      settings: {},
      notes: ['all watch-label-selector unneeded'],
    },
    {
      name: 'what is not supported is said, and not where it is off',
      given: [
        controller(
          'kustomize-controller',
          '--insecure-kubeconfig-exec=true',
          '--insecure-kubeconfig-tls=false',
          '--sops-vault-configmap=vaults',
        ),
      ],
      settings: {},
      notes: [
        'kustomize-controller insecure-kubeconfig-exec unsupported',
        'kustomize-controller sops-vault-configmap unsupported',
      ],
    },
  ]
  for (const { name, given, settings, notes } of rows) {
    void it(`flags as settings: ${name}`, () => {
      const mapped = mapFlags(given)
      assert.deepEqual(mapped.settings, settings)
      assert.deepEqual(
        mapped.notes.map(({ controller: who, flag, outcome }) => `${who} ${flag} ${outcome}`),
        notes,
      )
    })
  }

  void it('says which of Flux’s ways are laxer', () => {
    assert.deepEqual(mapFlags([controller('kustomize-controller')]).relaxed, {
      crossNamespaceRefs: true,
      remoteBases: true,
    })
    const strict = [controller('kustomize-controller', '--no-cross-namespace-refs', '--no-remote-bases=true')]
    assert.deepEqual(mapFlags(strict).relaxed, { crossNamespaceRefs: false, remoteBases: false })
    assert.equal(mapFlags([...strict, controller('helm-controller')]).relaxed.crossNamespaceRefs, true)
  })

  void it('one that would go on serving a labelled Kustomization is found', () => {
    const names = (...given: readonly Controller[]): readonly string[] =>
      notApart(given, 'sluice').map(({ name }) => name)
    assert.deepEqual(names(controller('kustomize-controller'), controller('helm-controller')), ['kustomize-controller'])
    assert.deepEqual(names(controller('kustomize-controller', '--watch-label-selector=!sharding.fluxcd.io/key')), [])
    assert.deepEqual(
      names(controller('kustomize-controller', '--watch-label-selector=sharding.fluxcd.io/key notin (sluice)')),
      [],
    )
    assert.deepEqual(
      names(controller('kustomize-controller', '--watch-label-selector=sharding.fluxcd.io/key in (sluice)')),
      ['kustomize-controller'],
    )
    assert.deepEqual(names(controller('kustomize-controller', '--watch-label-selector=((')), ['kustomize-controller'])
  })
})

void describe('a part of a cluster', () => {
  const kustomization = (name: string, path: string, namespace = 'flux-system'): Managed =>
    ({ apiVersion: '', kind: 'Kustomization', metadata: { name, namespace }, spec: { path } }) as unknown as Managed
  const all = [
    kustomization('apps', './apps'),
    kustomization('web', 'apps/web/'),
    kustomization('other', './apps-of-others'),
    kustomization('apps', './x', 'team'),
  ]
  const world = createWorld(new Map(all.map((one) => [idOf(one), one])))
  const ask = (names: readonly string[], path?: string): readonly string[] =>
    selectPart(world, { names, path, namespace: 'flux-system' }).map(
      ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    )

  void it('is named, or lies below a directory', () => {
    assert.deepEqual(ask(['apps']), ['flux-system/apps'])
    assert.deepEqual(ask(['team/apps', 'web']), ['team/apps', 'flux-system/web'])
    assert.deepEqual(ask([], 'apps/'), ['flux-system/apps', 'flux-system/web'])
    assert.deepEqual(ask(['web'], './apps/web'), ['flux-system/web'])
    assert.throws(() => ask(['nobody']), { code: 'not-found' })
    assert.throws(() => ask([], './nowhere'), { code: 'not-found' })
  })
})
