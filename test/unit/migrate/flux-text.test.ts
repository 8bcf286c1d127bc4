import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  backText,
  nextSteps,
  proofText,
  surveyText,
  verificationLine,
} from '../../../src/cli/verbs/migrate-flux-text.ts'
import { styleOf } from '../../../src/cli/terminal/style.ts'
import {
  controllerOf,
  countKinds,
  crossReferences,
  isLeaseHeld,
  mapFlags,
  type Controller,
  type Proof,
} from '../../../src/migrate/index.ts'
import { createWorld, idOf, type Managed } from '../../../src/reconcile/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

const plain = styleOf(false)

function controller(
  name: string,
  more: { readonly labels?: object; readonly annotations?: object; readonly args?: readonly string[] } = {},
): Controller {
  const found = controllerOf({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace: 'flux-system',
      labels: { 'app.kubernetes.io/part-of': 'flux', ...more.labels },
      annotations: more.annotations ?? {},
    },
    spec: { replicas: 0, template: { spec: { containers: [{ image: `x/${name}:v1.9.6`, args: more.args ?? [] }] } } },
  } as unknown as KubeObject)
  assert.ok(found)
  return found
}

const object = (kind: string, name: string, spec: object, ready?: string): Managed =>
  ({
    apiVersion: '',
    kind,
    metadata: { name, namespace: 'flux-system' },
    spec,
    status:
      ready === undefined
        ? {}
        : { conditions: [{ type: 'Ready', status: ready, reason: '', message: '', lastTransitionTime: '' }] },
  }) as unknown as Managed
const worldOf = (objects: readonly Managed[]) => createWorld(new Map(objects.map((one) => [idOf(one), one])))

