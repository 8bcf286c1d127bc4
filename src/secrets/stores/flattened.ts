import { secretsError } from '../errors.ts'
import { unflatten } from '../flatten.ts'
import type { SopsBranch } from '../tree.ts'

/** The metadata of a format that cannot nest. Throws EngineError `sops-bad-file` where there is none. */
export function flattenedMetadata(flat: SopsBranch): SopsBranch {
  if (flat.entries.length === 0)
    throw secretsError('sops-bad-file', 'the file has no SOPS metadata; encrypt it with sops')
  return unflatten(flat)
}
