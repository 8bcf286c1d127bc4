import { labels } from '../../api/index.ts'
import { EngineError } from '../../base/index.ts'
import {
  findFlux,
  heldLocks,
  labelPart,
  mapFlags,
  notApart,
  proveUnchanged,
  selectPart,
  shardPatch,
  shardSelector,
  startControllers,
  stopControllers,
  surveyFlux,
  verifyHandOver,
  type FluxInstallation,
  type FluxSurvey,
  type HandOver,
  type MappedFlags,
  type Proof,
  type Verification,
} from '../../migrate/index.ts'
import {
  describeSuspension,
  keyOf,
  loadWorld,
  readClusterState,
  resumeCluster,
  suspendCluster,
  type EngineDeps,
  type Settings,
  type World,
} from '../../reconcile/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { actorName, withCluster, type Cluster } from '../target/cluster.ts'
import { withEngine, type SettingFlags } from '../target/engine.ts'
import { namespaceOf, type TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { firstRun, lookAtCluster, openBeside } from './migrate-deployment.ts'
import { backText, nextSteps, proofText, surveyText, verificationLine } from './migrate-flux-text.ts'

/** Flags of `migrate flux`. */
export interface MigrateFluxFlags extends TargetFlags, SettingFlags {
  readonly dryRun?: boolean
  readonly acceptChanges?: boolean
  readonly undo?: boolean
  readonly kustomization?: readonly string[]
  readonly path?: string
  readonly shard: string
  readonly sluiceStopped?: boolean
  readonly holdNamespace: string
}

/** What a verb of a migration has at hand. */
interface Work {
  readonly flags: MigrateFluxFlags
  readonly terminal: Terminal
  readonly progress: Progress
  readonly cluster: Cluster
  readonly flux: FluxInstallation
}

/** Does `migrate flux`. Exit code 1 where something would change, or is not as it should be, and nothing was handed over. */
export async function runMigrateFlux(flags: MigrateFluxFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const progress = createProgress(terminal)
  if (!/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(flags.shard)) throw usageError('--shard must be a label value')
  await withCluster(flags, terminal, async (cluster) => {
    const namespace = namespaceOf(flags, process.env)
    const flux = await findFlux(cluster.client, namespace, cluster.signal)
    if (!flux.controllers.some((one) => one.isServed)) {
      throw new EngineError(
        `there is no controller of Flux in namespace '${namespace}'; name theirs with -n, or see 'sluice migrate kubectl' and 'sluice migrate helm'`,
        { code: 'not-found', disposition: 'wait' },
      )
    }
    const work: Work = { flags, terminal, progress, cluster, flux }
    if (flags.undo === true) await giveBack(work)
    else await withEngine(cluster, flags, (deps) => takeOver(work, deps))
  })
}

function isPart({ kustomization, path }: MigrateFluxFlags): boolean {
  return kustomization !== undefined || path !== undefined
}

async function takeOver(work: Work, given: EngineDeps): Promise<void> {
  const { flags, terminal, progress, cluster, flux } = work
  const mapped = mapFlags(flux.controllers.filter((one) => one.isServed))
  const world = await loadWorld(cluster.client, mapped.settings.namespaces ?? [], 'all', cluster.signal)
  const part = isPart(flags) ? selectPart(world, wishOf(flags)) : undefined
  const survey = await surveyFlux(cluster.client, world, cluster.signal)
  const settings = settingsOf(work, mapped, survey, part !== undefined)
  // What a part serves is labelled only afterwards.
  const deps = { ...given, settings: { ...given.settings, ...settings, watchLabelSelector: '' } }
  progress.wait('rendering, and asking the API server for a dry-run of every object')
  const proof = await proveUnchanged(deps, {
    objects: part?.map(keyOf),
    mayRemoteBases: mapped.relaxed.remoteBases,
    signal: cluster.signal,
  })
  progress.done('nothing was written')
  const verified = await verifyHandOver(cluster.client, world, cluster.signal, (one) =>
    part === undefined ? true : part.some((object) => object === one),
  )
  const wanted = { ...settings, ...proof.needs }
  const blockers = blockersOf(work, proof, survey, verified, part !== undefined)
  const apart = part === undefined ? [] : notApart(flux.controllers, flags.shard)
  const answer = { flux, mapped, survey, proof, verified, settings: wanted }
  const isDone = blockers.length === 0 && apart.length === 0 && flags.dryRun !== true
  if (isDone) await handOver(work, part)
  const deployment = isDone ? openBeside(flags, terminal) : undefined
  const first = deployment && (await firstRun(deployment, clusterNameOf(work), terminal))
  const after = isDone && part === undefined ? await verifyHandOver(cluster.client, world, cluster.signal) : undefined
  const steps = nextSteps({ ...answer, cluster: clusterNameOf(work), isHandedOver: isDone, isPart: part !== undefined })
  printAnswer(terminal, flags.output, {
    data: { ...answerData(answer), part: part?.map(keyOf), handedOver: isDone, firstRun: first, blockers, steps },
    names: proof.nodes.map(({ record }) => `${record.kind.toLowerCase()}/${record.name}`),
    text: (style) => [surveyText(answer, style), proofText(proof, verified, style), steps].join('\n'),
  })
  for (const problem of blockers) progress.fail(problem)
  if (apart.length > 0) {
    const names = apart.map((one) => one.name).join(', ')
    progress.fail(
      `${names} would go on serving what is labelled ${shardSelector(flags.shard)}. Commit this to flux-system/kustomization.yaml, wait for Flux to apply it, and run this again:\n${shardPatch}`,
    )
  }
  if (after !== undefined) progress.done(verificationLine(after))
  if (first !== undefined && first !== 'succeeded') process.exitCode = exitCodes.negative
  if (!isDone && (flags.dryRun !== true || blockers.length > 0 || apart.length > 0))
    process.exitCode = exitCodes.negative
}

function wishOf(flags: MigrateFluxFlags): Parameters<typeof selectPart>[1] {
  return { names: flags.kustomization ?? [], path: flags.path, namespace: namespaceOf(flags, process.env) }
}

/** Settings of a deployment that does as these controllers do. */
function settingsOf({ flags }: Work, mapped: MappedFlags, survey: FluxSurvey, isPartly: boolean): Partial<Settings> {
  const isCross = mapped.relaxed.crossNamespaceRefs && survey.crossNamespace.length > 0
  return {
    ...mapped.settings,
    ...(isCross || flags.allowCrossNamespaceRefs === true ? { noCrossNamespaceRefs: false } : {}),
    ...(flags.allowRemoteBases === true ? { noRemoteBases: false } : {}),
    ...(isPartly ? { watchLabelSelector: shardSelector(flags.shard) } : {}),
  }
}

/** Why nothing is handed over. */
function blockersOf(
  { flags }: Work,
  proof: Proof,
  survey: FluxSurvey,
  { problems }: Verification,
  isPartly: boolean,
): readonly string[] {
  const found = [
    ...(proof.changed.length > 0
      ? [`${proof.changed.length} of ${proof.nodes.length} objects would change something`]
      : []),
    ...(proof.broken.length > 0 ? [`${proof.broken.length} objects that are ready now would fail`] : []),
    ...(isPartly ? [] : survey.unserved.filter((one) => one.isBlocking)).map(
      ({ kind, count, message }) => `${count} ${kind}: ${message}`,
    ),
    ...problems,
  ]
  if (found.length === 0 || flags.acceptChanges === true) return []
  return [...found, 'nothing is handed over; --accept-changes goes on in spite of this']
}

async function handOver(work: Work, part: ReturnType<typeof selectPart> | undefined): Promise<void> {
  const run = handOverRun(work)
  if (part !== undefined) await labelPart(run, part, work.flags.shard)
  else {
    await stopControllers(run, work.flux)
    await letSluiceWork(work)
  }
}

function handOverRun({ cluster, progress }: Work): HandOver {
  const { client, signal, deadline } = cluster
  return { client, signal, deadline, onStep: (message) => progress.begin(message) }
}

async function giveBack(work: Work): Promise<void> {
  const { flags, terminal, progress, cluster, flux } = work
  const { client, signal } = cluster
  const { namespaces = [] } = mapFlags(flux.controllers.filter((one) => one.isServed)).settings
  const look = (): Promise<World> => loadWorld(client, namespaces, 'all', signal)
  const world = await look()
  const part = isPart(flags)
    ? selectPart(world, wishOf(flags)).filter(({ metadata }) => metadata.labels?.[labels.sharding] === flags.shard)
    : undefined
  const before = await verifyHandOver(client, world, signal, (one) => part?.some((object) => object === one) ?? true)
  const isNothing = part?.length === 0 || (part === undefined && !flux.controllers.some(isStopped))
  const isDone = flags.dryRun !== true && !isNothing
  if (isDone) await keepSluiceAway(work)
  if (isDone && part !== undefined) await labelPart(handOverRun(work), part, null)
  else if (isDone) await startControllers(handOverRun(work), flux)
  const after = isDone ? await verifyHandOver(client, await look(), signal) : before
  printAnswer(terminal, flags.output, {
    data: {
      undone: isDone,
      controllers: flux.controllers.map(({ name, remembered }) => ({ name, replicas: remembered })),
      verified: after,
    },
    names: flux.controllers.map(({ name }) => `deployment/${name}`),
    text: () => backText(flux, part, { isDone, isNothing }),
  })
  for (const problem of after.problems) progress.fail(problem)
  if (after.problems.length > 0) process.exitCode = exitCodes.negative
  else progress.done(verificationLine(after))
}

function isStopped({ remembered }: FluxInstallation['controllers'][number]): boolean {
  return remembered !== undefined
}

/** Why the switch of a cluster was thrown by an undo: what a later hand-over takes back, and nothing else. */
const heldReason = 'Flux serves the cluster again'

/**
 * Two that serve one cluster undo each other's work. The switch in the cluster keeps every deployment from it (`sluice suspend cluster`); a run that is under way is not begun again, but
 * goes on to its end, so it is looked for, after that. A part needs no switch: without its label it is not served any more.
 */
async function keepSluiceAway({ cluster, flags, terminal, progress }: Work): Promise<void> {
  const { client, signal, requests } = cluster
  if (!isPart(flags) && flags.sluiceStopped !== true) {
    progress.begin(`suspending the cluster for Sluice (ConfigMap ${flags.holdNamespace}/sluice-hold)`)
    await suspendCluster(requests, flags.holdNamespace, { by: actorName(process.env), reason: heldReason })
  }
  const held = await heldLocks(client, signal)
  if (held.length > 0)
    throw stillServed(`Sluice works on the cluster now: ${held.join(', ')}; try again when it is done`)
  const deployment = openBeside(flags, terminal)
  const active = deployment && (await lookAtCluster(deployment, clusterNameOf({ flags, cluster }))).active[0]
  if (deployment !== undefined && active !== undefined)
    throw stillServed(`run ${active} of ${deployment.url} works on the cluster; try again when it is over`)
}

/** After a hand-over: the switch that an undo has thrown. One that somebody has thrown for another reason stays. */
async function letSluiceWork({ cluster, flags, progress }: Work): Promise<void> {
  const { suspension } = await readClusterState(cluster.client, flags.holdNamespace, cluster.signal)
  if (suspension === undefined) return
  if (suspension.reason !== heldReason) {
    progress.warn(`the cluster is ${describeSuspension(suspension)}; sluice resume cluster when it is time`)
    return
  }
  await resumeCluster(cluster.requests, flags.holdNamespace, actorName(process.env))
  progress.begin('resuming the cluster for Sluice')
}

function stillServed(message: string): EngineError {
  return new EngineError(message, { code: 'still-served', disposition: 'wait' })
}

function clusterNameOf({ flags, cluster }: Pick<Work, 'flags' | 'cluster'>): string {
  return flags.cluster ?? cluster.client.cluster
}

function answerData(answer: {
  readonly flux: FluxInstallation
  readonly mapped: MappedFlags
  readonly survey: FluxSurvey
  readonly proof: Proof
  readonly verified: Verification
  readonly settings: Partial<Settings>
}): object {
  const { flux, mapped, survey, proof, verified, settings } = answer
  return {
    controllers: flux.controllers.map((one) => ({ ...one, object: undefined })),
    instances: flux.instances,
    flags: mapped.notes,
    settings,
    ...survey,
    plan: {
      unchanged: proof.unchanged,
      changed: proof.changed.map(({ record }) => record),
      broken: proof.broken.map(({ record }) => record),
      failing: proof.failing.map(({ record }) => record),
    },
    verified,
  }
}
