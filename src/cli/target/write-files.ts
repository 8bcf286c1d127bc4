import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { usageError } from '../exit-codes.ts'

/**
 * Writes files into a directory that is made where it is missing. Files of the same names are written over with `force` alone; others stay.
 *
 * @throws EngineError `usage` where something is there already, or the directory cannot be written.
 */
export function writeFiles(
  directory: string,
  files: { readonly [name: string]: string },
  options: { readonly force: boolean },
): readonly string[] {
  try {
    mkdirSync(directory, { recursive: true })
    const there = readdirSync(directory)
    if (there.length > 0 && !options.force)
      throw usageError(
        `'${directory}' is not empty; name another directory, or --force to write over what has the same names`,
      )
    return Object.entries(files).map(([name, text]) => {
      const path = join(directory, name)
      writeFileSync(path, text, { mode: 0o644 })
      return path
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error
    throw usageError(`'${directory}' cannot be written: ${String(error.code)}`)
  }
}
