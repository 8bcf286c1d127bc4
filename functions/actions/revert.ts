import { EngineError } from '../../src/base/index.ts'
import type { PullRequests } from '../../src/forges/index.ts'
import type { FunctionDeps } from '../deps.ts'

/** What opening a pull request that reverts another one needs: the pull requests of the repository at an address. */
export interface RevertDeps {
  readonly pullRequestsOf: (url: string) => Promise<PullRequests | undefined>
}

/** The pull requests that the deployment may open; undefined where its configuration has no credential for any. */
export function revertDeps(_deps: FunctionDeps): RevertDeps | undefined {
  return undefined
}

/** Whether pull requests can be opened at all. */
export function canRevert(deps: FunctionDeps): boolean {
  return revertDeps(deps) !== undefined
}

/** The error of a deployment that cannot open pull requests. */
export function noRevert(): EngineError {
  return new EngineError(
    'the deployment has no credential with which it could open a pull request; revert the commit with git',
    { code: 'revert-unavailable', disposition: 'wait' },
  )
}
