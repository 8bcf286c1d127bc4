import { matchesPattern, parseIgnoreFile } from './pattern.ts'

/** Tells which paths the lines of an ignore file hide, the last line that speaks about one deciding; what lies in a hidden directory is hidden. */
export function ignoredPaths(lines: readonly string[]): (path: string) => boolean {
  const patterns = parseIgnoreFile(lines.join('\n'), [])
  const isHidden = (path: readonly string[], isDirectory: boolean): boolean => {
    const last = patterns.findLast((pattern) => matchesPattern(pattern, path, isDirectory))
    return last !== undefined && !last.inclusion
  }
  return (path) => {
    const segments = path.split('/')
    return segments.some((_, at) => isHidden(segments.slice(0, at + 1), at < segments.length - 1))
  }
}
