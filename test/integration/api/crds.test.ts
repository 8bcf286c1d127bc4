import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { before, describe, it } from 'node:test'
import {
  apiVersions,
  composeCrd,
  definitions,
  validateResource,
  withDefaults,
  type Kind,
} from '../../../src/api/index.ts'
import { useCluster } from '../../support/cluster.ts'
import { installCrds } from '../../support/crds.ts'
import { KubeTestError, type TestObject } from '../../support/kube-test-client.ts'
import { resourceCases, resourceOf } from '../../support/resource-cases.ts'

const cluster = useCluster()
let namespace = ''

before(async () => {
  await installCrds(cluster.client)
  namespace = 'crd-cases'
  await cluster.client.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
})

describe('CRDs', () => {
  it('one file per kind', () => {
    assert.equal(
      globSync(new URL('../../../infra/crds/*.yaml', import.meta.url).pathname).length,
      Object.keys(definitions).length,
    )
  })

  it('the server has nothing to say against a schema, and serves every version', async () => {
    for (const definition of Object.values(definitions)) {
      const name = `${definition.plural}.${definition.group}`
      const crd = await cluster.client.get({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        name,
      })
      const conditions = crd['status'].conditions as readonly { type: string; status: string }[]
      assert.deepEqual(
        conditions.filter((condition) => condition.type === 'NonStructuralSchema' || condition.status !== 'True'),
        [],
      )
      for (const version of definition.versions) {
        const list = (await cluster.client.request('GET', `/apis/${definition.group}/${version.name}`)) as {
          resources: readonly { name: string; shortNames?: string[]; categories?: string[] }[]
        }
        const resource = list.resources.find((candidate) => candidate.name === definition.plural)
        assert.deepEqual(resource?.shortNames ?? [], definition.shortNames)
        assert.deepEqual(resource?.categories, definition.categories)
        const hasStatus = list.resources.some((candidate) => candidate.name === `${definition.plural}/status`)
        assert.equal(hasStatus, version.status !== undefined)
      }
    }
  })

  it('the server has read from the files what the schemas say', async () => {
    for (const definition of Object.values(definitions)) {
      const wanted = composeCrd(definition) as unknown as TestObject
      const name = wanted.metadata.name
      const crd = await cluster.client.get({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        name,
      })
      assert.deepEqual(crd['spec'].versions, wanted['spec'].versions)
      assert.deepEqual(crd['spec'].names, wanted['spec'].names)
      assert.deepEqual(crd.metadata.annotations, wanted.metadata.annotations)
    }
  })
})

describe('the server and the validation here agree', () => {
  for (const [index, row] of resourceCases.entries()) {
    it(row.name, async () => {
      const object = resourceOf(row, `case-${index}`, namespace)
      const findings = validateResource(withDefaults(object))
      if (row.refused === undefined) {
        const created = await cluster.client.create(object)
        assert.deepEqual(created['spec'], withDefaults(object).spec)
        assert.deepEqual(findings, [])
        return
      }
      const { message } = row.refused
      await assert.rejects(cluster.client.create(object), (error) => {
        assert.ok(error instanceof KubeTestError && error.status === 422, String(error))
        assert.match(error.message, message)
        return true
      })
      assert.notDeepEqual(findings, [])
    })
  }
})

const columns: { readonly [kind in Kind]: readonly string[] } = {
  GitRepository: ['Name', 'URL', 'Age', 'Ready', 'Status'],
  OCIRepository: ['Name', 'URL', 'Ready', 'Status', 'Age'],
  HelmRepository: ['Name', 'URL', 'Age', 'Ready', 'Status'],
  HelmChart: ['Name', 'Chart', 'Version', 'Source Kind', 'Source Name', 'Age', 'Ready', 'Status'],
  Bucket: ['Name', 'Endpoint', 'Age', 'Ready', 'Status'],
  ExternalArtifact: ['Name', 'Age', 'Ready', 'Status', 'Source'],
  Kustomization: ['Name', 'Age', 'Ready', 'Status'],
  HelmRelease: ['Name', 'Age', 'Ready', 'Status'],
  Receiver: ['Name', 'Age', 'Ready', 'Status'],
  Alert: ['Name', 'Age'],
  Provider: ['Name', 'Age'],
}

describe('kubectl get', () => {
  for (const [kind, want] of Object.entries(columns) as [Kind, readonly string[]][]) {
    it(`${kind} has the columns ${want.join(', ')}`, async () => {
      const path = await cluster.client.path({ apiVersion: apiVersions[kind], kind, namespace })
      const table = (await cluster.client.request('GET', path, {
        accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
      })) as { columnDefinitions: readonly { name: string }[] }
      assert.deepEqual(
        table.columnDefinitions.map((column) => column.name),
        want,
      )
    })
  }

  it('shows the Ready condition', async () => {
    const row = { name: '', kind: 'Kustomization' } as const
    const ref = { apiVersion: apiVersions.Kustomization, kind: 'Kustomization', namespace, name: 'shown' }
    const created: TestObject = await cluster.client.create(resourceOf(row, 'shown', namespace))
    assert.equal(created['status'].observedGeneration, -1)
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: 'ReconciliationSucceeded',
      message: 'Applied revision: main@sha1:1',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    }
    await cluster.client.patch(ref, { status: { conditions: [condition] } }, { subresource: 'status' })
    const path = await cluster.client.path(ref)
    const table = (await cluster.client.request('GET', path, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    })) as { rows: readonly { cells: readonly string[] }[] }
    assert.deepEqual(table.rows[0]?.cells.slice(2), ['True', 'Applied revision: main@sha1:1'])
  })
})
