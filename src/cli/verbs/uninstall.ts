import { Command, Option } from 'commander'
import { hookUrlOf, uninstall } from '../../bootstrap/index.ts'
import type { ForgeKind } from '../../forges/index.ts'
import { createNodeHttpClient } from '../../platforms/node/index.ts'
import { usageError } from '../exit-codes.ts'
import { withCluster } from '../target/cluster.ts'
import { addTargetFlags, type TargetFlags } from '../target/flags.ts'
import { createTerminal } from '../terminal/terminal.ts'
import { createBootstrapReport } from './bootstrap-text.ts'
import {
  addForgeFlags,
  forgeTargetOf,
  openForge,
  readForgeToken,
  tokenVariables,
  type ForgeFlags,
} from './forge-flags.ts'

interface UninstallFlags extends TargetFlags, ForgeFlags {
  readonly forge?: ForgeKind
  readonly crds?: boolean
  readonly withNamespace?: boolean
  readonly dryRun?: boolean
}

/** `uninstall`: takes Sluice out of a cluster and leaves the workloads. */
export function uninstallCommand(): Command {
  const command = new Command('uninstall')
    .description('remove the cluster side of Sluice; workloads stay as they are, and Git is not changed')
    .option('--crds', 'also the definitions, and with them every object of these kinds in all namespaces')
    .option('--with-namespace', 'also the namespace flux-system with everything in it')
    .addOption(
      new Option('--forge <forge>', 'also delete the webhook at this forge').choices(['github', 'gitlab', 'gitea']),
    )
    .option('--url <url>', 'the deployment whose webhook is deleted, as the forge reaches it; default: $SLUICE_URL')
    .option('--dry-run', 'say what would be removed, and do nothing')
  return addTargetFlags(addForgeFlags(command, undefined), { cluster: true }).action(async (flags: UninstallFlags) =>
    runUninstall(flags),
  )
}

async function runUninstall(flags: UninstallFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  try {
    await withCluster(flags, terminal, async (cluster) => {
      const url = flags.url ?? (process.env['SLUICE_URL'] || undefined)
      const hook = hookOf(flags, url)
      const removed = await uninstall(
        {
          client: cluster.client,
          forge: hook === undefined ? undefined : openForge(hook.kind, hook.target, http, cluster.signal),
          report: createBootstrapReport(terminal, false),
          signal: cluster.signal,
        },
        {
          isDryRun: flags.dryRun === true,
          withCrds: flags.crds === true,
          withNamespace: flags.withNamespace === true,
          ...(hook === undefined ? {} : { hookUrl: hook.url }),
        },
      )
      if (flags.dryRun === true) return terminal.err('\nNothing was removed. Without --dry-run it is.\n')
      if (removed === 0) return terminal.err('\nThere was nothing to remove.\n')
      terminal.err(
        "\nWorkloads stay as they are. The repository is as it was: remove flux-system from the cluster's directory there, and the cluster from CLUSTERS of the deployment.\n",
      )
    })
  } finally {
    http.close()
  }
}

function hookOf(
  flags: UninstallFlags,
  url: string | undefined,
): { readonly kind: ForgeKind; readonly target: Parameters<typeof openForge>[1]; readonly url: string } | undefined {
  const { forge: kind } = flags
  if (kind === undefined) return undefined
  if (url === undefined) throw usageError('which webhook? give the URL of the deployment with --url')
  const token = readForgeToken(tokenVariables[kind], flags.forgeTokenFile)
  if (token === undefined)
    throw usageError(`give a token for the forge in $${tokenVariables[kind]} or with --forge-token-file`)
  return { kind, target: { ...forgeTargetOf(kind, flags), token }, url: hookUrlOf(url, kind) }
}
