import { existsSync, globSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { generateCrds } from './crds.ts'
import { generateFolderMap } from './folder-map.ts'
import type { GeneratedFile, Generator } from './generated-file.ts'

/** Everything that is generated. To add something: write a generator, and put it here. */
const generators: readonly Generator[] = [generateCrds, generateFolderMap]

/** Folders that hold nothing but generated files: what is in them and no longer generated is removed. */
const ownedFiles = ['infra/crds/*.yaml'] as const

const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url))

/** What differs from what would be generated; with `write` it is brought up to date. */
export async function generate(options: {
  readonly write: boolean
  readonly root?: string
}): Promise<readonly string[]> {
  const root = options.root ?? repositoryRoot
  const files: GeneratedFile[] = []
  for (const generator of generators) files.push(...(await generator(root)))
  const differing: string[] = []
  for (const file of files) {
    const path = join(root, file.path)
    if (existsSync(path) && (await readFile(path, 'utf8')) === file.content) continue
    differing.push(file.path)
    if (!options.write) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, file.content)
  }
  const wanted = new Set(files.map((file) => file.path))
  for (const path of globSync(ownedFiles, { cwd: root }).map((found) => found.split(sep).join('/'))) {
    if (wanted.has(path)) continue
    differing.push(path)
    if (options.write) await rm(join(root, path))
  }
  return differing.sort()
}

async function main(): Promise<number> {
  const isCheck = process.argv.includes('--check')
  const differing = await generate({ write: !isCheck })
  for (const path of differing) process.stdout.write(`${isCheck ? 'out of date' : 'written'}: ${path}\n`)
  if (isCheck && differing.length > 0) process.stdout.write('run `npm run gen` and commit the result\n')
  return isCheck && differing.length > 0 ? 1 : 0
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = await main()
