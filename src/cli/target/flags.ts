import { Option, type Command } from 'commander'
import { parseDuration } from '../../base/index.ts'
import { exitCodesHelp, usageError } from '../exit-codes.ts'
import { outputFormats, type OutputFormat } from '../terminal/output.ts'

/** Flags that name a cluster or a deployment. */
export interface TargetFlags {
  readonly namespace?: string
  readonly kubeconfig?: string
  readonly context?: string
  readonly url?: string
  readonly token?: string
  readonly tokenFile?: string
  readonly cluster?: string
  readonly timeout?: string
  readonly output?: OutputFormat
  readonly allNamespaces?: boolean
}

/** What a verb can work with. */
export interface TargetChoices {
  readonly cluster?: boolean
  readonly deployment?: boolean
  /** Prints data, so it has `-o`. */
  readonly output?: boolean
  readonly allNamespaces?: boolean
}

/** Adds the flags that verbs share, and the table of exit codes to the help. */
export function addTargetFlags(command: Command, choices: TargetChoices): Command {
  command.option('-n, --namespace <namespace>', 'namespace; default: $SLUICE_NAMESPACE, else flux-system')
  if (choices.allNamespaces === true) command.option('-A, --all-namespaces', 'all namespaces')
  if (choices.cluster === true) {
    command
      .option('--kubeconfig <file>', 'default: $KUBECONFIG, else ~/.kube/config')
      .option('--context <name>', "default: the kubeconfig's current context")
  }
  if (choices.deployment === true) {
    command
      .option('--url <url>', 'the deployment, in place of a kubeconfig; default: $SLUICE_URL')
      .option('--token-file <file>', 'file with the token; default: $SLUICE_TOKEN_FILE, or the token in $SLUICE_TOKEN')
      .addOption(new Option('--token <token>', 'the token itself; it stays in the history of the shell').hideHelp())
      .option('--cluster <name>', 'one of the clusters of the deployment; default: all of them')
  }
  if (choices.output === true) {
    command.addOption(
      new Option('-o, --output <format>', 'default: table on a terminal, json elsewhere').choices([...outputFormats]),
    )
  }
  command.option('--timeout <duration>', 'how long to wait', '5m')
  return command.addHelpText('after', exitCodesHelp)
}

/** Milliseconds of a duration on the command line. @throws EngineError `usage`. */
export function durationFlag(name: string, text: string): number {
  try {
    const milliseconds = parseDuration(text)
    if (milliseconds > 0) return milliseconds
  } catch {
    // Said below.
  }
  throw usageError(`${name} must be a duration such as 30s, 5m or 1h30m; '${text}' is none`)
}

/** The namespace of the flags. */
export function namespaceOf(
  flags: Pick<TargetFlags, 'namespace'>,
  env: { readonly [name: string]: string | undefined },
): string {
  return flags.namespace ?? (env['SLUICE_NAMESPACE'] || env['FLUX_SYSTEM_NAMESPACE'] || 'flux-system')
}
