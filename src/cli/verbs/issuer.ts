import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { authenticationConfiguration, defaultAudience, type TrustOptions } from '../../identity/index.ts'
import type { KubeValue } from '../../resources/index.ts'
import { printYaml } from '../../yaml/index.ts'
import { usageError } from '../exit-codes.ts'
import { requireDeployment } from '../target/deployment.ts'
import { addTargetFlags, type TargetFlags } from '../target/flags.ts'
import { createTerminal } from '../terminal/terminal.ts'
import type { ShownCredential } from './doctor-credentials.ts'

interface ConfigFlags extends TargetFlags {
  readonly issuer?: string
  readonly audience?: string
  readonly ca?: string
  readonly formatVersion?: 'v1' | 'v1beta1'
}

/** `issuer`: the deployment as an issuer of tokens that API servers trust. */
export function issuerCommand(): Command {
  const config = new Command('authentication-config')
    .description('print the AuthenticationConfiguration with which an API server trusts the tokens of the deployment')
    .option('--issuer <url>', 'publicUrl of the deployment; left out, the deployment is asked (--url)')
    .option('--audience <text>', 'default: what the deployment says, else sluice:<cluster>')
    .option('--ca <file>', "certificates that sign the deployment's own (PEM), where the API server does not know them")
    .addOption(
      new Option('--format-version <version>', 'v1beta1 for Kubernetes 1.30 to 1.33')
        .choices(['v1', 'v1beta1'])
        .default('v1'),
    )
    .action(async (flags: ConfigFlags) => runConfig(flags))
  return new Command('issuer')
    .description('the deployment as an issuer of short-lived tokens, in place of stored credentials')
    .addCommand(addTargetFlags(config, { deployment: true }))
}

async function runConfig(flags: ConfigFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const { cluster } = flags
  if (cluster === undefined) throw usageError('name the cluster with --cluster, as it is called in CLUSTERS')
  const asked = flags.issuer === undefined ? await askDeployment(flags, cluster) : undefined
  const options: TrustOptions = {
    issuer: (flags.issuer ?? asked?.issuer ?? '').replace(/\/+$/, ''),
    audience: flags.audience ?? asked?.audience ?? defaultAudience(cluster),
    cluster,
    ...(flags.ca === undefined ? {} : { ca: readCa(flags.ca) }),
    version: flags.formatVersion ?? 'v1',
  }
  terminal.out(printYaml(authenticationConfiguration(options) as KubeValue, { dialect: 'sigs' }))
}

async function askDeployment(flags: ConfigFlags, cluster: string): Promise<ShownCredential> {
  const terminal = createTerminal(process, process.env)
  const deployment = requireDeployment(flags, terminal, 'give --issuer, or have the deployment asked')
  const { clusters } = (await deployment.get('/api/clusters')) as {
    readonly clusters: readonly { readonly cluster: string; readonly credential?: ShownCredential }[]
  }
  const found = clusters.find((one) => one.cluster === cluster)
  if (found === undefined) throw usageError(`the deployment has no cluster ${cluster}`)
  if (found.credential?.kind === 'oidc') return found.credential
  throw usageError(
    `the deployment uses no token of its own for ${cluster}: give it "identity": {"kind": "oidc"} in CLUSTERS, and ISSUER_KEY`,
  )
}

function readCa(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw usageError(
      `the file ${path} cannot be read: ${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'}`,
    )
  }
}
