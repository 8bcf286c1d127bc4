import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

const PROGRAM = new URL('../../../src/cli/main.ts', import.meta.url).pathname

const OBJECTS = `apiVersion: v1
kind: ConfigMap
metadata: {name: conf, namespace: one}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
---
apiVersion: v1
kind: Namespace
metadata: {name: one}
`

void describe('sluice kustomize build', () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, '.git'))
  mkdirSync(join(root, 'app', 'out'), { recursive: true })
  writeFileSync(join(root, 'app', 'kustomization.yaml'), 'resources: [all.yaml]\n')
  writeFileSync(join(root, 'app', 'all.yaml'), OBJECTS)
  mkdirSync(join(root, 'broken'))
  writeFileSync(join(root, 'broken', 'kustomization.yaml'), 'resources: [none.yaml]\ncommonLabels: {a: b}\nimage: x\n')
  mkdirSync(join(root, 'outside'))
  writeFileSync(join(root, 'outside', 'kustomization.yaml'), 'resources: [../app/all.yaml]\nvars: []\n')

  function run(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
  ): { out: string; err: string; code: number | null } {
    const { stdout, stderr, status } = spawnSync(process.execPath, [PROGRAM, 'kustomize', 'build', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    })
    return { out: stdout, err: stderr, code: status }
  }

  void it('prints YAML in kustomize\u2019s order', () => {
    const { out, err, code } = run(['app'])
    assert.deepEqual([err, code], ['', 0])
    assert.equal(
      out,
      'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: one\n---\n' +
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: conf\n  namespace: one\n---\n' +
        'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\n',
    )
  })
  void it('prints one JSON object a line, keys sorted', () => {
    const { out } = run(['app', '-o', 'jsonl', '--reorder=none'])
    assert.equal(
      out,
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"conf","namespace":"one"}}\n' +
        '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"app"}}\n' +
        '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"one"}}\n',
    )
  })
  void it('writes to the file that -o names, in the format that another -o names', () => {
    const { out, code } = run(['app', '-o', 'jsonl', '-o', 'sub/all.jsonl'])
    assert.deepEqual([out, code], ['', 0])
    assert.match(readFileSync(join(root, 'sub', 'all.jsonl'), 'utf8'), /^\{"apiVersion":"v1","kind":"Namespace"/)
    assert.match(run(['app', '-o', 'a.yaml', '--output', 'b.yaml']).err, /one output only/)
  })
  void it('writes one file per object into a directory, named as kustomize names them', () => {
    run(['app', '--output', join('app', 'out')])
    assert.deepEqual(readdirSync(join(root, 'app', 'out')).toSorted(), [
      'default_apps_v1_deployment_app.yaml',
      'one_v1_configmap_conf.yaml',
      'v1_namespace_one.yaml',
    ])
  })
  void it('takes flags that kustomize has deprecated, and says so', () => {
    const reordered = run(['app', '--reorder', 'none'])
    assert.match(reordered.err, /^Flag --reorder has been deprecated, use the new 'sortOptions' field/)
    assert.ok(reordered.out.startsWith('apiVersion: v1\nkind: ConfigMap\n'))
    assert.match(
      run(['app', '--reorder', 'some']).err,
      /illegal flag value --reorder some; legal values: \[legacy none\]/,
    )
    const label = /app\.kubernetes\.io\/managed-by: kustomize-v5\.8\.1/
    const labelled = run(['app', '--enable-managedby-label'])
    assert.match(labelled.out, label)
    assert.match(labelled.err, /deprecated/)
    assert.match(run(['app'], { KUSTOMIZE_ENABLE_MANAGEDBY_LABEL: 'on' }).out, label)
  })
  void it('refuses what would run programs, and takes flags that only say how', () => {
    for (const flag of ['--enable-alpha-plugins', '--enable-exec']) {
      const { err, code } = run(['app', flag])
      assert.equal(code, 1)
      assert.match(err, new RegExp(`^Error: ${flag} is not supported`))
    }
    assert.equal(run(['--mount', 'x', '--network-name', 'y', 'app', '-e', 'A=b']).code, 0)
  })
  void it('reports every finding with its file and line, and fails', () => {
    const { out, err, code } = run(['broken'])
    assert.deepEqual([out, code], ['', 1])
    assert.match(err, /^Error: broken\/kustomization\.yaml:3: image: unknown field "image"/)
  })
  void it('reads outside of the root only when it may, and never outside of the source', () => {
    const { err, code } = run(['outside'])
    assert.equal(code, 1)
    assert.match(err, /security; file '.*app\/all\.yaml' is not in or below/)
    const allowed = run(['outside', '--load-restrictor', 'LoadRestrictionsNone'])
    assert.equal(allowed.code, 0)
    assert.match(allowed.err, /^# Warning: 'vars' is deprecated\. Please use 'replacements' instead\./)
    assert.match(run(['outside', '--load-restrictor', 'some']).err, /illegal flag value --load-restrictor some/)
    const source = ['--load-restrictor', 'LoadRestrictionsNone', '--source-root', 'outside']
    assert.equal(run(['outside', ...source]).code, 1)
    assert.match(run(['app', ...source]).err, /outside the source root/)
  })
  void it('says what to do where there is nothing to build', () => {
    assert.match(run(['nowhere']).err, /^Error: must build at directory: 'nowhere' is no directory/)
    assert.match(run(['https://example.com/a.git//b?ref=c']).err, /clone the repository/)
    assert.equal(run(['app', 'outside']).code, 1)
  })
})
