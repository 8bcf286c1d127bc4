import type { SemVer, SemVerRange } from '../../base/index.ts'
import { compareVersions, isEngineError, parseRange, satisfies, tryParseVersion } from '../../base/index.ts'
import { gitError } from './errors.ts'

/**
 * The tags with the highest version that lies in `range`: more than one where versions differ only in build metadata or in spelling, none where nothing matches. As in fluxcd/pkg version.ParseVersion only tags with three
 * dot-separated parts are versions; a leading `v` and leading zeros are allowed. Throws EngineError `git-invalid-reference` for a range that cannot be read.
 */
export function highestTags(tags: readonly string[], range: string): string[] {
  const wanted = readRange(range)
  let best: string[] = []
  let highest: SemVer | undefined
  for (const tag of tags) {
    const version = tag.split('.').length < 3 ? undefined : tryParseVersion(tag)
    if (version === undefined || !satisfies(version, wanted)) continue
    const order = highest === undefined ? 1 : compareVersions(version, highest)
    if (order > 0) {
      highest = version
      best = [tag]
    } else if (order === 0) best.push(tag)
  }
  return best
}

function readRange(range: string): SemVerRange {
  try {
    return parseRange(range)
  } catch (error) {
    if (!isEngineError(error)) throw error
    throw gitError(`semver parse error: ${error.message}`, { code: 'git-invalid-reference', cause: error })
  }
}
