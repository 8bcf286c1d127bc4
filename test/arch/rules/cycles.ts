import { resolveImport, type SourceFile, type Violation } from '../source-file.ts'

/** No file imports itself, over whatever detour. Imports of types alone leave nothing behind and do not count, dynamic ones happen later and do not either. */
export function checkCycles(files: readonly SourceFile[]): readonly Violation[] {
  const known = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const path: string[] = []
  const found: Violation[] = []
  const visit = (file: SourceFile): void => {
    if (done.has(file.path)) return
    const start = path.indexOf(file.path)
    if (start !== -1) {
      const cycle = [...path.slice(start), file.path]
      found.push({ rule: 'cycles', path: file.path, line: 1, message: `imports itself: ${cycle.join(' -> ')}` })
      return
    }
    path.push(file.path)
    for (const { specifier, typeOnly, dynamic } of file.imports) {
      const target = resolveImport(file.path, specifier)
      const next = target === undefined || typeOnly || dynamic ? undefined : known.get(target)
      if (next !== undefined) visit(next)
    }
    path.pop()
    done.add(file.path)
  }
  for (const file of files) visit(file)
  return found
}
