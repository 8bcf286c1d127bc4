import { Command } from 'commander'
import { isEngineError } from '../../base/index.ts'
import {
  createPlanContext,
  planNodes,
  wouldChange,
  type EngineDeps,
  type Job,
  type PlannedNode,
  type TriggerTarget,
} from '../../reconcile/index.ts'
import { exitCodes } from '../exit-codes.ts'
import { actorName, withCluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { withEngine, type SettingFlags } from '../target/engine.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { parseObject, sourceCliKinds } from '../target/kinds.ts'
import { printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { planText } from './plan-text.ts'
import { followWish } from './reconcile.ts'

interface PlanFlags extends TargetFlags, SettingFlags {
  readonly exitCode?: boolean
}

/** `plan KIND NAME`: what a run would change now. Nothing is written: reads and dry-runs only. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description(
      'what a run would change now, and nothing of it: of an object at the revision of its source, of a source at its newest one',
    )
    .argument('<what...>', "kind and name: 'kustomization app', 'hr/app', 'source git app'; or 'cluster'")
    .option('--exit-code', 'exit with 1 where something would change')
    .option('--allow-cross-namespace-refs', 'with a kubeconfig: as a deployment that allows them')
    .option('--allow-remote-bases', 'with a kubeconfig: as a deployment that allows them')
    .option(
      '--tenants <file>',
      'with a kubeconfig: policy for tenants (default: that of the cluster, ConfigMap flux-system/sluice-tenants)',
    )
    .action(async (what: string[], flags: PlanFlags) => runPlan(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runPlan(what: readonly string[], flags: PlanFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const target = targetOf(what, flags)
  const deployment = openDeployment(flags, terminal)
  if (deployment !== undefined) {
    const wish = {
      ...(target === 'cluster' ? { all: true } : target),
      plan: true,
      actor: actorName(process.env),
      ...(flags.cluster === undefined ? {} : { cluster: flags.cluster }),
    }
    const run = await followWish(deployment, wish, flags, terminal)
    const changes = run.records.flatMap((record) => record.nodes).flatMap((node) => node.changes ?? [])
    const isChanged = changes.some(({ action }) => action !== 'unchanged' && action !== 'skipped')
    if (flags.exitCode === true && isChanged) process.exitCode = exitCodes.negative
    return
  }
  const nodes = await withCluster(flags, terminal, (cluster) =>
    withEngine(cluster, flags, async (deps) => {
      createProgress(terminal).wait('rendering and asking the API server for a dry-run of every object')
      return planOnCluster(deps, target, cluster.signal, flags)
    }),
  )
  printPlan(terminal, flags, nodes)
  if (nodes.some((node) => node.record.state === 'failed')) process.exitCode = exitCodes.negative
  else if (flags.exitCode === true && nodes.some(wouldChange)) process.exitCode = exitCodes.negative
}

function targetOf(what: readonly string[], flags: PlanFlags): Exclude<TriggerTarget, { objects: unknown }> {
  if (what.length === 1 && what[0]?.toLowerCase() === 'cluster') return 'cluster'
  const key = parseObject(what, namespaceOf(flags, process.env))
  return (sourceCliKinds as readonly string[]).includes(key.kind) ? { source: key } : { object: key }
}

/** Plans as the caller. Who may not list all namespaces sees those of the object alone. */
async function planOnCluster(
  deps: EngineDeps,
  target: TriggerTarget,
  signal: AbortSignal,
  flags: PlanFlags,
): Promise<readonly PlannedNode[]> {
  const job: Job = {
    kind: 'trigger',
    runId: 'local',
    cluster: deps.cluster.name,
    receivedAt: deps.clock.now(),
    target,
    plan: true,
  }
  const open = async (given: EngineDeps): Promise<readonly PlannedNode[]> =>
    planNodes((await createPlanContext(given, job, signal)).ctx)
  try {
    return await open(deps)
  } catch (error) {
    if (!isEngineError(error) || error.code !== 'kube-forbidden') throw error
    const namespaces = [namespaceOf(flags, process.env)]
    return open({ ...deps, settings: { ...deps.settings, namespaces } })
  }
}

/** Prints what was planned. */
export function printPlan(terminal: Terminal, flags: TargetFlags, nodes: readonly PlannedNode[]): void {
  createProgress(terminal).done('nothing was written')
  printAnswer(terminal, flags.output, {
    data: {
      nodes: nodes.map(({ record, objects }) => ({
        ...record,
        changes: objects.filter(({ action }) => action !== 'unchanged'),
      })),
    },
    names: nodes.flatMap(({ objects }) =>
      objects.filter(({ action }) => action !== 'unchanged').map(({ object }) => object),
    ),
    text: (style) => planText(nodes, style),
  })
}
