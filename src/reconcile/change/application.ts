import { DiagnosticsError, isEngineError, toEngineError, type EngineError } from '../../base/index.ts'
import {
  raw,
  type ApplicationInput,
  type ApplicationKey,
  type DigestApplication,
  type ErrorInput,
  type TouchedObject,
} from '../../plan/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { targetChange } from '../helmrelease/target.ts'
import type { Safety } from '../safety/safety.ts'
import { tenantOfObject } from '../tenancy.ts'
import { idOf, type Workload } from '../world.ts'
import { compareWithCluster, headObjects } from './compare-cluster.ts'
import { desiredOf } from './desired.ts'
import { deadDependencies, heldBecause, isAway, stateOf, suspendedParents } from './facts.ts'
import { guessedNames, type IsGuessed } from './guessed-names.ts'
import { goneFromCluster, goneFromGit, inventoryIdOf } from './gone-objects.ts'
import type { Sides } from './side.ts'
import { isPolicy } from './source-error.ts'
import type { RenderedSide } from './types.ts'
import { deletesWhatIsGone, type Examined } from './walk.ts'

/** What all applications of a plan share. */
export interface PlanScope {
  readonly sides: Sides
  readonly safety: Safety
  /** Everything that head applies, by the cluster that it goes to. */
  readonly applied: ReadonlyMap<string, readonly KubeObject[]>
  /** Which application has an object in head: `cluster inventory-id` to ids. */
  readonly owners: ReadonlyMap<string, ReadonlySet<string>>
  readonly isGuessed: IsGuessed
}

/** One application of the plan, and what is approved with it; undefined where that cannot be told. */
export interface PlannedChangeApplication {
  readonly application: ApplicationInput
  readonly digest: DigestApplication | undefined
}

/** Collects what the applications of a change need to know of each other. */
export function planScope(sides: Sides, safety: Safety, touched: readonly Examined[]): PlanScope {
  const applied = new Map<string, KubeObject[]>()
  const owners = new Map<string, Set<string>>()
  for (const { id, head, rendered } of touched) {
    if (head === undefined || rendered.head === undefined) continue
    const cluster = clusterOf(sides.head.ctx, head)
    const objects = applied.get(cluster) ?? []
    for (const item of rendered.head.items) {
      // That a namespace has the name that somebody guessed must not be told.
      objects.push(item.shown)
      const key = `${cluster} ${inventoryIdOf(item)}`
      owners.set(key, (owners.get(key) ?? new Set()).add(id))
    }
    applied.set(cluster, objects)
  }
  return { sides, safety, applied, owners, isGuessed: guessedNames(touched) }
}

/** A reference to another cluster that is wrong is told where the cluster is asked. */
function clusterOf(ctx: RunContext, object: Workload): string {
  try {
    return ctx.identities.clusterOf(object)
  } catch {
    return ''
  }
}

/**
 * Plans one application of a change, from its two renderings and what the cluster says of them.
 *
 * @throws EngineError where the cluster of the plan cannot be reached. What is wrong with the application is in its errors.
 */
export async function planApplication(
  scope: PlanScope,
  examined: Examined,
): Promise<PlannedChangeApplication | undefined> {
  const object = examined.head ?? examined.base
  if (object === undefined) return undefined
  const { sides, safety } = scope
  const key: ApplicationKey = {
    cluster: sides.ctx.job.cluster,
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name,
  }
  const compared = await compare(scope, examined, object)
  const errors = [...errorsOf(examined), ...compared.errors]
  const isFailed = examined.failures.head !== undefined || compared.hasFailed
  const { state, reasons } = stateOf(isFailed, heldBecause(sides, safety, object))
  const notes = [...reasons, ...notesOf(examined)]
  const { base, head } = examined.rendered
  const application: ApplicationInput = {
    ...key,
    ...tenantOf(sides.ctx, object),
    ...destinationOf(object),
    state,
    ...(notes.length === 0 ? {} : { reason: raw(notes.join('; ')) }),
    errors,
    prune: deletesWhatIsGone(examined.base, examined.head),
    force: object.kind === 'Kustomization' && object.spec.force === true,
    live: compared.live,
    hasSecrets: hasSecrets(examined, object),
    suspendedParents: suspendedParents(sides, examined),
    deadDependencies: examined.head === undefined ? [] : deadDependencies(sides, object),
    ...(base?.chart === undefined && head?.chart === undefined
      ? {}
      : { chart: { base: base?.chart, head: head?.chart } }),
    objects: compared.objects,
  }
  return { application, digest: digestOf(key, examined, compared.touched) }
}

