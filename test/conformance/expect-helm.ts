/**
 * `node test/conformance/expect-helm.ts [case…]`: writes what the real helm says of the project's own cases into them: `expected.yaml`, or
 * `expected-error.txt`. For new cases; what it changes in old ones is looked at before it is committed.
 * @module
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { helmBinary, noHelm } from '../support/helm-binary.ts'
import { parseArchive, printArchive } from './archive.ts'

const cases = new URL('./cases/helm/', import.meta.url).pathname
const helm = await helmBinary()
if (helm === undefined) {
  console.error(noHelm)
  process.exit(1)
}
const wanted = process.argv.slice(2)
for (const name of readdirSync(cases)) {
  if (wanted.length > 0 && !wanted.includes(name.replace(/\.txt$/, ''))) continue
  const { comment, files } = parseArchive(readFileSync(join(cases, name), 'utf8'))
  files.delete('expected.yaml')
  files.delete('expected-error.txt')
  const directory = mkdtempSync(join(tmpdir(), 'helm-case-'))
  for (const [path, content] of files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), content)
  }
  const args = /^args: (.*)$/m.exec(comment)?.[1]?.split(' ') ?? []
  try {
    const options = { cwd: directory, encoding: 'utf8', stdio: 'pipe' } as const
    files.set('expected.yaml', execFileSync(helm, ['template', 'rel', '.', ...args], options))
  } catch (error) {
    files.set('expected-error.txt', (error as { stderr: string }).stderr)
  }
  rmSync(directory, { recursive: true })
  writeFileSync(join(cases, name), printArchive(comment, files))
}
