import type { VerifyTools } from '../src/receivers/index.ts'
import type { FunctionDeps } from './deps.ts'

/** Longest time that verifying one delivery may take. */
const timeoutMs = 10_000

/** What verifying a delivery may use: requests to those who sign, as far as the deployment may reach them. */
export function verifyTools(deps: FunctionDeps): VerifyTools {
  return {
    http: deps.http,
    egress: { allowHosts: deps.config.privateHosts },
    fetched: deps.memory.fetched,
    now: () => deps.clock.now(),
    signal: AbortSignal.timeout(timeoutMs),
  }
}