void describe('what is said of a cluster that Flux runs', () => {
  const world = worldOf([
    object('GitRepository', 'app', {}, 'True'),
    object('Kustomization', 'one', { sourceRef: { kind: 'GitRepository', name: 'app' } }, 'True'),
    object(
      'Kustomization',
      'two',
      { sourceRef: { kind: 'GitRepository', name: 'app', namespace: 'team' }, suspend: true },
      'False',
    ),
    object('HelmRelease', 'web', {
      chart: { spec: { chart: 'web', sourceRef: { kind: 'HelmRepository', name: 'c', namespace: 'charts' } } },
    }),
  ])
  const bringer = {
    'kustomize.toolkit.fluxcd.io/name': 'flux-system',
    'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
  }
  const controllers = [
    controller('kustomize-controller', {
      labels: bringer,
      annotations: { 'sluice.dev/flux-replicas': '2' },
      args: ['--insecure-kubeconfig-exec=true', '--default-service-account=tenant'],
    }),
    controller('image-automation-controller'),
  ]
  const found = {
    flux: { controllers, instances: [] },
    mapped: mapFlags(controllers),
    survey: {
      kinds: countKinds(world),
      unserved: [{ kind: 'ImagePolicy', count: 2, message: 'it goes on\u001b[31m', isBlocking: false }],
      receivers: 3,
      crossNamespace: crossReferences(world),
    },
    settings: { defaultServiceAccount: 'tenant' },
  }

  void it('the controllers, their flags, what they serve, and what Sluice does not', () => {
    assert.equal(
      surveyText(found, plain),
      `CONTROLLER                   VERSION  REPLICAS  WHAT BECOMES OF IT
kustomize-controller         v1.9.6   0 (of 2)  Sluice takes its place
image-automation-controller  v1.9.6   0         it is left running

KIND           OBJECTS  READY  SUSPENDED
GitRepository  1        1      0
Kustomization  2        1      1
HelmRelease    1        0      0

- NOT SUPPORTED: kustomize-controller insecure-kubeconfig-exec: kubeconfigs of objects never run programs: give them a token or a certificate
- becomes a setting: kustomize-controller default-service-account: defaultServiceAccount: tenant
- not served: 2 ImagePolicy: it goes on[31m
- refers to another namespace: Kustomization/flux-system/two -> GitRepository/team/app
- refers to another namespace: HelmRelease/flux-system/web -> HelmRepository/charts/c
`,
    )
  })

  void it('what would change comes after what stays, and problems are listed', () => {
    const node = (name: string, state: 'ready' | 'failed'): Proof['nodes'][number] => ({
      record: {
        kind: 'Kustomization',
        namespace: 'a',
        name,
        state,
        message: `says ${name}`,
        changes: [],
        unchanged: 2,
        timings: { startedAt: 0, finishedAt: 0 },
      },
      objects: [],
    })
    const [changed, broken, failing] = [
      node('changed', 'ready'),
      node('broken', 'failed'),
      node('failing', 'failed'),
    ] as const
    const proof: Proof = {
      nodes: [node('same', 'ready'), changed, broken, failing],
      changed: [changed],
      broken: [broken],
      failing: [failing],
      unchanged: 8,
      world,
      needs: {},
    }
    const verified = { kustomizations: 4, entries: 9, releases: 0, problems: ['x is gone'] }
    const text = proofText(proof, verified, plain)
    assert.match(
      text,
      /^1 of 4 Kustomizations and HelmReleases stay as they are \(8 objects compared\); .*: 1 problems\n- x is gone\n\nwould change:\nKustomization\/a\/changed/,
    )
    assert.match(
      text,
      /are ready, and would fail:\nKustomization\/a\/broken[^]*fail already, and would fail:\nKustomization\/a\/failing/,
    )
    assert.match(verificationLine({ ...verified, problems: [] }), /nothing has to be written$/)
  })

  void it('what there is to do, for a cluster and for a part of it', () => {
    const all = nextSteps({ ...found, cluster: 'prod', isHandedOver: false, isPart: false })
    assert.match(
      all,
      /^1\. Give the deployment these settings.*\n {2}SETTINGS=\{"defaultServiceAccount":"tenant"\}\n2\. Put the cluster into CLUSTERS of the deployment \(after the hand-over, not before\)/,
    )
    assert.match(
      all,
      /3\. Point the webhooks of 3 Receivers[^]*4\. The controllers come from Git \(Kustomization flux-system\/flux-system\)[^]*\n {2}patches:\n[^]*5\. Back: sluice migrate flux --undo/,
    )
    const chart = controller('source-controller', {
      labels: { 'helm.toolkit.fluxcd.io/name': 'flux', 'helm.toolkit.fluxcd.io/namespace': 'ops' },
    })
    const released = { ...found, flux: { controllers: [chart], instances: [] } }
    assert.match(
      nextSteps({ ...released, cluster: 'prod', isHandedOver: true, isPart: false }),
      /come from HelmRelease ops\/flux, whose next upgrade would scale them up again/,
    )
    const part = nextSteps({ ...found, cluster: 'prod', isHandedOver: true, isPart: true })
    assert.match(
      part,
      /2\. Let a deployment with that watchLabelSelector serve the cluster[^]*3\. Back: the same command with --undo/,
    )
  })

  void it('what is given back', () => {
    assert.equal(
      backText(found.flux, undefined, { isDone: true, isNothing: false }),
      'Flux has back: kustomize-controller (2)\n',
    )
    assert.match(backText(found.flux, [], { isDone: false, isNothing: true }), /nothing to give back/)
  })

  void it('a lock is held while it is renewed', () => {
    const lease = (renewTime: string, holderIdentity = 'a') => ({
      metadata: {},
      spec: { holderIdentity, leaseDurationSeconds: 15, renewTime },
    })
    const now = Date.parse('2026-01-01T00:00:10Z')
    assert.equal(isLeaseHeld(lease('2026-01-01T00:00:00.000000Z'), now), true)
    assert.equal(isLeaseHeld(lease('2025-12-31T23:59:50Z'), now), false)
    assert.equal(isLeaseHeld(lease('2026-01-01T00:00:00Z', ''), now), false)
    assert.equal(isLeaseHeld({ metadata: {} }, now), false)
  })
})
