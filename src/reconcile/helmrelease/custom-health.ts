import type { CustomHealthCheck } from '../../api/index.ts'
import { compileCel } from '../../cel/index.ts'
import { toEngineError } from '../../base/index.ts'
import type { Health } from '../../kube/index.ts'
import { scalarText, type KubeObject } from '../../resources/index.ts'

/**
 * The health of kinds with expressions of their own, `spec.healthCheckExprs` (fluxcd/pkg runtime/cel): `inProgress`, then `failed`, then `current`; where
 * none is true the object is still in progress. Undefined for other kinds.
 *
 * @throws EngineError with reason `InvalidCELExpression` for one that does not compile.
 */
export function compileHealthChecks(
  checks: readonly CustomHealthCheck[] | undefined,
): ((object: KubeObject) => Health | undefined) | undefined {
  if (checks === undefined || checks.length === 0) return undefined
  const compiled = checks.map((check, index) => {
    const program = (name: 'current' | 'inProgress' | 'failed') => {
      const expression = check[name]
      if (expression === undefined || expression === '') return undefined
      return compileCel(expression, { field: `spec.healthCheckExprs[${index}].${name}` })
    }
    const [inProgress, failed, current] = [program('inProgress'), program('failed'), program('current')]
    return { check, inProgress, failed, current }
  })
  return (object) => {
    const found = compiled.find(
      ({ check }) => check.apiVersion === scalarText(object['apiVersion']) && check.kind === scalarText(object['kind']),
    )
    if (found === undefined) return undefined
    try {
      if (found.inProgress?.evaluateBool(object) === true)
        return { status: 'InProgress', message: 'inProgress is true' }
      if (found.failed?.evaluateBool(object) === true) return { status: 'Failed', message: 'failed is true' }
      if (found.current?.evaluateBool(object) === true) return { status: 'Current', message: 'current is true' }
      return { status: 'InProgress', message: 'current is not true' }
    } catch (error) {
      // A field that is not there yet.
      return { status: 'InProgress', message: toEngineError(error).message }
    }
  }
}
