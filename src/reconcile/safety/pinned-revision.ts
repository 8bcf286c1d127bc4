import type { SourceArtifact } from '../../sources/index.ts'
import type { Kustomization } from '../../api/index.ts'
import type { RunContext } from '../context.ts'
import { revisionOf, sourceKeyOf, type Managed, type World } from '../world.ts'
import { pinOf, revisionAt } from './pin.ts'

/** The revision of its source that a Kustomization is pinned to; undefined where it follows the source. */
export function pinnedRevision(world: World, object: Managed): string | undefined {
  if (object.kind !== 'Kustomization') return undefined
  const pin = pinOf(object)
  if (pin === undefined) return undefined
  const source = sourceKeyOf(object)
  return revisionAt(source === undefined ? undefined : revisionOf(world, source), pin.to)
}

/**
 * The artifact that a Kustomization is rendered from: that of its source, or the one at the revision that it is pinned to, or that it has applied where windows let only drift be
 * repaired.
 *
 * @throws EngineError as SourceResults.artifact and artifactAt.
 */
export function artifactFor(
  ctx: Pick<RunContext, 'world' | 'sources' | 'frozenAt'>,
  object: Kustomization,
): Promise<SourceArtifact> {
  const key = sourceKeyOf(object)
  const revision = ctx.frozenAt ?? pinnedRevision(ctx.world, object)
  if (key === undefined || revision === undefined || revision === revisionOf(ctx.world, key))
    return ctx.sources.artifact(key)
  // What was applied before was fetched from the reference then.
  const { history = [], lastAppliedRevision } = object.status ?? {}
  const known = [lastAppliedRevision, ...history.map(({ metadata }) => metadata?.['revision'])]
  return ctx.sources.artifactAt(key, revision, { isKnown: known.includes(revision) })
}
