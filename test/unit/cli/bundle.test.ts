import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

const root = fileURLToPath(new URL('../../../', import.meta.url))

test('the bundle of the command line runs where no packages are, every command of it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
  try {
    const outdir = join(directory, 'bundle')
    execFileSync('npm', ['run', '--silent', 'bundle', '--', `--outdir=${outdir}`], { cwd: root, stdio: 'pipe' })
    mkdirSync(join(directory, 'app'))
    writeFileSync(join(directory, 'app/kustomization.yaml'), 'resources: [a.yaml]\nnamePrefix: x-\n')
    writeFileSync(join(directory, 'app/a.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n')
    mkdirSync(join(directory, 'chart/templates'), { recursive: true })
    writeFileSync(join(directory, 'chart/Chart.yaml'), 'apiVersion: v2\nname: c\nversion: 1.0.0\n')
    writeFileSync(join(directory, 'chart/templates/a.yaml'), 'a: {{ .Release.Name }}\n')
    const run = (...args: string[]): { stdout: string; stderr: string; status: number | null } =>
      spawnSync(process.execPath, [join(outdir, 'main.mjs'), ...args], { cwd: directory, encoding: 'utf8' })
    const built = run('kustomize', 'build', 'app')
    assert.equal(built.stdout, 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x-a\n', built.stderr)
    const rendered = run('helm', 'template', 'rel', 'chart')
    assert.equal(rendered.stdout, '---\n# Source: c/templates/a.yaml\na: rel\n', rendered.stderr)
    const debugged = run('debug', 'helmrelease', 'app', '--kubeconfig', 'none')
    assert.match(debugged.stderr, /^Error: the kubeconfig none .* ENOENT/)
    assert.equal(debugged.status, 1)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
