import { EngineError } from '../base/index.ts'

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
 * has the same source as the node, it has applied the revision that this source has now (kustomize-controller 1.9, checkDependencies).
 *
 * @throws EngineError `ready-expr-unsupported` for a `readyExpr`.
 */
export function findBlockers(
  node: { readonly source: string | undefined; readonly sourceRevision: string | undefined },
  refs: readonly DependencyRef[],
  lookup: (id: string) => DependencyView | undefined,
): readonly Blocker[] {
  const blockers: Blocker[] = []
  for (const ref of refs) {
    if (ref.readyExpr !== undefined && ref.readyExpr !== '') {
      throw new EngineError(
        `spec.dependsOn: readyExpr of '${ref.id}' is not supported yet; remove it to use the built-in readiness check`,
        { code: 'ready-expr-unsupported', reason: 'InvalidCELExpression', data: { dependency: ref.id } },
      )
    }
    const message = whyNotReady(node, lookup(ref.id))
    if (message !== undefined) blockers.push({ id: ref.id, message })
  }
  return blockers
}

function whyNotReady(
  node: { readonly source: string | undefined; readonly sourceRevision: string | undefined },
  dependency: DependencyView | undefined,
): string | undefined {
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

/** The message of the Ready condition of a blocked node: every blocker with what it lacks. */
export function describeBlockers(blockers: readonly Blocker[]): string {
  return blockers.map((blocker) => `dependency '${blocker.id}' ${blocker.message}`).join('; ')
}
