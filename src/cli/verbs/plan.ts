import { Command, Option } from 'commander'
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
import { exitCodes, usageError } from '../exit-codes.ts'
import { actorName, withCluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { withEngine } from '../target/engine.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { parseObject, sourceCliKinds } from '../target/kinds.ts'
import { outputFormats, printAnswer } from '../terminal/output.ts'
import { createProgress } from '../terminal/progress.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { checkChangeFlags, runPlanChange, withUsualOutput, type ChangeFlags } from './plan-change.ts'
import { planText } from './plan-text.ts'
import { followWish } from './reconcile.ts'

/** `plan KIND NAME`: what a run would change now; `plan --base REF`: what commits that are not pushed would change. Nothing is written: reads and dry-runs only. */
export function planCommand(): Command {
  const command = new Command('plan')
    .description(
      'what a run would change now, and nothing of it: of an object at the revision of its source, of a source at its newest one; with --base, what commits of this working copy would change before they are pushed',
    )
    .argument('[what...]', "kind and name: 'kustomization app', 'hr/app', 'source git app'; or 'cluster'")
    .option(
      '--base <commit>',
      'in place of kind and name: compare with this branch or commit, where the other side left it',
    )
    .option('--head <commit>', 'with --base: the other side; default: the files as they are')
    .option('--worktree', 'with --base: the files as they are, committed or not (the default)')
    .option(
      '--path <directory>',
      'with --base, without a cluster: a directory with flux-system/gotk-sync.yaml; may be repeated; default: all of them',
      (one: string, before: readonly string[] | undefined) => [...(before ?? []), one],
    )
    .option('--offline', 'with --base: no network; what would need it says so')
    .option(
      '--source <namespace/name>',
      'with --base and a cluster: the GitRepository that this working copy is one of',
    )
    .option('--exit-code', 'exit with 1 where something would change')
    .option('--allow-cross-namespace-refs', 'without a deployment: as one that allows them')
    .option('--allow-remote-bases', 'without a deployment: as one that allows them')
    .option(
      '--tenants <file>',
      'without a deployment: policy for tenants (default: that of the cluster, ConfigMap flux-system/sluice-tenants)',
    )
    .addOption(
      new Option('-o, --output <format>', 'default: table on a terminal, json elsewhere').choices([
        ...outputFormats,
        'markdown',
        'sarif',
      ]),
    )
    .action(async (what: string[], flags: ChangeFlags) => runPlan(what, flags))
  return addTargetFlags(command, { cluster: true, deployment: true })
}

async function runPlan(what: readonly string[], given: ChangeFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  if (given.base !== undefined) {
    if (what.length > 0) throw usageError(`name an object (${what.join(' ')}), or commits with --base; not both`)
    return runPlanChange(given, terminal)
  }
  checkChangeFlags(given)
  if (what.length === 0) throw usageError("name what to plan: kind and name, 'cluster', or commits with --base")
  const flags = withUsualOutput(given)
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

function targetOf(
  what: readonly string[],
  flags: Pick<TargetFlags, 'namespace'>,
): Exclude<TriggerTarget, { objects: unknown }> {
  if (what.length === 1 && what[0]?.toLowerCase() === 'cluster') return 'cluster'
  const key = parseObject(what, namespaceOf(flags, process.env))
  return (sourceCliKinds as readonly string[]).includes(key.kind) ? { source: key } : { object: key }
}

/** Plans as the caller. Who may not list all namespaces sees those of the object alone. */
async function planOnCluster(
  deps: EngineDeps,
  target: TriggerTarget,
  signal: AbortSignal,
  flags: Pick<TargetFlags, 'namespace'>,
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
export function printPlan(terminal: Terminal, flags: Pick<TargetFlags, 'output'>, nodes: readonly PlannedNode[]): void {
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
