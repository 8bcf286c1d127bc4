import { Command, Option } from 'commander'
import { bootstrap, hookUrlOf, type BootstrapOptions, type BootstrapResult } from '../../bootstrap/index.ts'
import type { Forge, ForgeKind } from '../../forges/index.ts'
import { createNodeHttpClient, readKubeconfigCluster, systemClock, systemRandom } from '../../platforms/node/index.ts'
import { isProvider, settingOf, type Provider } from '../../receivers/index.ts'
import { defaultGitLimits, gitCredentials, GitObjectCache, type GitDeps } from '../../sources/index.ts'
import { exitCodesHelp, usageError } from '../exit-codes.ts'
import { kubeconfigPath, openCluster, type Cluster } from '../target/cluster.ts'
import { openDeployment } from '../target/deployment.ts'
import { durationFlag, type TargetFlags } from '../target/flags.ts'
import { printAnswer } from '../terminal/output.ts'
import { createTerminal, type Terminal } from '../terminal/terminal.ts'
import { loginWithApp } from './bootstrap-app.ts'
import { createBootstrapReport, nextSteps } from './bootstrap-text.ts'
import { openEnvironmentFile } from './environment-file.ts'
import {
  addForgeFlags,
  forgeTargetOf,
  openForge,
  readForgeToken,
  tokenVariables,
  type ForgeFlags,
} from './forge-flags.ts'

/** Flags of every `bootstrap`. */
export interface BootstrapFlags extends TargetFlags, ForgeFlags {
  readonly branch: string
  readonly path?: string
  readonly public?: boolean
  readonly server?: string
  readonly publicUrl?: string
  readonly environment: string
  readonly secretsJson?: string
  readonly pullRequests?: boolean
  readonly fluxControllers: 'keep' | 'stop'
  readonly dryRun?: boolean
  readonly authorName: string
  readonly authorEmail: string
  readonly app?: boolean
  readonly readTokenFile?: string
  readonly personal?: boolean
  readonly repositoryUrl?: string
  readonly gitUsername?: string
  readonly webhook?: string
}

/** Where the repository is and as whom it is written to. */
export interface RepositoryAccess {
  readonly forge: Forge | undefined
  readonly provider: Provider
  /** User name and password of Git; undefined for a repository that anybody may write. */
  readonly login: { readonly username: string; readonly password: string } | undefined
  /** Data of the cluster's Secret. */
  readonly secretData: { readonly [key: string]: string } | undefined
  readonly sourceProvider?: 'github'
  readonly variables: { readonly [name: string]: string }
  readonly hasOwnWebhook: boolean
}

const pollMs = 1_000

/** `bootstrap github|gitlab|gitea|git`: brings a cluster under Git. */
export function bootstrapCommand(): Command {
  const command = new Command('bootstrap').description(
    'bring a cluster under Git: write its side into the repository, apply it, register it with the deployment and the forge; can be run again at any time',
  )
  for (const kind of ['github', 'gitlab', 'gitea'] as const) {
    const own = new Command(kind).description(`with a repository at ${titles[kind]}, which is made where there is none`)
    addForgeFlags(own, kind)
    if (kind === 'github')
      own
        .option('--app', 'log in as a GitHub App, which is made from a manifest where there is none')
        .option('--personal', 'with --app: the owner is a user, not an organisation')
    command.addCommand(addBootstrapFlags(own, kind))
  }
  const git = new Command('git')
    .description('with a repository of any other Git server; its webhook is registered by hand')
    .option('--repository-url <url>', 'http or https URL of the repository')
    .option('--git-username <name>', 'user name of Git; the password is in $GIT_PASSWORD', 'git')
    .addOption(
      new Option('--webhook <forge>', 'whose webhooks the server sends').choices([
        'github',
        'gitlab',
        'gitea',
        'bitbucket',
      ]),
    )
  return command.addCommand(addBootstrapFlags(git, 'git'))
}

const titles: { readonly [kind in ForgeKind]: string } = {
  github: 'GitHub',
  gitlab: 'GitLab',
  gitea: 'Gitea or Forgejo',
}

