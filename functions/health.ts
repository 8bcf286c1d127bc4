import { sluiceVersion } from '../src/base/index.ts'
import type { FunctionDeps } from './deps.ts'

/**
 * What `GET /healthz` answers, to everybody: that it is up, and as which version. `BUILD_ID` says which build of it; deployments set it. A
 * deployment whose configuration is wrong never comes here: on Workers every request is then answered with 500 `config-invalid`.
 */
export function health({ read }: Pick<FunctionDeps, 'read'>): {
  readonly status: 'ok'
  readonly version: string
  readonly build?: string
} {
  const build = read('BUILD_ID')?.trim() ?? ''
  return { status: 'ok', version: sluiceVersion, ...(build === '' ? {} : { build }) }
}
