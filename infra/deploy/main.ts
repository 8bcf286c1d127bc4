import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fileURLToPath } from 'node:url'
import { DiagnosticsError, EngineError, formatDiagnostic, isEngineError } from '../../src/base/index.ts'
import { readEnvFile } from '../../functions/node/env-file.ts'
import { createQueues, deployVersion, dryRun, rollback, strangeSecrets, type DeployContext } from './deploy.ts'
import { awaitHealth } from './health.ts'
import { planDeployment, type DeployPlan } from './plan.ts'
import { createWrangler } from './wrangler.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const configPath = 'infra/wrangler/wrangler.jsonc'

const usage = `npm run deploy -- --env-file FILE [--env preview] [--url URL] [--dry-run]
npm run deploy -- --rollback [VERSION] [--env preview] [--env-file FILE] [--url URL]

  --env-file FILE   lines of NAME=value: the variables and secrets of README.md, and CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID for wrangler
  --env NAME        an environment of ${configPath}: another Worker with queues, objects and secrets of its own
  --url URL         where the deployment answers, if not at what wrangler tells (a custom domain)
  --dry-run         build, check and list; nothing leaves this machine
  --rollback        make the version before this one the current one, or VERSION (npm exec -- wrangler versions list --config ${configPath})
`

interface Flags {
  readonly 'env-file'?: string
  readonly env?: string
  readonly url?: string
  readonly 'dry-run'?: boolean
  readonly rollback?: boolean
  readonly help?: boolean
}

/** Longest time that a new version may take until it answers. */
const healthTimeoutMs = Number(process.env['SLUICE_HEALTH_TIMEOUT_SECONDS'] ?? 90) * 1000

const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function main(): Promise<number> {
  const { flags, version } = readFlags()
  if (flags.help === true) return (print(usage), 0)
  const given = flags['env-file'] === undefined ? {} : readEnvFile(flags['env-file'])
  const config = readWranglerConfig(`${root}${configPath}`, flags.env)
  const build = buildId()
  const plan = planDeployment(given, config, build)
  const context: DeployContext = {
    wrangler: createWrangler(root, { ...process.env, ...plan.account }, [
      ...Object.values(plan.secrets),
      plan.account['CLOUDFLARE_API_TOKEN'] ?? '',
    ]),
    configPath,
    config,
    environment: flags.env,
    print,
  }
  if (flags.rollback === true) return rollBack(context, plan, flags.url, version)
  for (const warning of plan.warnings) print(`! ${formatDiagnostic(warning)}`)
  if (plan.errors.length > 0) throw new DiagnosticsError(plan.errors, { code: 'config-invalid' })
  describe(plan, context, build)
  if (flags['dry-run'] === true) {
    print(`\n${await dryRun(context, plan)}\nNothing was deployed (--dry-run).`)
    return 0
  }
  return deploy(context, plan, build, flags.url)
}

