import { mapLimit } from '../../base/index.ts'
import { getCondition, type Kustomization } from '../../api/index.ts'
import { createVersionReader } from '../config-versions.ts'
import type { RunContext } from '../context.ts'
import { idOf, sourceKeyOf } from '../world.ts'
import { inputsDigest, loadInputs, renderReferences, type RecordedInputs } from './inputs.ts'

/** What finding them needs of a run. */
export type UnaffectedContext = Pick<RunContext, 'deps' | 'client' | 'sources' | 'signal'>

/** Kustomizations that are compared at the same time. */
const concurrency = 16

/**
 * Among Kustomizations whose source has a new revision, those that it does not concern: they have applied an older one, are ready, and every file, variable and key that their last
 * render read is as it was, so that another render would give the same objects. Nothing is rendered or written to find out. One that cannot be compared (nothing was noted,
 * a part of it may not be read, its source has no artifact) counts as affected.
 *
 * @returns the revision that each of them need not apply, by its id.
 */
export async function findUnaffected(
  ctx: UnaffectedContext,
  candidates: readonly Kustomization[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  const settled = candidates.filter(isSettled)
  if (settled.length === 0) return found
  const { settings, state, cluster } = ctx.deps
  const inputs = await loadInputs(state, cluster.name, settled.map(idOf))
  const comparable = settled.flatMap((object) => {
    const recorded = inputs.get(idOf(object))
    return recorded?.revision === object.status?.lastAppliedRevision && recorded !== undefined
      ? [{ object, recorded }]
      : []
  })
  const references = comparable.flatMap(({ object }) => renderReferences(object, settings))
  const versions = createVersionReader(ctx.client, references, ctx.signal)
  await mapLimit(comparable, concurrency, async ({ object, recorded }) => {
    const revision = await compare(ctx, object, recorded, versions.read).catch(() => undefined)
    if (revision !== undefined) found.set(idOf(object), revision)
  })
  return found
}

/** Its last run was a success of this generation. */
function isSettled({ metadata, status }: Kustomization): boolean {
  return (
    getCondition(status?.conditions, 'Ready')?.status === 'True' &&
    status?.observedGeneration === metadata.generation &&
    status?.lastAppliedRevision !== undefined
  )
}

/** The revision of the source now, where a render of it would be what is applied. */
async function compare(
  ctx: UnaffectedContext,
  object: Kustomization,
  recorded: RecordedInputs,
  readVersion: ReturnType<typeof createVersionReader>['read'],
): Promise<string | undefined> {
  const { settings } = ctx.deps
  const [source, ...versions] = await Promise.all([
    ctx.sources.artifact(sourceKeyOf(object)),
    ...renderReferences(object, settings).map(readVersion),
  ])
  const digest = await inputsDigest({ object, versions, settings }, source.files, recorded.reads, ctx.signal)
  return digest === recorded.digest ? source.revision : undefined
}
