import { Command } from 'commander'
import { toEngineError } from '../../base/index.ts'
import { exitCodes } from '../exit-codes.ts'
import { kubeconfigPath, openCluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { addTargetFlags, type TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { examineCluster } from './doctor-cluster.ts'
import { examineDeployment } from './doctor-deployment.ts'
import { findingsText, type Finding } from './findings.ts'

interface DoctorFlags extends TargetFlags {
  readonly as?: string
}

/** `doctor`: what is wrong with the cluster, the rights and the deployment, and what to do about each. */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description(
      'look for what is wrong: credentials, rights, definitions, clocks, the deployment; each finding says what to do',
    )
    .option('--as <user>', 'look at the rights of somebody else: system:serviceaccount:flux-system:sluice')
    .action(async (flags: DoctorFlags) => runDoctor(flags))
  return addTargetFlags(command, { cluster: true, deployment: true, output: true })
}

async function runDoctor(flags: DoctorFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const findings = [...(await cluster(flags, terminal)), ...(await deployment(flags, terminal))]
  printAnswer(terminal, flags.output, {
    data: { findings },
    names: findings.filter(({ state }) => state !== 'ok').map(({ area, message }) => `${area}: ${message}`),
    text: (style) => findingsText(findings, style),
  })
  if (findings.some(({ state }) => state === 'problem')) process.exitCode = exitCodes.negative
}

async function cluster(flags: DoctorFlags, terminal: Terminal): Promise<readonly Finding[]> {
  const isNamed = flags.kubeconfig !== undefined || flags.context !== undefined
  try {
    const opened = await openCluster(flags, terminal)
    try {
      return await examineCluster(opened, flags.as)
    } finally {
      opened.close()
    }
  } catch (caught) {
    const error = toEngineError(caught)
    if (error.code !== 'kubeconfig-unusable') throw error
    // Who asks about a deployment may have no cluster at hand.
    const hasDeployment = flags.url !== undefined || (process.env['SLUICE_URL'] ?? '') !== ''
    const path = kubeconfigPath(flags, process.env)
    return hasDeployment && !isNamed
      ? [{ area: 'cluster', state: 'ok', message: `not looked at: there is no usable kubeconfig at ${path}` }]
      : [
          {
            area: 'cluster',
            state: 'problem',
            message: error.message,
            fix: 'name one with --kubeconfig or $KUBECONFIG',
          },
        ]
  }
}

async function deployment(flags: DoctorFlags, terminal: Terminal): Promise<readonly Finding[]> {
  const { kubeconfig: _kubeconfig, context: _context, ...rest } = flags
  const opened = openDeployment(rest, terminal)
  if (opened !== undefined) return examineDeployment(opened)
  return [{ area: 'deployment', state: 'ok', message: 'not looked at: name it with --url or $SLUICE_URL' }]
}
