import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EngineError } from '../../src/base/index.ts'
import type { DeployPlan } from './plan.ts'
import type { Wrangler } from './wrangler.ts'
import type { WranglerConfig } from './wrangler-config.ts'

/** What a step needs. */
export interface DeployContext {
  readonly wrangler: Wrangler
  readonly configPath: string
  readonly config: WranglerConfig
  readonly environment: string | undefined
  readonly print: (line: string) => void
}

/** What wrangler told of a version that it has deployed. */
export interface Deployed {
  readonly version: string | undefined
  /** Where it answers, `https://…`. */
  readonly urls: readonly string[]
}

/** The flags by which wrangler finds the configuration and the environment. */
export function targetFlags({ configPath, environment }: Pick<DeployContext, 'configPath' | 'environment'>): string[] {
  // Without a name wrangler would take whatever CLOUDFLARE_ENV says.
  return ['--config', configPath, '--env', environment ?? '']
}

/** Makes the queues that are not there yet. Throws EngineError `wrangler-failed`. */
export async function createQueues(context: DeployContext): Promise<void> {
  const { wrangler, config, print } = context
  for (const queue of config.queues) {
    const found = await wrangler(['queues', 'info', queue])
    if (found.code === 0) {
      print(`  queue ${queue}: is there`)
      continue
    }
    if (!found.output.includes('does not exist'))
      throw wranglerFailed(`the queue ${queue} cannot be looked up`, found.output)
    const made = await wrangler(['queues', 'create', queue])
    if (made.code !== 0) throw wranglerFailed(`the queue ${queue} cannot be created`, made.output)
    print(`  queue ${queue}: created`)
  }
}

/**
 * Uploads code, variables and secrets as one version and makes it the current one, with its migrations, limits and schedule: no moment has new
 * code with old secrets. The secrets travel in a file that only this user may read and that is gone afterwards, variables as flags.
 *
 * @throws EngineError `wrangler-failed`.
 */
export async function deployVersion(context: DeployContext, plan: DeployPlan, build: string): Promise<Deployed> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-deploy-'))
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  const interrupt = (): void => {
    remove()
    process.exit(130)
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.once(signal, interrupt)
  try {
    const secretsFile = join(directory, 'secrets.json')
    const outputFile = join(directory, 'output.ndjson')
    writeFileSync(secretsFile, JSON.stringify(plan.secrets), { mode: 0o600 })
    const args = ['deploy', ...targetFlags(context), '--secrets-file', secretsFile, ...variableFlags(plan)]
    const result = await context.wrangler([...args, '--tag', build, '--message', `build ${build}`], {
      WRANGLER_OUTPUT_FILE_PATH: outputFile,
    })
    if (result.code !== 0) throw wranglerFailed('the version was not deployed', result.output)
    return deployedOf(readFileSync(outputFile, 'utf8'))
  } finally {
    remove()
    for (const signal of signals) process.off(signal, interrupt)
  }
}

/** Bundles the Worker and checks the configuration as wrangler sees it; nothing leaves this machine. Throws EngineError `wrangler-failed`. */
export async function dryRun(context: DeployContext, plan: DeployPlan): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-deploy-'))
  try {
    const args = ['deploy', ...targetFlags(context), '--dry-run', '--outdir', directory, ...variableFlags(plan)]
    const result = await context.wrangler(args)
    if (result.code !== 0) throw wranglerFailed('the Worker cannot be built', result.output)
    return /Total Upload:.*/.exec(result.output)?.[0] ?? ''
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Secrets that the Worker has and the file does not: nothing takes them away by itself. */
export async function strangeSecrets(context: DeployContext, plan: DeployPlan): Promise<readonly string[]> {
  const result = await context.wrangler(['secret', 'list', ...targetFlags(context), '--format', 'json'])
  try {
    const list = JSON.parse(result.output) as readonly { readonly name: string }[]
    return list.map(({ name }) => name).filter((name) => !Object.hasOwn(plan.secrets, name))
  } catch {
    return [] // Only a hint is lost.
  }
}

/** Makes an earlier version the current one: the one before, or the one that is named. Throws EngineError `wrangler-failed`. */
export async function rollback(context: DeployContext, version: string | undefined): Promise<void> {
  const named = version === undefined ? [] : [version]
  const args = ['rollback', ...named, ...targetFlags(context), '--yes', '--message', 'rolled back by npm run deploy']
  const result = await context.wrangler(args)
  if (result.code !== 0) throw wranglerFailed('nothing was rolled back', result.output)
}

function variableFlags(plan: DeployPlan): readonly string[] {
  return Object.entries(plan.variables).flatMap(([name, value]) => ['--var', `${name}:${value}`])
}

/** Reads what wrangler writes to WRANGLER_OUTPUT_FILE_PATH: lines of JSON. Exported for tests. */
export function deployedOf(output: string): Deployed {
  const lines = output.split('\n').filter((line) => line !== '')
  const entries = lines.map(
    (line) =>
      JSON.parse(line) as {
        readonly type?: string
        readonly version_id?: string
        readonly targets?: readonly string[]
      },
  )
  const { version_id: version, targets = [] } = entries.find((one) => one.type === 'deploy') ?? {}
  const urls = targets.filter((target) => /^(https:\/\/)?[\w.-]+\.[\w-]+(\/\*)?( \(custom domain.*)?$/.test(target))
  return { version, urls: urls.map((url) => `https://${url.replace(/^https:\/\//, '').replace(/[ /].*$/, '')}`) }
}

function wranglerFailed(what: string, output: string): EngineError {
  return new EngineError(`${what}; wrangler says:\n${output.trim()}`, { code: 'wrangler-failed' })
}
