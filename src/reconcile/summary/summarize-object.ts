import { ownAnnotations, type Condition } from '../../api/index.ts'
import { isEngineError, printUrl } from '../../base/index.ts'
import type { Blocker } from '../dependencies.ts'
import {
  artifactKeyOf,
  blockersOf,
  dependenciesOf,
  idOfKey,
  isSource,
  keyOf,
  originOf,
  parentOf,
  revisionOf,
  sourceKeyOf,
  type Managed,
  type Source,
  type Workload,
  type World,
} from '../world.ts'
import type { Held } from '../safety/decide.ts'
import { pinOf, type Pin } from '../safety/pin.ts'
import { commitsIn } from './revision.ts'
import type { ObjectSummary } from './types.ts'

/** Characters of a condition's message that are kept. */
export const maxMessageLength = 2_000

type Described = Omit<ObjectSummary, 'outcomes' | 'lastChange' | 'version'>

/** What is told about an object, without what runs did to it. Picks single fields, so that nothing new of a spec gets out by itself. */
export function describeObject(world: World, object: Managed, held?: Held): Described {
  const { metadata, status } = object
  const parent = parentOf(object)
  const pin = pinOf(object)
  const observed = status !== undefined && 'observedGeneration' in status ? status.observedGeneration : undefined
  return {
    ...keyOf(object),
    generation: metadata.generation ?? 0,
    ...(observed === undefined ? {} : { observedGeneration: observed }),
    suspended: 'suspend' in object.spec && object.spec.suspend === true,
    ...describeOrders(metadata.annotations ?? {}),
    ...(held === undefined ? {} : { held }),
    ...(pin === undefined ? {} : { pin: clipPin(pin) }),
    deleting: metadata.deletionTimestamp !== undefined,
    conditions: (status?.conditions ?? []).map(pickCondition),
    ...(parent === undefined ? {} : { parent }),
    commits: commitsOf(world, object),
    ...(isSource(object) ? describeSource(object) : describeWorkload(world, object)),
  }
}

/** What somebody has written on an object by hand: who suspended it, and its own windows. */
function describeOrders(notes: { readonly [name: string]: string }): Pick<Described, 'suspension' | 'windows'> {
  const bounded = (name: string, length: number): string | undefined => {
    const text = notes[name]
    return text === undefined || text === '' ? undefined : clip(text, length)
  }
  const by = bounded(ownAnnotations.suspendedBy, 253)
  const reason = bounded(ownAnnotations.suspendedReason, 400)
  const until = bounded(ownAnnotations.suspendedUntil, 40)
  const windows = bounded(ownAnnotations.windows, 2_000)
  const suspension = {
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(until === undefined ? {} : { until }),
  }
  return {
    ...(Object.keys(suspension).length === 0 ? {} : { suspension }),
    ...(windows === undefined ? {} : { windows }),
  }
}

/** Somebody's words, bounded. */
function clipPin({ to, by, reason, until }: Pin): Pin {
  return {
    to: clip(to, 100),
    ...(by === undefined ? {} : { by: clip(by, 253) }),
    ...(reason === undefined ? {} : { reason: clip(reason, 400) }),
    ...(until === undefined ? {} : { until: clip(until, 40) }),
  }
}

function pickCondition(condition: Condition): Condition {
  const { type, status, reason, message, lastTransitionTime, observedGeneration } = condition
  return {
    type,
    status,
    reason,
    message: clip(message, maxMessageLength),
    lastTransitionTime,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  }
}

type Part = Pick<
  ObjectSummary,
  | 'attemptedRevision'
  | 'appliedRevision'
  | 'unaffectedBy'
  | 'source'
  | 'url'
  | 'path'
  | 'chart'
  | 'dependsOn'
  | 'blockers'
  | 'inventory'
>

function describeSource(object: Source): Part {
  const source = originOf(object)
  const revision = object.status?.artifact?.revision
  return {
    ...(source === undefined ? {} : { source }),
    ...(revision === undefined ? {} : { attemptedRevision: revision, appliedRevision: revision }),
    ...('url' in object.spec ? { url: printAnyUrl(object.spec.url) } : {}),
    ...('endpoint' in object.spec ? { url: `${printAnyUrl(object.spec.endpoint)}/${object.spec.bucketName}` } : {}),
    ...(object.kind === 'HelmChart'
      ? { chart: { name: object.spec.chart, ...(revision === undefined ? {} : { version: revision }) } }
      : {}),
    dependsOn: [],
    blockers: [],
  }
}

