import type { Kustomization } from '../../api/index.ts'
import { inventoryEntryOf, type InventoryEntry } from '../../kube/index.ts'
import type { RunContext } from '../context.ts'
import { idOf, revisionOf, sourceKeyOf } from '../world.ts'
import { renderKustomization } from './render.ts'

/**
 * Finds, among objects that a Kustomization no longer has, those that another one is about to take over in the same run: they are left alone, and
 * the other one applies them as they are, instead of being deleted and created again. Only Kustomizations that have something new to apply are asked; their
 * builds are made once for the run. One that cannot be built claims nothing.
 *
 * @returns inventory ids and the Kustomization that claims each.
 */
export async function findMoved(
  ctx: RunContext,
  object: Kustomization,
  stale: readonly InventoryEntry[],
): Promise<ReadonlyMap<string, string>> {
  const moved = new Map<string, string>()
  if (stale.length === 0) return moved
  const cluster = ctx.identities.clusterOf(object)
  for (const other of ctx.world.ofKind('Kustomization')) {
    if (idOf(other) === idOf(object) || !isPending(ctx, other) || ctx.identities.clusterOf(other) !== cluster) continue
    const claimed = await claimsOf(ctx, other)
    for (const { id } of stale) if (claimed.has(id)) moved.set(id, idOf(other))
  }
  return moved
}

/** Notes what a Kustomization of this run has built, so that nobody builds it again to ask. */
export function noteClaims(ctx: RunContext, object: Kustomization, ids: readonly string[]): void {
  ctx.claims.set(idOf(object), Promise.resolve(new Set(ids)))
}

function claimsOf(ctx: RunContext, other: Kustomization): Promise<ReadonlySet<string>> {
  const known = ctx.claims.get(idOf(other))
  if (known !== undefined) return known
  const claims = renderKustomization(ctx, other).then(
    ({ built }): ReadonlySet<string> => new Set(built.objects.map((one) => inventoryEntryOf(one).id)),
    (): ReadonlySet<string> => new Set(),
  )
  ctx.claims.set(idOf(other), claims)
  return claims
}

function isPending(ctx: RunContext, other: Kustomization): boolean {
  const { spec, metadata, status } = other
  if (spec.suspend === true || metadata.deletionTimestamp !== undefined) return false
  if (status?.observedGeneration !== metadata.generation) return true
  const source = sourceKeyOf(other)
  return source !== undefined && ctx.world.appliedRevision(other) !== revisionOf(ctx.world, source)
}