interface Compared {
  readonly objects: ApplicationInput['objects']
  readonly touched: readonly TouchedObject[]
  readonly errors: readonly ErrorInput[]
  readonly live: ApplicationInput['live']
  readonly hasFailed: boolean
}

async function compare(scope: PlanScope, examined: Examined, object: Workload): Promise<Compared> {
  const { head } = examined.rendered
  const base = comparedBase(examined)
  const { change, local } = scope.sides
  const fromGit = (live: ApplicationInput['live'], errors: readonly ErrorInput[]): Compared => ({
    objects:
      examined.failures.head !== undefined
        ? []
        : [
            ...(head === undefined
              ? []
              : headObjects(base, head).map(({ before, rendered }) => ({ base: before?.rendered, head: rendered }))),
            ...goneFromGit({ base, head }),
          ],
    touched: [],
    errors,
    live,
    hasFailed: errors.length > 0,
  })
  // Nobody denies it to the owner of a working copy: there is no cluster.
  if (change.live === 'denied') return fromGit(local === undefined ? 'denied' : 'not-asked', [])
  if (examined.failures.head !== undefined) return fromGit('not-asked', [])
  try {
    return await compareLive(scope, examined, object)
  } catch (caught) {
    const error = toEngineError(caught)
    if (['cluster-unreachable', 'aborted', 'kube-unauthorized'].includes(error.code)) throw error
    return fromGit(isAway(error) ? 'unreachable' : 'not-asked', [
      { message: raw(error.message), phase: error.code === 'tenancy-refused' ? 'policy' : 'dry-run' },
    ])
  }
}

async function compareLive(scope: PlanScope, examined: Examined, object: Workload): Promise<Compared> {
  const { sides, applied, owners, isGuessed } = scope
  const { head } = examined.rendered
  const base = comparedBase(examined)
  const ctx = examined.head === undefined ? sides.base.ctx : sides.head.ctx
  const client = await ctx.identities.of(object)
  const cluster = clusterOf(ctx, object)
  const asked =
    head === undefined
      ? { objects: [], touched: [] }
      : await compareWithCluster(ctx, object, headObjects(base, head), {
          client,
          all: applied.get(cluster) ?? [],
          isGuessed,
        })
  const claimed = new Set<string>()
  for (const [key, ids] of owners) {
    const [of, entry = ''] = splitOnce(key)
    if (of === cluster && [...ids].some((id) => id !== idOf(object))) claimed.add(entry)
  }
  const gone = await goneFromCluster(ctx, client, {
    object,
    isDeleted: examined.head === undefined,
    base,
    head,
    prune: deletesWhatIsGone(examined.base, examined.head),
    claimed,
  })
  return {
    objects: [...asked.objects, ...gone.objects],
    touched: [...asked.touched, ...gone.touched],
    errors: gone.errors,
    live: 'read',
    hasFailed: false,
  }
}

/** Base as far as head can be compared with it: of what it applies to another cluster there is nothing here yet. */
function comparedBase({ base, head, rendered }: Examined): RenderedSide | undefined {
  return base !== undefined && head !== undefined && goesElsewhere(base, head) ? undefined : rendered.base
}

function goesElsewhere(base: Workload, head: Workload): boolean {
  return destinationOf(base).destination !== destinationOf(head).destination
}

