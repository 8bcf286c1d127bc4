import { Command } from 'commander'
import { EngineError } from '../../base/index.ts'
import { planLocalFiles, wouldChange } from '../../reconcile/index.ts'
import { exitCodes, usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { withEngine, type SettingFlags } from '../target/engine.ts'
import { addTargetFlags, namespaceOf, type TargetFlags } from '../target/flags.ts'
import { openLocalPath } from '../target/local-path.ts'
import { createProgress } from '../terminal/progress.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { printPlan } from './plan.ts'

interface DiffFlags extends TargetFlags, SettingFlags {
  readonly path: string
  readonly sourceRoot?: string
}

/** `diff kustomization NAME --path DIR`: what applying local files would change in the cluster. */
export function diffCommand(): Command {
  const kustomization = new Command('kustomization')
    .alias('ks')
    .description('what applying local files in place of its source would change; exits with 1 where something differs')
    .argument('<name>', 'name of the Kustomization in the cluster')
    .requiredOption('--path <directory>', 'takes the place of spec.path')
    .option('--source-root <directory>', 'nothing outside of it is read; default: the Git repository around the path')
    .option('--strict-substitute', 'variables without a value are errors (the default)')
    .option('--no-strict-substitute', 'variables without a value are empty')
    .option('--allow-cross-namespace-refs', 'as a deployment that allows them')
    .option(
      '--tenants <file>',
      'policy for tenants (default: that of the cluster, ConfigMap flux-system/sluice-tenants)',
    )
    .option('--allow-remote-bases', 'as a deployment that allows them')
    .action(async (name: string, flags: DiffFlags) => runDiff(name, flags))
  addTargetFlags(kustomization, { cluster: true, output: true })
  return new Command('diff').description('local files against a cluster, by dry-run').addCommand(kustomization)
}

async function runDiff(name: string, flags: DiffFlags): Promise<void> {
  if (name.includes('/')) throw usageError(`'${name}' is no name of a Kustomization; give its namespace with -n`)
  const terminal = createTerminal(process, process.env)
  const source = openLocalPath(flags.path, flags.sourceRoot)
  const key = { kind: 'Kustomization', namespace: namespaceOf(flags, process.env), name }
  const node = await withCluster(flags, terminal, (cluster) =>
    withEngine(cluster, flags, (deps) => {
      createProgress(terminal).wait('building, and asking the API server for a dry-run of every object')
      return planLocalFiles(deps, key, source, cluster.signal)
    }),
  )
  printPlan(terminal, flags, [node])
  // Not 1: scripts take that for "differs".
  if (node.record.state === 'failed')
    throw new EngineError(node.record.message ?? 'it could not be compared', { code: 'diff-failed' })
  if (wouldChange(node)) process.exitCode = exitCodes.negative
}
