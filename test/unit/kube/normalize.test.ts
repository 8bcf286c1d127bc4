import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalizeObject } from '../../../src/kube/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

const podSpec = (port: object): object => ({
  containers: [{ name: 'a', ports: [port] }],
  initContainers: [{ name: 'b', ports: [port] }, { name: 'c' }],
})
const crd = (caBundle: string): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  spec: { conversion: { webhook: { clientConfig: { caBundle, url: 'u' } } } },
  status: { kept: true },
})
const pem = btoa('-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUabc=\n-----END CERTIFICATE-----\n')

const rows: { name: string; input: object; want: object }[] = [
  {
    name: 'status and creation time go, unknown fields stay',
    input: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', creationTimestamp: null },
      status: {},
      typo: 1,
    },
    want: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, typo: 1 },
  },
  {
    name: 'stringData wins over data, UTF-8',
    input: { apiVersion: 'v1', kind: 'Secret', data: { a: 'eA==', b: 'eQ==' }, stringData: { b: 'ü', c: '' } },
    want: { apiVersion: 'v1', kind: 'Secret', data: { a: 'eA==', b: 'w7w=', c: '' } },
  },
  {
    name: 'stringData of another group’s Secret is its own business',
    input: { apiVersion: 'example.com/v1', kind: 'Secret', stringData: { b: 'x' } },
    want: { apiVersion: 'example.com/v1', kind: 'Secret', stringData: { b: 'x' } },
  },
  {
    name: 'ports of a Service',
    input: {
      apiVersion: 'v1',
      kind: 'Service',
      spec: { ports: [{ port: 1 }, { port: 2, protocol: 'UDP' }, { port: 3, protocol: '' }] },
    },
    want: {
      apiVersion: 'v1',
      kind: 'Service',
      spec: {
        ports: [
          { port: 1, protocol: 'TCP' },
          { port: 2, protocol: 'UDP' },
          { port: 3, protocol: 'TCP' },
        ],
      },
    },
  },
  {
    name: 'ports of all containers of a CronJob',
    input: {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      spec: { jobTemplate: { spec: { template: { spec: podSpec({ containerPort: 1 }) } } } },
    },
    want: {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      spec: { jobTemplate: { spec: { template: { spec: podSpec({ containerPort: 1, protocol: 'TCP' }) } } } },
    },
  },
  {
    name: 'malformed parts are left to the server',
    input: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      spec: { template: { spec: { containers: [null, 'x', { ports: 'y' }] } } },
    },
    want: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      spec: { template: { spec: { containers: [null, 'x', { ports: 'y' }] } } },
    },
  },
  {
    name: 'a CA bundle that is none is dropped',
    input: crd('Cg=='),
    want: { ...crd(''), spec: { conversion: { webhook: { clientConfig: { url: 'u' } } } } },
  },
  { name: 'a CA bundle stays, and so does a definition’s status', input: crd(pem), want: crd(pem) },
]

for (const { name, input, want } of rows) {
  test(name, () => {
    const before = structuredClone(input)
    assert.deepEqual(normalizeObject(input as KubeObject), want)
    assert.deepEqual(input, before, 'the input must not change')
  })
}
