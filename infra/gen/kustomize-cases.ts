/**
 * Writes what the real kustomize prints into the cases of `test/conformance/cases/kustomize`: sections `expected.yaml` or `expected-error`.
 * Usage: `KUSTOMIZE=/path/to/kustomize node infra/gen/kustomize-cases.ts [name…]`. The first line of a case may hold arguments: `args: …`.
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArchive, printArchive } from '../../test/conformance/archive.ts'

const CASES = new URL('../../test/conformance/cases/kustomize/', import.meta.url)
const binary = process.env['KUSTOMIZE'] ?? 'kustomize'
const wanted = process.argv.slice(2)

const version = execFileSync(binary, ['version'], { encoding: 'utf8' }).trim()
writeFileSync(new URL('version.txt', CASES), `${version}\n`)
for (const name of readdirSync(CASES).filter((entry) => entry.endsWith('.txt') && entry !== 'version.txt')) {
  if (wanted.length > 0 && !wanted.includes(name.replace(/\.txt$/, ''))) continue
  const file = new URL(name, CASES)
  const { comment, files } = parseArchive(readFileSync(file, 'utf8'))
  files.delete('expected.yaml')
  files.delete('expected-error')
  const root = mkdtempSync(join(tmpdir(), 'case-'))
  for (const [path, content] of files) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  const args = /^args: (.*)$/m.exec(comment)?.[1]?.split(' ') ?? []
  const path = /^path: (.*)$/m.exec(comment)?.[1] ?? '.'
  const result = spawnSync(binary, ['build', join(root, path), ...args], { encoding: 'utf8' })
  if (result.status === 0) files.set('expected.yaml', result.stdout)
  else files.set('expected-error', `${result.stderr.replaceAll(root, 'ROOT').trim()}\n`)
  rmSync(root, { recursive: true })
  writeFileSync(file, printArchive(comment, files))
}