function addBootstrapFlags(command: Command, kind: ForgeKind | 'git'): Command {
  return command
    .option('--cluster <name>', 'name of the cluster in the deployment')
    .option('--branch <name>', 'branch of the repository', 'main')
    .option('--path <directory>', 'directory of the cluster in the repository; default: clusters/<cluster>')
    .option('--public', 'a repository that has to be made is public')
    .option(
      // Not `--env-file`: Node itself reads that one, wherever it stands.
      '--environment <file>',
      "environment of the deployment, which is made or completed; '-' prints it",
      'sluice.env',
    )
    .option('--secrets-json <file>', "the same as JSON, for 'wrangler secret bulk'")
    .option(
      '--read-token-file <file>',
      'file with a token that only reads the repository, for the cluster; default: the same token',
    )
    .option('--url <url>', 'the deployment, once it runs; default: $SLUICE_URL')
    .option('--public-url <url>', 'where the forge reaches it; default: --url')
    .option('--server <url>', "where the deployment reaches the API server; default: the kubeconfig's")
    .option('--pull-requests', 'the webhook also tells of pull requests')
    .addOption(
      new Option(
        '--flux-controllers <what>',
        "in a repository of Flux's bootstrap: leave its controllers, or set their replicas to 0",
      )
        .choices(['keep', 'stop'])
        .default('keep'),
    )
    .option('--author-name <name>', 'author of the commit', 'Sluice')
    .option('--author-email <address>', 'author of the commit', 'sluice@localhost')
    .option('--dry-run', 'say what would be written and done, and do nothing')
    .option('--kubeconfig <file>', 'default: $KUBECONFIG, else ~/.kube/config')
    .option('--context <name>', "default: the kubeconfig's current context")
    .option('--timeout <duration>', 'how long each wait may last', '5m')
    .addHelpText('after', exitCodesHelp)
    .action(async (flags: BootstrapFlags) => runBootstrap(kind, flags))
}

async function runBootstrap(kind: ForgeKind | 'git', flags: BootstrapFlags): Promise<void> {
  const terminal = createTerminal(process, process.env)
  const name = flags.cluster ?? ''
  if (!/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(name))
    throw usageError('name the cluster with --cluster: lower-case letters, digits, "-" and "."')
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  const timeoutMs = durationFlag('--timeout', flags.timeout ?? '5m')
  // Each wait has its own time; this bounds all of them.
  const signal = AbortSignal.timeout(timeoutMs * 5)
  const environment = openEnvironmentFile(flags.environment, flags.secretsJson, terminal)
  let cluster: Cluster | undefined
  try {
    const access =
      kind === 'git'
        ? plainAccess(flags)
        : flags.app === true
          ? await loginWithApp({ flags, http, terminal, environment, signal })
          : tokenAccess(kind, flags, http, signal)
    const url = flags.url ?? (process.env['SLUICE_URL'] || undefined)
    const publicUrl = flags.publicUrl ?? url
    const options = await optionsOf(flags, access, publicUrl)
    cluster = await openCluster({ ...flags, timeout: `${Math.ceil((timeoutMs * 5) / 1000)}s` }, terminal)
    const report = createBootstrapReport(terminal, flags.dryRun === true)
    const git: GitDeps = {
      http,
      cache: new GitObjectCache(),
      clock: systemClock,
      limits: defaultGitLimits,
      egress: { allowPrivate: true },
    }
    const result = await bootstrap(
      {
        forge: access.forge,
        git,
        gitCredentials: gitCredentials({
          url: options.repositoryUrl ?? 'https://repository.invalid',
          ...(access.login === undefined ? {} : { secret: access.login }),
        }),
        client: cluster.client,
        environment,
        deployment: (token) =>
          url === undefined ? undefined : openDeployment({ ...only(flags), url }, terminal, token),
        clock: systemClock,
        random: systemRandom,
        report,
        signal,
      },
      options,
    )
    conclude({ terminal, flags, kind, access, result, options })
  } finally {
    cluster?.close()
    http.close()
  }
}

/** Flags that name a deployment and nothing else. */
function only(flags: TargetFlags): TargetFlags {
  return flags.timeout === undefined ? {} : { timeout: flags.timeout }
}

function tokenAccess(
  kind: ForgeKind,
  flags: BootstrapFlags,
  http: Parameters<typeof openForge>[2],
  signal: AbortSignal,
): RepositoryAccess {
  const target = forgeTargetOf(kind, flags)
  const token = readForgeToken(tokenVariables[kind], flags.forgeTokenFile)
  if (token === undefined)
    throw usageError(`give a token for the forge in $${tokenVariables[kind]} or with --forge-token-file`)
  const forge = openForge(kind, { ...target, token }, http, signal)
  const login = { username: forge.gitUser, password: token }
  return { forge, provider: kind, login, secretData: forCluster(login, flags), variables: {}, hasOwnWebhook: false }
}

