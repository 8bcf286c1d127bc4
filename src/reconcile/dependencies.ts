import { isEngineError } from '../base/index.ts'
import { compileCel } from '../cel/index.ts'

/** What is known of an object that something depends on. */
export interface DependencyView {
  readonly id: string
  readonly generation: number
  readonly observedGeneration: number
  readonly ready: 'True' | 'False' | 'Unknown' | undefined
  readonly message: string
  readonly suspended: boolean
  /** `Kind/namespace/name` of its source, and the revision it last applied. */
  readonly source: string | undefined
  readonly appliedRevision: string | undefined
  /** The object itself, for `readyExpr`. */
  readonly object: object
}

/** The node whose dependencies are looked at. */
export interface DependantView {
  readonly source: string | undefined
  readonly sourceRevision: string | undefined
  /** The object itself, for `readyExpr`. */
  readonly object: object
}

/** Why a node cannot start: the object it waits for, and what that one lacks. */
export interface Blocker {
  readonly id: string
  readonly message: string
}

/** A reference of `spec.dependsOn`, with its namespace filled in. */
export interface DependencyRef {
  readonly id: string
  readonly readyExpr?: string
}

/**
 * What keeps a node from starting. A dependency is ready when its generation was observed, its Ready condition is True, and, where it
 * has the same source as the node, it has applied the revision that this source has now (kustomize-controller 1.9, checkDependencies). A
 * `readyExpr` over `self` and `dep` takes the place of all that.
 *
 * @throws EngineError `cel-invalid` (reason `InvalidCELExpression`) for a `readyExpr` that does not compile.
 */
export function findBlockers(
  node: DependantView,
  refs: readonly DependencyRef[],
  lookup: (id: string) => DependencyView | undefined,
): readonly Blocker[] {
  const blockers: Blocker[] = []
  refs.forEach((ref, index) => {
    const dependency = lookup(ref.id)
    const message =
      ref.readyExpr === undefined || ref.readyExpr === ''
        ? whyNotReady(node, dependency)
        : whyNotReadyByExpr(node, dependency, ref.readyExpr, `spec.dependsOn[${index}].readyExpr`)
    if (message !== undefined) blockers.push({ id: ref.id, message })
  })
  return blockers
}

function whyNotReadyByExpr(
  node: DependantView,
  dependency: DependencyView | undefined,
  expression: string,
  field: string,
): string | undefined {
  const program = compileCel(expression, { field, variables: ['self', 'dep'] })
  if (dependency === undefined) return 'not found'
  try {
    if (program.evaluateBool({ self: node.object, dep: dependency.object })) return undefined
    return `does not meet ${field}`
  } catch (error) {
    if (isEngineError(error) && error.code === 'cel-evaluation-failed') return `does not meet ${error.message}`
    throw error
  }
}

function whyNotReady(node: DependantView, dependency: DependencyView | undefined): string | undefined {
  if (dependency === undefined) return 'not found'
  if (dependency.ready === 'False')
    return dependency.message === '' ? 'is not ready' : `is not ready: ${dependency.message}`
  if (dependency.suspended && dependency.ready !== 'True') return 'is suspended and not ready'
  if (dependency.ready !== 'True') return 'is not ready yet'
  if (dependency.observedGeneration !== dependency.generation) return 'has a change that was not applied yet'
  const hasSameSource = node.source !== undefined && dependency.source === node.source
  if (hasSameSource && node.sourceRevision !== undefined && dependency.appliedRevision !== node.sourceRevision) {
    return `has not applied revision ${node.sourceRevision} yet`
  }
  return undefined
}

/** The message of the Ready condition of a blocked node: every blocker with what it lacks. A blocker that is blocked itself says by what. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  return blockers.map((blocker) => `dependency '${blocker.id}' ${blocker.message}`).join('; ')
}

/**
 * The ids in the annotation `sluice.dev/depends-on`: `Kind/name` or `Kind/namespace/name`, separated by commas; kinds are Kustomization and
 * HelmRelease. What does not have this form is kept as it is: it names nothing, and so is reported as a dependency that was not found.
 */
export function parseDependsOn(text: string, namespace: string): readonly DependencyRef[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [kind = '', second = '', third] = part.split('/')
      return { id: third === undefined ? `${kind}/${namespace}/${second}` : `${kind}/${second}/${third}` }
    })
}