/** What says which cluster an application is applied to, where that is not the cluster of the plan. */
function destinationOf({ metadata, spec }: Workload): { readonly destination?: string } {
  return spec.kubeConfig === undefined
    ? {}
    : { destination: JSON.stringify([metadata.namespace ?? '', spec.kubeConfig]) }
}

function splitOnce(key: string): readonly [string, string?] {
  const at = key.indexOf(' ')
  return [key.slice(0, at), key.slice(at + 1)]
}

/** Every finding of what could not be rendered, with its place. */
function errorsOf({ failures }: Examined): readonly ErrorInput[] {
  const { head } = failures
  if (head === undefined) return []
  const phase = phaseOf(head)
  if (!(head instanceof DiagnosticsError)) return [{ message: raw(head.message), phase }]
  return head.diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(({ message, file, line, field, object }) => ({
      message: raw([object, field, message].filter((part) => part !== undefined && part !== '').join(': ')),
      phase,
      ...(file === undefined ? {} : { file }),
      ...(line === undefined ? {} : { line }),
    }))
}

function phaseOf(error: EngineError): string {
  if (isPolicy(error)) return 'policy'
  const { reason } = error
  return reason === 'ArtifactFailed' || reason === 'SourceNotReady' ? 'source' : 'render'
}

/** What else is to be known of an application. */
function notesOf({ base, head, failures, rendered }: Examined): readonly string[] {
  const notes: string[] = []
  if (failures.base !== undefined && failures.head === undefined)
    notes.push(`the base cannot be rendered, so that head is compared with the cluster alone: ${failures.base.message}`)
  if (head === undefined && base !== undefined)
    notes.push(
      base.kind === 'HelmRelease' && deletesWhatIsGone(base, head)
        ? 'the change deletes it, and its release is uninstalled'
        : 'the change deletes it',
    )
  if (base !== undefined && head !== undefined && goesElsewhere(base, head))
    notes.push('it is applied to another cluster than before, and what it has applied to that one stays there')
  if (head?.kind === 'HelmRelease' && rendered.head?.chart !== undefined) {
    const target = targetChange(head, rendered.head.chart.name)
    if (target !== undefined) notes.push(`the current release is uninstalled first, because its ${target} changes`)
    const hooks = rendered.head.hooks ?? 0
    if (hooks > 0) notes.push(`${hooks} hooks of the chart run with it, and are not planned`)
  }
  return notes
}

/** Of what could not be rendered it is not known whether a secret took part. */
function hasSecrets({ rendered, failures }: Examined, object: Workload): boolean {
  if (rendered.base?.hasSecrets === true || rendered.head?.hasSecrets === true) return true
  if (failures.base === undefined && failures.head === undefined) return false
  if (object.kind === 'HelmRelease') return (object.spec.valuesFrom ?? []).some(({ kind }) => kind === 'Secret')
  const { decryption, postBuild } = object.spec
  return decryption !== undefined || (postBuild?.substituteFrom ?? []).some(({ kind }) => kind === 'Secret')
}

/** An object that is nobody's has no tenant; that it is refused is among the errors. */
function tenantOf(ctx: RunContext, object: Workload): { readonly tenant?: string } {
  try {
    const tenant = tenantOfObject(ctx, object)
    return tenant === undefined ? {} : { tenant: tenant.name }
  } catch (error) {
    if (!isEngineError(error)) throw error
    return {}
  }
}

function digestOf(
  key: ApplicationKey,
  { base, head, rendered }: Examined,
  touched: readonly TouchedObject[],
): DigestApplication | undefined {
  if (head === undefined) return base === undefined ? undefined : { ...key, desired: [], artifacts: {}, touched }
  const { desired, artifacts, failure } = rendered.head ?? {}
  // Whether it renders with its secrets is not told, also not by how many digests there are. Nothing is ever the same as this.
  if (failure !== undefined && artifacts !== undefined)
    return { ...key, desired: [raw({ failure: true })], artifacts, touched }
  if (desired === undefined || artifacts === undefined) return undefined
  return { ...key, ...desiredOf(head, { objects: desired, artifacts }), touched }
}