/** What the cluster gets of a login. */
function forCluster(
  login: { readonly username: string; readonly password: string },
  flags: BootstrapFlags,
): { readonly username: string; readonly password: string } {
  const own = flags.readTokenFile === undefined ? undefined : readForgeToken('', flags.readTokenFile)
  return own === undefined ? login : { ...login, password: own }
}

function plainAccess(flags: BootstrapFlags): RepositoryAccess {
  const url = flags.repositoryUrl ?? ''
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw usageError('give the http or https URL of the repository with --repository-url')
  if (new URL(url).username !== '') throw usageError('the URL holds a user name; give --git-username and $GIT_PASSWORD')
  const password = readForgeToken('GIT_PASSWORD', undefined)
  const login = password === undefined ? undefined : { username: flags.gitUsername ?? 'git', password }
  const provider = flags.webhook ?? 'gitea'
  if (!isProvider(provider)) throw usageError(`there are no webhooks of '${provider}'`)
  return {
    forge: undefined,
    provider,
    login,
    secretData: login === undefined ? undefined : forCluster(login, flags),
    variables: {},
    hasOwnWebhook: false,
  }
}

async function optionsOf(
  flags: BootstrapFlags,
  access: RepositoryAccess,
  publicUrl: string | undefined,
): Promise<BootstrapOptions> {
  const { cluster = '' } = flags
  const context = flags.context === undefined ? {} : { context: flags.context }
  const known = await readKubeconfigCluster({ cluster, path: kubeconfigPath(flags, process.env), ...context })
  const path = (flags.path ?? `clusters/${cluster}`).replace(/^\.?\/+|\/+$/g, '')
  if (path === '' || path.split('/').some((part) => part === '..' || part === '.' || part === ''))
    throw usageError('--path must be a directory inside the repository, such as clusters/prod')
  return {
    cluster,
    branch: flags.branch,
    path,
    server: flags.server ?? known.server,
    ...(known.ca === undefined ? {} : { ca: known.ca }),
    isPrivate: flags.public !== true,
    ...(flags.repositoryUrl === undefined ? {} : { repositoryUrl: flags.repositoryUrl }),
    provider: access.provider,
    ...(publicUrl === undefined ? {} : { publicUrl }),
    pullRequests: flags.pullRequests === true,
    stopFluxControllers: flags.fluxControllers === 'stop',
    author: { name: flags.authorName, email: flags.authorEmail },
    isDryRun: flags.dryRun === true,
    timeoutMs: durationFlag('--timeout', flags.timeout ?? '5m'),
    pollMs,
    ...(access.secretData === undefined ? {} : { secretData: access.secretData }),
    ...(access.sourceProvider === undefined ? {} : { sourceProvider: access.sourceProvider }),
    hasOwnWebhook: access.hasOwnWebhook,
    variables: access.variables,
  }
}

/** The end: what was done, what is left for people, and the way back. */
function conclude(end: {
  readonly terminal: Terminal
  readonly flags: BootstrapFlags
  readonly kind: ForgeKind | 'git'
  readonly access: RepositoryAccess
  readonly result: BootstrapResult
  readonly options: BootstrapOptions
}): void {
  const { terminal, flags, kind, access, result, options } = end
  if (options.isDryRun) return terminal.err('\nNothing was written. Without --dry-run it is.\n')
  const webhookByHand =
    kind === 'git' && options.publicUrl !== undefined
      ? { url: hookUrlOf(options.publicUrl, access.provider), variable: settingOf(access.provider) }
      : undefined
  const data = {
    cluster: options.cluster,
    repository: flags.repositoryUrl ?? `${flags.owner ?? ''}/${flags.repository ?? ''}`,
    path: options.path,
    commit: result.head,
    writes: result.writes,
    isServed: result.isServed,
    environment: flags.environment,
    ...(webhookByHand === undefined ? {} : { webhook: { url: webhookByHand.url, secretIn: webhookByHand.variable } }),
  }
  const text = nextSteps({
    kind,
    cluster: options.cluster,
    path: options.path,
    envFile: flags.environment,
    hasKubeconfigFlag: flags.kubeconfig,
    owner: flags.owner,
    repository: flags.repository,
    hostname: flags.hostname,
    url: flags.url,
    result,
    webhookByHand,
    secretsJson: flags.secretsJson,
  })
  if (flags.environment === '-') return terminal.err(text)
  printAnswer(terminal, undefined, { data, names: [options.cluster], text: () => text })
}
