import type { ArtifactStatus } from '../../api/index.ts'
import { artifactBlobKey, artifactFileDigest } from '../../sources/index.ts'
import type { SourceContext } from './index.ts'

/**
 * Where the file of an artifact is found; goes into `.status.artifact.url`. Without `hasFile` it names an artifact of which there is no file to download (see infra/adr/0034), and
 * lets nobody in.
 */
export function artifactUrl(ctx: SourceContext, path: string, options: { readonly hasFile: boolean }): string {
  const { artifactUrl: urlOf, settings } = ctx.deps
  return urlOf?.(path, options) ?? `${settings.publicUrl.replace(/\/$/, '')}/${path}`
}

/** The file of a recorded artifact where it is still at hand with the recorded digest. */
export async function readStored(
  ctx: SourceContext,
  artifact: ArtifactStatus | undefined,
): Promise<Uint8Array | undefined> {
  if (artifact === undefined) return undefined
  const bytes = await ctx.deps.blobs.get(keyOf(ctx, artifact.path))
  return bytes !== undefined && (await artifactFileDigest(bytes)) === artifact.digest ? bytes : undefined
}

/** Keeps an artifact's file for later runs and for those who download it. */
export async function keepStored(ctx: SourceContext, path: string, bytes: Uint8Array): Promise<void> {
  await ctx.deps.blobs.put(keyOf(ctx, path), bytes)
}

/** Throws an artifact's file away, when its source is deleted. */
export async function dropStored(
  ctx: Pick<SourceContext, 'deps'>,
  artifact: ArtifactStatus | undefined,
): Promise<void> {
  if (artifact !== undefined) await ctx.deps.blobs.delete(keyOf(ctx, artifact.path))
}

function keyOf(ctx: Pick<SourceContext, 'deps'>, path: string): string {
  return artifactBlobKey({ cluster: ctx.deps.cluster.name, path })
}
