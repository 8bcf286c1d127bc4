import type { HelmRelease, Kustomization } from '../../api/index.ts'
import { directoryId, retryPending } from '../../files/index.ts'
import { createVersionReader, type VersionReader } from '../config-versions.ts'
import { cleanPath } from '../kustomization/build.ts'
import { digestOfInputs, loadInputs, renderReferences, type RecordedInputs } from '../kustomization/inputs.ts'
import { artifactKeyOf, idOf, idOfKey, originOf, sourceKeyOf, type Workload } from '../world.ts'
import { referencesOf } from './fingerprint.ts'
import { fingerprintOf } from './read-fingerprints.ts'
import type { Sides } from './side.ts'

/** What earlier runs have noted of applications, read for all of them at once. */
export interface Noted {
  readonly inputs: ReadonlyMap<string, RecordedInputs>
  readonly versions: VersionReader
}

/** Reads what was noted of applications. */
export async function loadNoted({ ctx }: Sides, objects: readonly Workload[]): Promise<Noted> {
  const { state, cluster, settings } = ctx.deps
  const own = objects.filter((object) => object.kind === 'Kustomization')
  const inputs = await loadInputs(state, cluster.name, own.map(idOf))
  const references = own.flatMap((object) => (inputs.has(idOf(object)) ? renderReferences(object, settings) : []))
  return { inputs, versions: createVersionReader(ctx.client, references, ctx.signal) }
}

/**
 * Whether an application that is the same object on both sides is also made from the same on both: then the change does nothing to it, and it need not be rendered. What cannot be
 * told, also because a source cannot be fetched, counts as affected.
 */
export async function isUnaffected(sides: Sides, object: Workload, noted: Noted): Promise<boolean> {
  try {
    return object.kind === 'Kustomization'
      ? await hasSameFiles(sides, object, noted)
      : await hasSameChart(sides, object)
  } catch {
    return false // Rendering finds out what is wrong.
  }
}

async function hasSameFiles(sides: Sides, object: Kustomization, { inputs, versions }: Noted): Promise<boolean> {
  const { base, head, ctx, change } = sides
  const key = sourceKeyOf(object)
  const [before, after] = await Promise.all([base.ctx.sources.artifact(key), head.ctx.sources.artifact(key)])
  if (before.digest === after.digest) return true
  const recorded = inputs.get(idOf(object))
  if (recorded === undefined || referencesOf(head, object).some((id) => head.configs.has(id))) return false
  const { settings } = ctx.deps
  const references = renderReferences(object, settings)
  // Versions are something of the cluster.
  if (references.length > 0 && (change.live === 'denied' || change.secrets === 'withheld')) return false
  const found = await Promise.all(
    [{ side: base, artifact: before } as const, { side: head, artifact: after } as const].map(({ side, artifact }) => {
      const source = key === undefined ? undefined : side.ctx.world.get(idOfKey(key))
      const own = source?.kind === 'GitRepository' ? source : undefined
      const shared = { cache: ctx.deps.caches.git, signal: ctx.signal }
      return fingerprintOf(shared, { artifact, source: own }, recorded.reads)
    }),
  )
  const [fingerprint = '', other] = found
  if (fingerprint !== other) return false
  // What was read then says what is to be compared only where the base is as it was then.
  const made = { object, versions: await Promise.all(references.map(versions.read)), settings }
  return digestOfInputs(made, fingerprint) === recorded.digest
}

async function hasSameChart(sides: Sides, object: HelmRelease): Promise<boolean> {
  const { base, head } = sides
  const key = artifactKeyOf(object)
  if (key === undefined) return false
  if (await hasSameDirectory(sides, object)) return true
  const [before, after] = await Promise.all([base.ctx.sources.chart(key), head.ctx.sources.chart(key)])
  return before.digest === after.digest && before.version === after.version
}

/** A chart in Git whose version follows from its own files: where those are the same, nothing has to be packaged to know. */
async function hasSameDirectory({ base, head, ctx }: Sides, object: HelmRelease): Promise<boolean> {
  const key = artifactKeyOf(object)
  const chart = key === undefined ? undefined : head.ctx.world.get(idOfKey(key))
  const origin = chart?.kind === 'HelmChart' ? originOf(chart) : undefined
  if (chart?.kind !== 'HelmChart' || origin === undefined || origin.kind === 'HelmRepository') return false
  if (chart.spec.reconcileStrategy === 'Revision' || (chart.spec.valuesFiles ?? []).length > 0) return false
  const path = cleanPath(chart.spec.chart)
  const idAt = async (side: typeof base): Promise<string> => {
    const { files } = await side.ctx.sources.artifact(origin)
    return retryPending(() => directoryId(files, path), ctx.signal)
  }
  const [before, after] = await Promise.all([idAt(base), idAt(head)])
  return before === after
}
