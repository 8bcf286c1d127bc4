import { fieldManagers, groups } from '../../api/index.ts'
import {
  broughtBy,
  createDirectReader,
  formatKey,
  isNotFound,
  keyOf,
  planStaged,
  policiesOf,
  type ApplyOptions,
  type KubeClient,
  type LiveReader,
  type ObjectFailure,
  type PlannedChange,
} from '../../kube/index.ts'
import { isEngineError, type EngineError } from '../../base/index.ts'
import { liveVersion, raw, type ObjectInput, type Rendered, type TouchedObject } from '../../plan/index.ts'
import type { KubeObject } from '../../resources/index.ts'
import type { RunContext } from '../context.ts'
import { compileIgnoreRules } from '../ignore-rules.ts'
import type { Workload } from '../world.ts'
import type { IsGuessed } from './guessed-names.ts'
import { triedObject } from './pair-objects.ts'
import type { RenderedSide, SideObject } from './types.ts'

/** One object of head with what it was in base. */
export interface HeadObject {
  readonly item: SideObject
  readonly rendered: Rendered
  readonly before: { readonly item: SideObject; readonly rendered: Rendered } | undefined
}

/** What the cluster says of the objects of head. */
export interface Compared {
  readonly objects: readonly ObjectInput[]
  readonly touched: readonly TouchedObject[]
}

/** Objects of base of one application that are dry-run, so that drift can be told from the change in the spelling of the server. Beyond, it is told without. */
const maxBaseDryRuns = 500

/** The objects of both sides, put together. */
export function headObjects(base: RenderedSide | undefined, head: RenderedSide): readonly HeadObject[] {
  const known = new Map(base?.items.map((item, index) => [item.id, { item, rendered: base.objects[index] }]))
  return head.items.flatMap((item, index) => {
    const rendered = head.objects[index]
    if (rendered === undefined) return []
    const found = known.get(item.id)
    const before = found?.rendered === undefined ? undefined : { item: found.item, rendered: found.rendered }
    return [{ item, rendered, before }]
  })
}

/**
 * Asks the cluster what applying head would do to each object, as the identity and with the options of a run, and for objects that the change touches what applying base would do. Reads and dry-runs only.
 *
 * @param all everything that the change applies to this cluster: what comes with it cannot be checked before. @param isGuessed whether the name of an object is not to be looked for.
 * @throws EngineError where the cluster cannot be reached; what it says of one object is in that.
 */
export async function compareWithCluster(
  ctx: RunContext,
  object: Workload,
  objects: readonly HeadObject[],
  {
    client,
    all,
    isGuessed,
  }: { readonly client: KubeClient; readonly all: readonly KubeObject[]; readonly isGuessed: IsGuessed },
): Promise<Compared> {
  const live = rememberingReader()
  const options = { ...applyOptions(ctx, object), live }
  const tried = objects.map(({ item, before }) => triedObject(item, before?.item))
  const plan = await dryRun(client, options, tried)
  // What is really applied, where that is not what is shown: what it touches, for the digest alone.
  const secret = await dryRun(
    client,
    options,
    objects.flatMap(({ item }) => (item.hasPlaceholders && item.desired !== undefined ? [item.desired] : [])),
  )
  const baseTried = objects.flatMap(({ item, before }, index) => {
    const answer = plan.get(tried[index])
    const isOther = before !== undefined && !isSameItem(item, before.item)
    return isOther && answer?.planned?.live !== undefined ? [triedObject(before.item, before.item)] : []
  })
  const baseOf = await dryRun(client, options, baseTried.slice(0, maxBaseDryRuns))
  const baseAnswers = new Map(baseTried.map((one) => [formatKey(keyOf(one)), baseOf.get(one)]))
  const isBrought = broughtBy(all)
  const inputs: ObjectInput[] = []
  const touched: TouchedObject[] = []
  for (const [index, one] of objects.entries()) {
    const shown = tried[index] ?? one.item.shown
    const answer = plan.get(shown)
    const real = one.item.hasPlaceholders && one.item.desired !== undefined ? secret.get(one.item.desired) : answer
    const known = answer?.planned?.live ?? (await knownObject(client, live, shown))
    const same = one.before !== undefined && isSameItem(one.item, one.before.item)
    const baseAnswer = same ? answer : baseAnswers.get(formatKey(keyOf(shown)))
    const stops = whatStops({ answer, item: one.item, shown, isBrought })
    if (one.before === undefined && isGuessed(one.item)) inputs.push({ head: one.rendered, ...asNew(stops) })
    else
      inputs.push({
        base: one.before?.rendered,
        head: one.rendered,
        ...(known === undefined ? {} : { live: raw(known) }),
        ...resultOf('result', answer),
        ...resultOf('baseResult', baseAnswer),
        ...stops,
        ...forceOf(object, shown, known),
      })
    if (real !== undefined && isTouched(real))
      touched.push({ object: raw(one.item.desired ?? shown), version: known && liveVersion(raw(known)) })
  }
  return { objects: inputs, touched }
}

/** What stops an object whether or not the cluster has it: a guess at its name that is right would be an object that is there. */
function asNew({ unchecked, refusal }: ReturnType<typeof whatStops>): ReturnType<typeof whatStops> {
  return {
    ...(unchecked === undefined ? {} : { unchecked }),
    ...(refusal === undefined || refusal.isImmutable ? {} : { refusal }),
  }
}

/** What a dry-run of one object came to. */
interface Answer {
  readonly planned?: PlannedChange
  readonly failure?: ObjectFailure
}

type Options = Omit<ApplyOptions, 'objects'>

