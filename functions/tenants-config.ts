import { DiagnosticsError } from '../src/base/index.ts'
import type { Settings } from '../src/reconcile/index.ts'
import { readPolicy } from '../src/tenancy/index.ts'
import type { ReadSetting } from './config.ts'

/**
 * Reads `TENANTS`: a policy as YAML or JSON, or `{"configMap": "namespace/name"}` where each cluster has its own, under the key `tenants.yaml`.
 *
 * @param complain told of everything that is wrong.
 */
export function loadTenants(
  read: ReadSetting,
  complain: (field: string, message: string) => void,
): Pick<Partial<Settings>, 'tenants' | 'tenantsConfigMap'> {
  const text = read('TENANTS')
  if (text === undefined || text.trim() === '') return {}
  const configMap = configMapIn(text)
  if (configMap !== undefined) {
    if (!/^[a-z0-9][a-z0-9-]*\/[a-z0-9][a-z0-9.-]*$/.test(configMap))
      complain('TENANTS.configMap', 'must be namespace/name of a ConfigMap')
    return { tenantsConfigMap: configMap }
  }
  try {
    return { tenants: readPolicy(text) }
  } catch (error) {
    if (!(error instanceof DiagnosticsError)) throw error
    for (const { message } of error.diagnostics) complain('TENANTS', message)
    return {}
  }
}

/** The name in `{"configMap": …}`; undefined for anything else. */
function configMapIn(text: string): string | undefined {
  try {
    const value = JSON.parse(text) as { readonly configMap?: unknown } | null
    const isAlone = typeof value === 'object' && value !== null && Object.keys(value).join() === 'configMap'
    return isAlone ? String(value.configMap) : undefined
  } catch {
    return undefined
  }
}
