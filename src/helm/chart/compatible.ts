import { parseRange, satisfies, tryParseVersion, isEngineError } from '../../base/index.ts'

/** True where a version lies in a range; false also where one of them cannot be read (Helm v4 IsCompatibleRange). */
export function isCompatibleRange(range: string, version: string): boolean {
  const parsed = tryParseVersion(version)
  if (parsed === undefined) return false
  try {
    return satisfies(parsed, parseRange(range))
  } catch (error) {
    // compat(helm): a range that cannot be read matches nothing.
    if (isEngineError(error)) return false
    throw error
  }
}
