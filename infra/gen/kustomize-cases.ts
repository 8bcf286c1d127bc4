/**
 * Writes what the real kustomize prints into the cases of `test/conformance/cases/kustomize`: sections `expected.yaml` or `expected-error`.
 * Usage: `node infra/gen/kustomize-cases.ts [name…]`; KUSTOMIZE may name the binary, which else is the one that the bench builds. The first line of a case may hold arguments: `args: …`.
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArchive, printArchive } from '../../test/conformance/archive.ts'

const CASES = new URL('../../test/conformance/cases/kustomize/', import.meta.url)
const binary = process.env['KUSTOMIZE'] ?? join(homedir(), '.cache', 'sluice', 'kustomize-v5.8.1', 'kustomize')
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
  else files.set('expected-error', errorText(result.stderr, root))
  rmSync(root, { recursive: true })
  writeFileSync(file, printArchive(comment, files))
}

/** What changes from run to run, or holds paths of this machine, is left out: addresses, directories, the stack of a panic. */
function errorText(stderr: string, root: string): string {
  const [text = ''] = stderr.replaceAll(root, 'ROOT').split('\n\ngoroutine ')
  return `${text.trim().replaceAll(/0x[0-9a-f]{6,}/g, '0x…')}\n`
}
