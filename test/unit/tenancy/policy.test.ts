import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DiagnosticsError } from '../../../src/base/index.ts'
import { parsePolicy, readPolicy } from '../../../src/tenancy/index.ts'

const tenant = { name: 'a', namespaces: ['a', 'a-*'], sources: ['https://github.com/org/a'] }

test('what a policy does not say is refused', () => {
  const { platformNamespaces, tenants } = parsePolicy({ tenants: [tenant] })
  assert.deepEqual(platformNamespaces, ['flux-system'])
  assert.deepEqual(tenants, [
    {
      ...tenant,
      clusters: ['*'],
      identity: { user: 'sluice:tenant:a', groups: ['sluice:tenants', 'sluice:tenant:a'] },
      kinds: { allow: ['*'], deny: [] },
      clusterKinds: [],
      references: [],
      podSecurity: 'restricted',
      remoteBases: false,
      remoteClusters: false,
      platformCredentials: false,
    },
  ])
})

test('a policy is YAML or JSON', () => {
  const text = 'tenants:\n- name: a\n  namespaces: [a]\n  sources: ["*"]\n  identity: {serviceAccount: flux}\n'
  assert.deepEqual(readPolicy(text).tenants[0]?.identity, { serviceAccount: 'flux' })
  assert.deepEqual(readPolicy(JSON.stringify({ tenants: [tenant] })), parsePolicy({ tenants: [tenant] }))
  assert.deepEqual(readPolicy('').tenants, [])
})

test('everything that is wrong is named', () => {
  const rows: readonly (readonly [given: unknown, findings: readonly RegExp[]])[] = [
    [[], [/the policy: /]],
    [{ tenant: [] }, [/the policy: .*tenant/i]],
    [{ tenants: [{}] }, [/tenants\.0\.name/, /tenants\.0\.namespaces/, /tenants\.0\.sources/]],
    [{ tenants: [{ ...tenant, namespaces: [] }] }, [/tenants\.0\.namespaces: name at least one/]],
    [{ tenants: [{ ...tenant, sources: [] }] }, [/tenants\.0\.sources: name the URLs/]],
    [{ tenants: [{ ...tenant, namespaces: ['A b'] }] }, [/must be the name of a namespace/]],
    [{ tenants: [{ ...tenant, identity: { user: 'system:masters' } }] }, [/tenants\.0\.identity/]],
    [{ tenants: [{ ...tenant, identity: { user: 'u', groups: ['system:masters'] } }] }, [/tenants\.0\.identity/]],
    [{ tenants: [{ ...tenant, identity: { serviceAccount: 'x', user: 'y' } }] }, [/tenants\.0\.identity/]],
    [{ tenants: [{ ...tenant, kinds: { deny: ['apps/v1/Deployment'] } }] }, [/must be Kind, group\/Kind/]],
    [{ tenants: [{ ...tenant, references: ['shared'] }] }, [/must be Kind\/namespace\/name/]],
    [{ tenants: [{ ...tenant, podSecurity: 'none' }] }, [/podSecurity/]],
    [{ tenants: [{ ...tenant, unknown: true }] }, [/unknown/i]],
    [{ tenants: [tenant, { ...tenant, namespaces: ['b'] }] }, [/tenants\.1\.name: there are two tenants 'a'/]],
    [
      { tenants: [tenant, { ...tenant, name: 'b', namespaces: ['a-b'] }] },
      [/tenants\.1\.namespaces: 'a-b' also belongs to tenant 'a' \('a-\*'\)/],
    ],
    [
      { tenants: [{ ...tenant, namespaces: ['flux-*'] }] },
      [/tenants\.0\.namespaces: 'flux-\*' also belongs to the platform \('flux-system'\)/],
    ],
  ]
  for (const [given, findings] of rows) {
    let error: unknown
    try {
      parsePolicy(given)
    } catch (caught) {
      error = caught
    }
    assert.ok(error instanceof DiagnosticsError, JSON.stringify(given))
    assert.equal(error.code, 'tenant-policy-invalid')
    for (const finding of findings) assert.match(error.message, finding)
  }
  assert.throws(() => readPolicy('a: [b'), { code: 'tenant-policy-invalid' })
})
