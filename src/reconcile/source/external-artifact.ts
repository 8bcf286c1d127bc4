import type { ExternalArtifact } from '../../api/index.ts'
import { EngineError, isEngineError } from '../../base/index.ts'
import { artifactFileDigest, extractTarGz, fetchBytes, type SourceArtifact } from '../../sources/index.ts'
import type { SourceContext } from './index.ts'
import { deadlineOf } from './refresh-source.ts'
import { keepStored, readStored } from './stored-artifact.ts'

/**
 * The artifact that somebody else has written into the status of an ExternalArtifact: downloaded from its URL and checked against its digest (fluxcd/pkg http/fetch). Undefined where none is
 * written yet. Nothing is written to the object.
 *
 * @throws EngineError with reason `ArtifactFailed`.
 */
export async function externalArtifact(
  ctx: SourceContext,
  object: ExternalArtifact,
): Promise<SourceArtifact | undefined> {
  const artifact = object.status?.artifact
  if (artifact === undefined) return undefined
  let bytes = await readStored(ctx, artifact)
  if (bytes === undefined) {
    bytes = await download(ctx, artifact.url)
    const found = await artifactFileDigest(bytes)
    if (found !== artifact.digest) {
      throw new EngineError(
        `the artifact of ExternalArtifact '${object.metadata.namespace}/${object.metadata.name}' has the digest ${found}, its status says ${artifact.digest}`,
        { code: 'artifact-digest-mismatch', reason: 'ArtifactFailed', disposition: 'retry' },
      )
    }
    await keepStored(ctx, artifact.path, bytes)
  }
  return {
    revision: artifact.revision,
    digest: artifact.digest,
    size: bytes.length,
    archive: bytes,
    files: await extractTarGz(bytes, ctx.deps.limits.oci, 'ArtifactFailed'),
    ...(artifact.metadata === undefined ? {} : { metadata: artifact.metadata }),
    prefetch: () => Promise.resolve(),
  }
}

/** Others write this kind; there is nothing to look at and no artifact that its status does not tell. */
export function refreshExternalArtifact(): Promise<SourceArtifact | undefined> {
  return Promise.resolve(undefined)
}

async function download(ctx: SourceContext, address: string): Promise<Uint8Array> {
  if (!URL.canParse(address))
    throw new EngineError('the URL of the artifact cannot be read', { code: 'artifact-url', reason: 'ArtifactFailed' })
  const { http, clock, settings, limits } = ctx.deps
  const request = { method: 'GET' as const, url: new URL(address), credentials: {}, signal: deadlineOf(ctx, undefined) }
  const options = { reason: 'ArtifactFailed', deniedReason: 'ArtifactFailed', maxBytes: limits.oci.maxLayerBytes }
  try {
    const { bytes } = await fetchBytes({ http, clock, egress: settings.egress }, request, options)
    return bytes
  } catch (error) {
    // The one who makes artifacts may be about to write a new one: not found is a reason to wait, not a failure.
    if (!isEngineError(error) || error.code !== 'source-not-found') throw error
    throw new EngineError(`artifact not found: ${error.message}`, {
      code: 'artifact-missing',
      reason: 'ArtifactFailed',
      disposition: 'wait',
    })
  }
}