function describeWorkload(world: World, object: Workload): Part {
  const { status } = object
  const source = sourceKeyOf(object) ?? artifactKeyOf(object)
  const inventory = status?.inventory?.entries.length
  const attempted = status?.lastAttemptedRevision
  const own = object.kind === 'Kustomization' ? describeKustomization(world, object) : describeRelease(object)
  return {
    ...(source === undefined ? {} : { source }),
    ...(attempted === undefined ? {} : { attemptedRevision: attempted }),
    ...(inventory === undefined ? {} : { inventory }),
    dependsOn: dependenciesOf(object).map((reference) => reference.id),
    blockers: blockersNow(world, object),
    ...own,
  }
}

function describeKustomization(
  world: World,
  object: Extract<Workload, { kind: 'Kustomization' }>,
): Pick<Part, 'appliedRevision' | 'unaffectedBy' | 'path'> {
  const applied = object.status?.lastAppliedRevision
  const unaffectedBy = world.unaffectedBy(object)
  return {
    path: object.spec.path ?? './',
    ...(applied === undefined ? {} : { appliedRevision: applied }),
    ...(unaffectedBy === undefined || unaffectedBy === applied ? {} : { unaffectedBy }),
  }
}

function describeRelease(object: Extract<Workload, { kind: 'HelmRelease' }>): Pick<Part, 'appliedRevision' | 'chart'> {
  const deployed = object.status?.history?.find((snapshot) => snapshot.status === 'deployed')
  if (deployed !== undefined) {
    const { chartName: name, chartVersion: version, appVersion } = deployed
    return {
      appliedRevision: version,
      chart: { name, version, ...(appVersion === undefined ? {} : { appVersion }) },
    }
  }
  const name = object.spec.chart?.spec.chart ?? object.spec.chartRef?.name
  return name === undefined ? {} : { chart: { name } }
}

/** What an object that is not ready waits for. One whose `readyExpr` does not compile says so in its own condition. */
function blockersNow(world: World, object: Workload): readonly Blocker[] {
  const ready = object.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.status === 'True') return []
  try {
    return blockersOf(world, object).map(({ id, message }) => ({ id, message: clip(message, maxMessageLength) }))
  } catch (error) {
    if (isEngineError(error)) return []
    throw error
  }
}

/** The commits that an object's state comes from: its own revision's; of a release those of its chart's source and of what applied it. */
export function commitsOf(world: World, object: Managed): readonly string[] {
  if (object.kind === 'Kustomization') {
    const { status } = object
    return commitsIn(status?.lastAppliedRevision, status?.lastAttemptedRevision, status?.lastAppliedOriginRevision)
  }
  if (isSource(object)) {
    const { artifact } = object.status ?? {}
    const observed = object.kind === 'HelmChart' ? object.status?.observedSourceArtifactRevision : undefined
    return commitsIn(artifact?.revision, artifact?.metadata?.['org.opencontainers.image.revision'], observed)
  }
  const artifact = artifactKeyOf(object)
  const related = [artifact === undefined ? undefined : idOfKey(artifact), parentOf(object)]
  return [
    ...new Set([
      ...commitsIn(object.status?.lastAttemptedRevision),
      ...related.flatMap((id) => {
        const other = id === undefined ? undefined : world.get(id)
        return other === undefined || other.kind === 'HelmRelease' ? [] : commitsOf(world, other)
      }),
    ]),
  ]
}

/** The commits that a run works on an object for: those of the source of a Kustomization, which may have applied another one. */
export function commitsAtHand(world: World, object: Managed): readonly string[] {
  const source = object.kind === 'Kustomization' ? sourceKeyOf(object) : undefined
  const found = source === undefined ? [] : commitsIn(revisionOf(world, source))
  return found.length > 0 ? found : commitsOf(world, object)
}

/** `text`, cut to `length` characters where it is longer. */
export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`
}

/** The URL of a source without credentials. Those that are no URLs (`git@host:path`) hold none. */
function printAnyUrl(url: string): string {
  return URL.canParse(url) ? printUrl(url) : url.replace(/^[^@/\s]*@/, '')
}
