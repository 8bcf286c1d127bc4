import { EngineError } from '../base/index.ts'
import type { CustomHealthCheck } from '../api/index.ts'
import { compileCel, type CelProgram } from '../cel/index.ts'
import type { Health } from '../kube/index.ts'
import { gvkOf, isMap, parseApiVersion, type KubeObject } from '../resources/index.ts'

/** Health of an object by `spec.healthCheckExprs`; undefined for kinds that no entry is about. */
export type CustomHealth = (object: KubeObject, now: number) => Health | undefined

interface Check {
  readonly group: string
  readonly kind: string | undefined
  readonly current: CelProgram
  readonly inProgress: CelProgram | undefined
  readonly failed: CelProgram | undefined
}

/**
 * Compiles `spec.healthCheckExprs`. An entry is about a kind of a group, whatever the version, or about a whole group where it names no kind; the more
 * specific one wins. Expressions see the top-level fields of the object (fluxcd/pkg runtime, cel status reader).
 *
 * @throws EngineError `InvalidCELExpression` for an expression that does not compile and for two entries about the same.
 */
export function compileHealthExprs(checks: readonly CustomHealthCheck[]): CustomHealth | undefined {
  if (checks.length === 0) return undefined
  const byKind = new Map<string, Check>()
  checks.forEach((check, index) => {
    const field = `spec.healthCheckExprs[${index}]`
    const { group } = parseApiVersion(check.apiVersion)
    const kind = check.kind === undefined || check.kind === '' ? undefined : check.kind
    const id = `${group}/${kind ?? ''}`
    if (byKind.has(id)) {
      throw new EngineError(`${field}: another entry is about ${id} already; keep one of them`, {
        code: 'health-expr-duplicate',
        reason: 'InvalidCELExpression',
      })
    }
    const compile = (name: 'current' | 'inProgress' | 'failed'): CelProgram | undefined => {
      const text = check[name]
      return text === undefined || text === '' ? undefined : compileCel(text, { field: `${field}.${name}` })
    }
    const current = compile('current')
    if (current === undefined) {
      throw new EngineError(`${field}.current: an expression is required`, {
        code: 'health-expr-missing',
        reason: 'InvalidCELExpression',
      })
    }
    byKind.set(id, { group, kind, current, inProgress: compile('inProgress'), failed: compile('failed') })
  })
  return (object) => {
    const { group, kind } = gvkOf(object)
    const check = byKind.get(`${group}/${kind}`) ?? byKind.get(`${group}/`)
    return check && judge(check, object)
  }
}

function judge(check: Check, object: KubeObject): Health {
  const status = object['status']
  const metadata = object['metadata']
  const observed = isMap(status) ? status['observedGeneration'] : undefined
  const generation = isMap(metadata) ? metadata['generation'] : undefined
  if (isMap(metadata) && metadata['deletionTimestamp'] !== undefined)
    return { status: 'Terminating', message: 'the object is being deleted' }
  if (typeof observed === 'number' && typeof generation === 'number' && observed !== generation)
    return { status: 'InProgress', message: `generation is ${generation}, but observed generation is ${observed}` }
  try {
    if (check.inProgress?.evaluateBool(object) === true)
      return { status: 'InProgress', message: 'custom health check: in progress' }
    if (check.failed?.evaluateBool(object) === true) return { status: 'Failed', message: 'custom health check: failed' }
    if (check.current.evaluateBool(object)) return { status: 'Current', message: 'custom health check: current' }
    return { status: 'InProgress', message: 'custom health check: not current yet' }
  } catch (error) {
    return { status: 'Unknown', message: error instanceof Error ? error.message : String(error) }
  }
}
