import { EngineError, toEngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import type { RunContext } from '../context.ts'
import { idOf, sourceKeyOf } from '../world.ts'
import { buildKustomization, cleanPath, type BuiltKustomization } from './build.ts'
import { loadDecryption, type Decryption } from './decrypt.ts'
import { createRemoteBases } from './remote-bases.ts'
import { loadVariables } from './variables.ts'

/** A Kustomization rendered at the revision that its source has in this run. */
export interface Rendered {
  readonly built: BuiltKustomization
  readonly revision: string
  /** The revision that the artifact was made from, where it says so. */
  readonly originRevision: string | undefined
}

/** Told while a Kustomization is rendered, so that a failure can be reported with what is known by then. */
export interface RenderObserver {
  readonly onRevision?: (revision: string, originRevision: string | undefined) => void
  /** Knows the values that no message may hold. */
  readonly onDecryption?: (decryption: Decryption) => void
}

/**
 * Fetches what a Kustomization needs and builds it.
 *
 * @throws EngineError with the reason of the phase that failed (`ArtifactFailed`, `BuildFailed`).
 */
export async function renderKustomization(
  ctx: RunContext,
  object: Kustomization,
  observer: RenderObserver = {},
): Promise<Rendered> {
  const source = await ctx.sources.artifact(sourceKeyOf(object))
  const originRevision = source.metadata?.['org.opencontainers.image.revision']
  observer.onRevision?.(source.revision, originRevision)
  const decryption = await loadDecryption(ctx, object)
  observer.onDecryption?.(decryption)
  const variables = await loadVariables(ctx.client, object, ctx.signal)
  const id = idOf(object)
  await source.prefetch(ctx.deps.caches.reads.get(id) ?? [cleanPath(object.spec.path ?? '')], ctx.signal)
  const built = await buildKustomization(object, source.files, variables, {
    strictSubstitution: ctx.deps.settings.strictSubstitution,
    signal: ctx.signal,
    decryption,
    remote: ctx.deps.settings.noRemoteBases ? undefined : createRemoteBases(ctx),
  }).catch((error: unknown) => {
    throw withReason(decryption.redact(toEngineError(error)), 'BuildFailed')
  })
  ctx.deps.caches.reads.set(id, built.reads.directories)
  return { built, revision: source.revision, originRevision }
}

function withReason(error: EngineError, reason: string): EngineError {
  if (error.reason !== undefined || error.disposition === 'retry') return error
  return new EngineError(error.message, {
    code: error.code,
    disposition: error.disposition,
    reason,
    data: error.data,
    cause: error,
  })
}
