import assert from 'node:assert/strict'
import { it } from 'node:test'
import { planDigest } from '../../../src/plan/index.ts'
import { desiredOf, type DesiredState, type Workload } from '../../../src/reconcile/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

const key = new TextEncoder().encode('a key of the deployment')

const kustomization = (sourceKind: string): Workload =>
  ({
    kind: 'Kustomization',
    metadata: { name: 'app', namespace: 'apps' },
    spec: { interval: '1h', prune: true, sourceRef: { kind: sourceKind, name: 'app' } },
  }) as unknown as Workload

const release = {
  kind: 'HelmRelease',
  metadata: { name: 'app', namespace: 'apps' },
  spec: { interval: '1h' },
} as unknown as Workload

function digest(object: Workload, state: DesiredState): string {
  const { kind } = object
  const part = { cluster: 'c', kind, namespace: 'apps', name: 'app', touched: [], ...desiredOf(object, state) }
  return planDigest([part], key).whole
}

const configMap = (value: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'apps', ...metadata },
  data: { value },
})

const git = kustomization('GitRepository')

it('the same content is the same wish, whoever puts labels on it and whatever else the commit has', () => {
  const plain = digest(git, { objects: [configMap('1')], artifacts: { source: 'sha256:1' } })
  const owned = configMap('1', {
    labels: { 'kustomize.toolkit.fluxcd.io/name': 'app', 'kustomize.toolkit.fluxcd.io/namespace': 'apps' },
  })
  assert.equal(digest(git, { objects: [owned], artifacts: { source: 'sha256:2' } }), plain)
  assert.notEqual(digest(git, { objects: [configMap('2')], artifacts: { source: 'sha256:1' } }), plain)
  assert.notEqual(digest(git, { objects: [configMap('1', { labels: { a: 'b' } })], artifacts: {} }), plain)
  assert.notEqual(digest(git, { objects: [], artifacts: {} }), plain)
})

it('what comes from elsewhere counts by its digest', () => {
  const registry = kustomization('OCIRepository')
  const objects = [configMap('1')]
  assert.notEqual(
    digest(registry, { objects, artifacts: { source: 'sha256:1' } }),
    digest(registry, { objects, artifacts: { source: 'sha256:2' } }),
  )
  assert.notEqual(
    digest(release, { objects, artifacts: { chart: 'sha256:1' } }),
    digest(release, { objects, artifacts: { chart: 'sha256:2' } }),
  )
})

it('what Helm puts on objects, and definitions that the chart brings, make no difference', () => {
  const artifacts = { chart: 'sha256:1' }
  const plain = digest(release, { objects: [configMap('1')], artifacts })
  const owned = configMap('1', {
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'app', 'meta.helm.sh/release-namespace': 'apps' },
  })
  const definition: KubeObject = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
  }
  assert.equal(digest(release, { objects: [owned, definition], artifacts }), plain)
})
