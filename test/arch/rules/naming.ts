import type { SourceFile, Violation } from '../source-file.ts'
import { folderOf } from './layers.ts'

const kebabCase = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|gen|d|config))*\.tsx?$/
const sayNothing = /^(?:utils?|helpers?|common|misc|manager)(?:\.|$)/
const maxIndexLines = 60

/** Files are named in kebab case and say what is in them; every folder of src has an index.ts that describes it and holds nothing but exports. */
export function checkNaming(files: readonly SourceFile[]): readonly Violation[] {
  const report = (path: string, line: number, message: string): Violation => ({ rule: 'naming', path, line, message })
  const found: Violation[] = []
  const folders = new Set<string>()
  for (const { path, source, masked } of files) {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (!kebabCase.test(name)) found.push(report(path, 1, 'file names are kebab-case'))
    if (path.split('/').some((part) => sayNothing.test(part)))
      found.push(report(path, 1, 'the name says nothing; use the term of the field'))
    const folder = folderOf(path)
    if (folder === undefined || folder === 'functions' || folder === 'platforms') continue
    folders.add(folder)
    if (path !== `src/${folder}/index.ts`) continue
    if (!source.includes('@module')) found.push(report(path, 1, 'has no @module comment'))
    if (/^(?:export\s+)?(?:async\s+)?(?:const|let|function|class)\s/m.test(masked.code))
      found.push(report(path, 1, 'an index.ts only exports from other files'))
    const lines = masked.code.split('\n').filter((line) => line.trim() !== '').length
    if (lines > maxIndexLines) found.push(report(path, 1, `exports on ${lines} lines; ${maxIndexLines} are the limit`))
  }
  const paths = new Set(files.map((file) => file.path))
  for (const folder of folders) {
    if (!paths.has(`src/${folder}/index.ts`)) found.push(report(`src/${folder}/index.ts`, 1, 'is missing'))
  }
  return found
}
