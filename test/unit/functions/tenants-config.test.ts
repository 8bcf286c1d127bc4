import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../functions/config.ts'
import { DiagnosticsError } from '../../../src/base/index.ts'

const clusters = JSON.stringify([{ name: 'c', server: 'https://127.0.0.1:6443' }])
const load = (tenants?: string): ReturnType<typeof loadConfig> =>
  loadConfig((name) => ({ CLUSTERS: clusters, TENANTS: tenants })[name])

test('a policy in the configuration, as JSON or YAML', () => {
  const text = '{"tenants": [{"name": "a", "namespaces": ["a"], "sources": ["*"]}]}'
  assert.equal(load(text).settings.tenants?.tenants[0]?.name, 'a')
  assert.deepEqual(
    load('tenants:\n- name: a\n  namespaces: [a]\n  sources: ["*"]\n').settings.tenants,
    load(text).settings.tenants,
  )
  assert.equal('tenants' in load().settings, false)
})

test('the name of a ConfigMap in each cluster', () => {
  assert.equal(
    load('{"configMap": "flux-system/sluice-tenants"}').settings.tenantsConfigMap,
    'flux-system/sluice-tenants',
  )
})

test('everything that is wrong is named, and nothing starts', () => {
  for (const [text, findings] of [
    ['{"configMap": "flux-system"}', [/TENANTS\.configMap: must be namespace\/name/]],
    ['{"tenants": [{"name": "A"}]}', [/TENANTS: tenants\.0\.name/, /TENANTS: tenants\.0\.sources/]],
    ['tenants: [', [/TENANTS: /]],
  ] as const) {
    let error: unknown
    try {
      load(text)
    } catch (caught) {
      error = caught
    }
    assert.ok(error instanceof DiagnosticsError, text)
    for (const finding of findings) assert.match(error.message, finding)
  }
})
