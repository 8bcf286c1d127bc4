import { EngineError } from '../../base/index.ts'
import type { RunContext } from '../context.ts'
import type { Workload } from '../world.ts'
import { renderKustomizationSide } from './render-kustomization.ts'
import type { SideOptions } from './side-options.ts'
import type { RenderedSide } from './types.ts'

/**
 * A Kustomization or HelmRelease as one of the two commits of a change makes it, by the engine that applies it, and as everybody may read it: with placeholders for every secret that takes part. `ctx` is one that
 * writes nothing and sees the sources and objects of that commit.
 *
 * What is to be shown (see {@link RenderedSide}) depends on references to secrets, never on what these are, whatever templates and substitutions do with them: it comes from renderings that have not seen them.
 *
 * @throws EngineError with the reason that a run would report. Never holds a secret.
 */
export async function renderSide(ctx: RunContext, object: Workload, options: SideOptions): Promise<RenderedSide> {
  if (object.kind === 'Kustomization') return await renderKustomizationSide(ctx, object, options)
  throw new EngineError('HelmReleases are not part of plans of changes yet', { code: 'change-unsupported' })
}
