import type { Diagnostic } from '../../src/base/index.ts'
import { checkConfig, type CheckedConfig } from '../../functions/node/check-config.ts'
import { nodeVariables } from '../../functions/setting-names.ts'
import type { WranglerConfig } from './wrangler-config.ts'

/** What a deployment is going to do. */
export interface DeployPlan {
  readonly errors: readonly Diagnostic[]
  readonly warnings: readonly Diagnostic[]
  /** Set with the version, in the clear. */
  readonly variables: { readonly [name: string]: string }
  readonly secrets: { readonly [name: string]: string }
  /** Given to wrangler itself, never to the Worker. */
  readonly account: { readonly [name: string]: string }
  readonly checked: CheckedConfig
}

/** Most variables and secrets of a Worker together. */
const maxSettings = 128

/**
 * Decides what becomes of each line of the file with variables and secrets, and finds everything that is wrong before anything is done.
 *
 * @param given the file; `CLOUDFLARE_…` in it is for wrangler.
 */
export function planDeployment(
  given: { readonly [name: string]: string },
  wrangler: WranglerConfig,
  build: string,
): DeployPlan {
  const isAccount = (name: string): boolean => name.startsWith('CLOUDFLARE_')
  const account = Object.fromEntries(Object.entries(given).filter(([name]) => isAccount(name)))
  const own = Object.fromEntries(Object.entries(given).filter(([name]) => !isAccount(name)))
  const checked = checkConfig({ ...own, BUILD_ID: build }, 'cloudflare')
  const wanted = checked.settings.filter(({ name }) => !nodeVariables.includes(name))
  const errors = [...checked.errors, ...missingBindings(checked, wrangler)]
  if (wanted.length > maxSettings)
    errors.push(problem('file', `has ${wanted.length} variables and secrets; a Worker has at most ${maxSettings}`))
  const of = (isSecret: boolean): { readonly [name: string]: string } =>
    Object.fromEntries(wanted.filter((one) => one.isSecret === isSecret).map(({ name, value }) => [name, value]))
  const interval = wanted.find(({ name }) => name === 'SCAN_INTERVAL_SECONDS')
  const scans = interval === undefined ? [] : [problem(interval.name, scanText(wrangler), 'warning')]
  return {
    errors,
    warnings: [...checked.warnings, ...scans],
    variables: of(false),
    secrets: of(true),
    account,
    checked,
  }
}

/** A cluster that names a binding which the Worker will not have could not be reached. */
function missingBindings({ config }: CheckedConfig, { vpcBindings }: WranglerConfig): readonly Diagnostic[] {
  return (config?.clusters ?? []).flatMap(({ name, binding }) =>
    binding === undefined || vpcBindings.includes(binding)
      ? []
      : [
          problem(
            `CLUSTERS.${name}.binding`,
            `there is no binding ${binding}: add it to vpc_services in infra/wrangler/wrangler.jsonc`,
          ),
        ],
  )
}

function scanText({ crons }: WranglerConfig): string {
  return `is for Node; here the schedule in infra/wrangler/wrangler.jsonc counts (${crons.length === 0 ? 'none' : crons.join(', ')})`
}

function problem(field: string, message: string, severity: 'error' | 'warning' = 'error'): Diagnostic {
  return { code: 'config-invalid', severity, field, message }
}
