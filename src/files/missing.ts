import { EngineError } from '../base/index.ts'

/** The error of a FileTree for a path where no file (or no directory) is: EngineError `file-not-found`. */
export function fileNotFound(path: string, wanted: 'file' | 'directory' = 'file'): EngineError {
  const where = path === '' ? 'the root of the source' : JSON.stringify(path)
  return new EngineError(`no ${wanted} at ${where}`, { code: 'file-not-found', data: { path, wanted } })
}