function readFlags(): { readonly flags: Flags; readonly version: string | undefined } {
  try {
    const { values, positionals } = parseArgs({
      options: {
        'env-file': { type: 'string' },
        env: { type: 'string' },
        url: { type: 'string' },
        'dry-run': { type: 'boolean' },
        rollback: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    })
    const [version, ...more] = positionals
    if (more.length > 0 || (version !== undefined && values.rollback !== true))
      throw new Error(`${positionals.join(' ')} is not understood`)
    if (version !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(version))
      throw new Error(`${version} is not the id of a version`)
    if (values.help !== true && values.rollback !== true && values['env-file'] === undefined)
      throw new Error('give the file with variables and secrets with --env-file')
    return { flags: values as Flags, version }
  } catch (caught) {
    throw new EngineError(`${caught instanceof Error ? caught.message : String(caught)}\n\n${usage}`, { code: 'usage' })
  }
}

/** What `/healthz` will say: the commit, marked where files differ from it. */
function buildId(): string {
  const given = process.env['BUILD_ID'] ?? ''
  if (given !== '') return given
  const found = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=12'], { cwd: root, encoding: 'utf8' })
  const commit = found.status === 0 ? found.stdout.trim() : ''
  // Without a repository somebody deploys from an archive.
  return commit === '' ? `unversioned-${Date.now()}` : commit
}

function describe(plan: DeployPlan, { config, environment }: DeployContext, build: string): void {
  const clusters = plan.checked.config?.clusters.map(({ name }) => name) ?? []
  print(`Worker ${config.worker}${environment === undefined ? '' : ` (environment ${environment})`}, build ${build}`)
  print(`  clusters: ${clusters.join(', ')}`)
  print(`  variables: ${Object.keys(plan.variables).join(', ')}`)
  print(`  secrets: ${Object.keys(plan.secrets).join(', ')}`)
  print(`  queues: ${config.queues.join(', ')}`)
  print(`  Durable Objects: migrations up to ${config.migration}`)
  print(`  scans: ${config.crons.length === 0 ? 'none' : config.crons.join(', ')}`)
}

async function deploy(
  context: DeployContext,
  plan: DeployPlan,
  build: string,
  url: string | undefined,
): Promise<number> {
  print('\nDeploying')
  await createQueues(context)
  const { version, urls } = await deployVersion(context, plan, build)
  print(`  version ${version ?? '(unknown)'} is deployed`)
  for (const name of await strangeSecrets(context, plan))
    print(
      `! the Worker still has the secret ${name}, which the file does not name; if it is not needed: npm exec -- wrangler secret delete ${name} --config ${configPath}${flagOf(context)}`,
    )
  const address = url?.replace(/\/+$/, '') ?? plan.checked.config?.settings.publicUrl?.replace(/\/+$/, '') ?? urls[0]
  if (address === undefined)
    return (print('! its URL is not known, so that it was not asked whether it is well: give --url'), 0)
  const health = await awaitHealth(address, build, healthTimeoutMs)
  if (!health.isWell) {
    print(`✗ ${health.text}\n→ its log: npm exec -- wrangler tail --config ${configPath}${flagOf(context)}`)
    print(`→ back to the version before: npm run deploy -- --rollback${flagOf(context)}`)
    return 1
  }
  print(`✔ ${health.text}\n\nNext`)
  for (const forge of Object.keys(plan.checked.config?.webhookSecrets ?? {}))
    print(`  webhook of ${forge}: ${address}/hook/${forge}`)
  print(`  look at everything: SLUICE_TOKEN=… sluice doctor --url ${address}`)
  print(`  back to the version before: npm run deploy -- --rollback${flagOf(context)}`)
  return 0
}

async function rollBack(
  context: DeployContext,
  plan: DeployPlan,
  url: string | undefined,
  version: string | undefined,
): Promise<number> {
  await rollback(context, version)
  print(
    `✔ ${version ?? 'the version before'} is the current one again, with its code, variables and secrets.\n` +
      '  Queues, and what Durable Objects have stored, stay as they are: no run is lost. Messages that the newer version has written wait for it;\n' +
      `  storage that this version cannot read makes it say so. A version from before the last migration of Durable Objects (${context.config.migration})\n` +
      '  cannot be rolled back to: Cloudflare refuses it, and the way back is to deploy its code with the migrations of now.',
  )
  const address = url?.replace(/\/+$/, '') ?? plan.checked.config?.settings.publicUrl?.replace(/\/+$/, '')
  if (address === undefined) return (print('! give --url to have it asked whether it is well'), 0)
  const health = await awaitHealth(address, undefined, healthTimeoutMs)
  print(`${health.isWell ? '✔' : '✗'} ${health.text}`)
  return health.isWell ? 0 : 1
}

function flagOf({ environment }: DeployContext): string {
  return environment === undefined ? '' : ` --env ${environment}`
}

try {
  process.exitCode = await main()
} catch (caught) {
  if (caught instanceof DiagnosticsError) {
    for (const one of caught.diagnostics) process.stderr.write(`✗ ${formatDiagnostic(one)}\n`)
    process.stderr.write('Nothing was deployed.\n')
  } else process.stderr.write(`✗ ${isEngineError(caught) ? caught.message : String(caught)}\n`)
  process.exitCode = isEngineError(caught) && caught.code === 'usage' ? 2 : 1
}