/** Dry-runs objects; the answers by the object that was given. */
async function dryRun(
  client: KubeClient,
  options: Options,
  objects: readonly KubeObject[],
): Promise<ReadonlyMap<KubeObject | undefined, Answer>> {
  if (objects.length === 0) return new Map()
  const { changes, errors } = await planStaged(client, { ...options, objects })
  const answers = new Map<KubeObject | undefined, Answer>(changes.map((planned) => [planned.source, { planned }]))
  const failures = new Map(errors.map((failure) => [formatKey(failure.key), failure]))
  for (const object of objects) {
    const failure = answers.has(object) ? undefined : failures.get(formatKey(keyOf(object)))
    if (failure !== undefined) answers.set(object, { failure })
  }
  return answers
}

/** As a run applies the objects, but that what cannot be changed is always looked at as if it could be recreated: only so the server tells that it is for this. */
function applyOptions(ctx: RunContext, object: Workload): Options {
  const { name, namespace = '' } = object.metadata
  const { settings, limits } = ctx.deps
  const common = { force: true, concurrency: limits.applyConcurrency, signal: ctx.signal }
  if (object.kind === 'HelmRelease')
    return {
      ...common,
      owner: { kind: 'HelmRelease', group: groups.helm, name, namespace },
      fieldManager: fieldManagers.helm,
    }
  const ignoredFields = compileIgnoreRules(object.spec.ignore ?? [], 'spec.ignore')
  return {
    ...common,
    owner: { kind: 'Kustomization', group: groups.kustomize, name, namespace },
    fieldManager: fieldManagers.kustomization,
    customStageKinds: new Set(settings.customApplyStageKinds),
    overrideManagers: settings.overrideManagers,
    ...(ignoredFields === undefined ? {} : { ignoredFields }),
  }
}

/** Objects that are deleted and created again although their application does not say so. */
function forceOf(object: Workload, shown: KubeObject, live: KubeObject | undefined): { readonly force?: boolean } {
  if (object.kind !== 'Kustomization') return {}
  return [shown, live].some((one) => policiesOf(one, groups.kustomize).force) ? { force: true } : {}
}

/** What the server answered; an object that would be recreated or left alone has no such answer. */
function resultOf<K extends 'result' | 'baseResult'>(
  name: K,
  answer: Answer | undefined,
): { readonly [name in K]?: ObjectInput[K] } {
  const planned = answer?.planned
  if (planned === undefined || planned.refusal !== undefined || planned.isUnchecked === true) return {}
  if (planned.change.action === 'skipped') return {}
  return { [name]: raw(planned.result) } as { [name in K]?: ObjectInput[K] }
}

function whatStops({
  answer,
  item,
  shown,
  isBrought,
}: {
  readonly answer: Answer | undefined
  readonly item: SideObject
  readonly shown: KubeObject
  readonly isBrought: ReturnType<typeof broughtBy>
}): Pick<ObjectInput, 'skip' | 'refusal' | 'unchecked'> {
  const planned = answer?.planned
  if (planned?.change.action === 'skipped') return { skip: raw(planned.change.note ?? 'it is left alone') }
  if (planned?.isUnchecked === true) return { unchecked: raw(planned.change.note ?? 'not checked') }
  const brought = isBrought(shown)
  if (answer?.failure !== undefined && brought !== undefined && isForWantOfIt(answer.failure.error))
    return { unchecked: raw(`not checked: its ${brought} comes with the same change`) }
  // A placeholder may stand where a number must, and whether the real value is refused tells of it: `replicas: ${password/guess/1}`.
  if (item.hasPlaceholders) return {}
  if (planned?.refusal !== undefined) return { refusal: { message: raw(planned.refusal.message), isImmutable: true } }
  return answer?.failure === undefined
    ? {}
    : { refusal: { message: raw(messageOf(answer.failure.error)), isImmutable: false } }
}

/** What is refused of an object that is there, and would be if it were new: only the latter does not depend on what is there. */
function messageOf(error: EngineError): string {
  return error.code === 'replacement-invalid' && error.cause instanceof Error ? error.cause.message : error.message
}

function isForWantOfIt(error: unknown): boolean {
  return isNotFound(error) || (isEngineError(error) && error.code === 'kube-kind-unknown')
}

function isTouched({ planned, failure }: Answer): boolean {
  return failure !== undefined || planned?.change.action === 'created' || planned?.change.action === 'configured'
}

function isSameItem(a: SideObject, b: SideObject): boolean {
  return a.hasPlaceholders === b.hasPlaceholders && JSON.stringify(a.shown) === JSON.stringify(b.shown)
}

/** An object that the server refuses is compared all the same. */
async function knownObject(client: KubeClient, live: LiveReader, object: KubeObject): Promise<KubeObject | undefined> {
  try {
    const state = await live.read(client, keyOf(object))
    return state.state === 'present' ? state.object : undefined
  } catch (error) {
    if (isForWantOfIt(error)) return undefined
    throw error
  }
}

/** Each object is read once: base and head are compared with the same state of it. */
function rememberingReader(): LiveReader {
  const direct = createDirectReader()
  const known = new Map<string, ReturnType<LiveReader['read']>>()
  return {
    read: (client, key, options) => {
      const id = formatKey(key)
      const found = known.get(id) ?? direct.read(client, key, options)
      known.set(id, found)
      return found
    },
    remember: (_client, key, object) =>
      void known.set(
        formatKey(key),
        Promise.resolve(object === undefined ? { state: 'absent' } : { state: 'present', object }),
      ),
  }
}
