import { secretsError } from '../errors.ts'
import { utf8Text } from '../encoding.ts'
import { SopsBranch } from '../tree.ts'
import type { LoadedFile } from './store.ts'

/** Takes the key `sops` out of every document; the first one's is the metadata. Throws EngineError `sops-bad-file` without one. */
export function extractMetadata(branches: readonly SopsBranch[]): LoadedFile {
  const found = branches[0]?.entries.filter((entry) => entry.key === 'sops') ?? []
  const metadata = found[0]?.value
  if (!(metadata instanceof SopsBranch) || found.length > 1)
    throw secretsError('sops-bad-file', "the file has no mapping 'sops' with the metadata; encrypt it with sops")
  return {
    branches: branches.map((branch) => new SopsBranch(branch.entries.filter((entry) => entry.key !== 'sops'))),
    metadata,
  }
}

/** The text of a file. Throws EngineError `sops-bad-file` where it is not UTF-8. */
export function fileText(content: Uint8Array): string {
  const text = utf8Text(content)
  if (text === undefined)
    throw secretsError('sops-bad-file', 'the file is not UTF-8; take it from Git as sops wrote it')
  return text
}
