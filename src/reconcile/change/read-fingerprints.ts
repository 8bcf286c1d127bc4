import type { GitRepository } from '../../api/index.ts'
import { fingerprintReads, retryPending, type ReadRecord } from '../../files/index.ts'
import type { GitObjectCache, SourceArtifact } from '../../sources/index.ts'

/**
 * What the artifact of a repository holds for everything in a record of reads (see {@link fingerprintReads}). The clusters of a deployment ask this of the same two commits for the same applications, and the next pull request of the
 * same base again: what was found out once for a tree is kept where its Git objects are.
 *
 * @throws EngineError where files cannot be fetched.
 */
export function fingerprintOf(
  { cache, signal }: { readonly cache: Pick<GitObjectCache, 'fingerprints'>; readonly signal: AbortSignal },
  { artifact, source }: { readonly artifact: SourceArtifact; readonly source: GitRepository | undefined },
  reads: ReadRecord,
): Promise<string> {
  const make = (): string => fingerprintReads(artifact.files, reads)
  const tree = source === undefined ? undefined : treeKey(artifact, source)
  if (tree === undefined) return retryPending(make, signal)
  const key = JSON.stringify([reads.files, reads.directories, reads.lookups])
  return retryPending(() => cache.fingerprints.get(tree, key, make), signal)
}

/** What says which files an artifact shows: the digest follows from the tree, and from the rules that hide a part of it. Undefined where it also follows from other repositories. */
function treeKey({ digest }: SourceArtifact, { spec }: GitRepository): string | undefined {
  const { ignore = '', include = [], sparseCheckout = [], recurseSubmodules = false } = spec
  return include.length > 0 || recurseSubmodules ? undefined : JSON.stringify([digest, ignore, sparseCheckout])
}
