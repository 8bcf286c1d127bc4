import { bytesToHex } from '@noble/hashes/utils.js'
import type { ArtifactStatus } from '../../api/index.ts'
import type { SourceContext } from './index.ts'

/** Key of an artifact's file in the blob store. It may be gone at any time; its source then makes it again. */
export function artifactBlobKey(path: string): string {
  return `artifacts/${path}`
}

/** `sha256:<hex>` of bytes, by the platform. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return `sha256:${bytesToHex(hash)}`
}

/** The file of a recorded artifact where it is still at hand with the recorded digest. */
export async function readStored(
  ctx: SourceContext,
  artifact: ArtifactStatus | undefined,
): Promise<Uint8Array | undefined> {
  if (artifact === undefined) return undefined
  const bytes = await ctx.deps.blobs.get(artifactBlobKey(artifact.path))
  return bytes !== undefined && (await digestOf(bytes)) === artifact.digest ? bytes : undefined
}

/** Keeps an artifact's file for later runs and for those who download it. */
export async function keepStored(ctx: SourceContext, path: string, bytes: Uint8Array): Promise<void> {
  await ctx.deps.blobs.put(artifactBlobKey(path), bytes)
}
