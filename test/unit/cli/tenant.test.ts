import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readPolicy } from '../../../src/tenancy/index.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))

describe('tenant create', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-tenant-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  const run = (...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const options = { cwd: directory, env: { ...process.env, NO_COLOR: '1' } }
      execFile(process.execPath, [main, 'tenant', 'create', ...args], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
    })
  const file = (name: string): Promise<string> => readFile(join(directory, 'tenants', name), 'utf8')
  const room = ['--with-namespace', 'a', '--source', 'https://git.example/org/a']

  it('writes the policy, the room and the kustomization; a second tenant is added to them, comments stay', async () => {
    assert.equal((await run('a', ...room)).code, 0)
    const policy = `${await file('tenants.yaml')}  # a word of ours\n`
    await writeFile(join(directory, 'tenants/tenants.yaml'), policy)
    const second = await run(
      'b',
      '--with-namespace',
      'b',
      '--with-namespace',
      'b-*',
      '--source',
      '*',
      '--service-account',
      'flux',
    )
    assert.equal(second.code, 0, second.stderr)
    const text = await file('tenants.yaml')
    assert.match(text, /# a word of ours/)
    assert.deepEqual(
      readPolicy(text).tenants.map(({ name, namespaces, identity }) => ({ name, namespaces, identity })),
      [
        {
          name: 'a',
          namespaces: ['a'],
          identity: { user: 'sluice:tenant:a', groups: ['sluice:tenants', 'sluice:tenant:a'] },
        },
        { name: 'b', namespaces: ['b', 'b-*'], identity: { serviceAccount: 'flux' } },
      ],
    )
    assert.match(await file('kustomization.yaml'), /resources:\n- b\.yaml\n- a\.yaml\n/)
    assert.match(await file('b.yaml'), /kind: ServiceAccount/)
  })

  it('writes nothing where the tenant or its namespace is there already, or something is wrong', async () => {
    await run('a', ...room)
    const before = await file('tenants.yaml')
    for (const [args, message] of [
      [['a', '--with-namespace', 'x', '--source', '*'], /has a tenant 'a' already/],
      [['b', ...room], /'a' also belongs to tenant 'a'/],
      [['b', '--with-namespace', 'b-*', '--source', '*'], /at least one namespace without/],
      [['B', '--with-namespace', 'b', '--source', '*'], /tenants\.0\.name/],
      [['b', '--with-namespace', 'flux-system', '--source', '*'], /also belongs to the platform/],
    ] as const) {
      const { code, stderr } = await run(...args)
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
    }
    assert.equal(await file('tenants.yaml'), before)
  })

  it('says what to add where the policy cannot be edited', async () => {
    await run('a', ...room)
    const policy = '{"tenants": [{"name": "a", "namespaces": ["a"], "sources": ["*"]}]}\n'
    await writeFile(join(directory, 'tenants/tenants.yaml'), policy)
    const { code, stderr } = await run('b', '--with-namespace', 'b', '--source', '*')
    assert.equal(code, 2)
    assert.match(stderr, /by hand:\n- name: b\n {2}namespaces: \[b\]/)
    assert.equal(await file('tenants.yaml'), policy)
  })

  it('prints everything with --export', async () => {
    const { stdout } = await run('a', ...room, '--export', '--pod-security', 'baseline')
    assert.match(stdout, /kind: Namespace[^]*kind: RoleBinding[^]*# tenants\.yaml[^]*podSecurity: baseline/)
  })
})
