import { applyClusterSide, applySync, writeCredentials } from './cluster-steps.ts'
import {
  awaitFirstRun,
  checkDeployment,
  checkRoundTrip,
  registerWebhook,
  writeEnvironment,
} from './deployment-steps.ts'
import { checkClusterBefore, prepareRepository, writeFiles } from './git-steps.ts'
import {
  stepNames,
  type BootstrapDeps,
  type BootstrapOptions,
  type BootstrapState,
  type StepContext,
  type StepName,
} from './types.ts'

const steps: { readonly [name in StepName]: (context: StepContext) => Promise<void> } = {
  'cluster-before': checkClusterBefore,
  repository: prepareRepository,
  files: writeFiles,
  cluster: applyClusterSide,
  credentials: writeCredentials,
  sync: applySync,
  environment: writeEnvironment,
  deployment: checkDeployment,
  webhook: registerWebhook,
  'round-trip': checkRoundTrip,
  'first-run': awaitFirstRun,
}

/** How a bootstrap ended. */
export interface BootstrapResult {
  /** How many things were written: a commit, an object, the environment, a webhook. 0: everything was as it should be. */
  readonly writes: number
  readonly head: string | undefined
  /** The deployment was asked: the cluster is served. Otherwise it has to be started first. */
  readonly isServed: boolean
  /** Flux's controllers are in the repository and would work on the same objects. */
  readonly hasFluxControllers: boolean
}

/**
 * Brings a cluster under Git: the cluster side is written into the repository, then applied; the cluster is registered with the deployment, the deployment with the forge, and one delivery and one run prove that it works. Each
 * step looks first and does only what is missing, so that it can be cut off anywhere and run again, and a second time does nothing.
 *
 * Effects, in this order: a repository and a commit at the forge; objects in the cluster; the environment file; the webhook; a test delivery; a run.
 * @throws EngineErrors of what it asks, and its own `bootstrap-…`: each says what to do before it is run again.
 */
export async function bootstrap(deps: BootstrapDeps, options: BootstrapOptions): Promise<BootstrapResult> {
  const state: BootstrapState = { writes: 0 }
  for (const name of stepNames) {
    deps.signal?.throwIfAborted()
    await steps[name]({ deps, options, state })
    deps.report.ended(name)
  }
  return {
    writes: state.writes,
    head: state.head,
    isServed: state.ask !== undefined,
    hasFluxControllers: state.layout?.hasFluxControllers ?? false,
  }
}
