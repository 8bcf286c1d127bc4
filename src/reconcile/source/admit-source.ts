import { admit, type TenancyContext } from '../tenancy.ts'
import { idOfKey, isSource, originOf, type Source, type World } from '../world.ts'

/**
 * Lets a source be fetched or used, with the one that it is made from, or refuses it as its tenant's policy says: what was fetched may be older than the policy.
 *
 * @throws EngineError `tenancy-refused`.
 */
export function admitSource(ctx: TenancyContext & { readonly world: World }, source: Source): void {
  admit(ctx, source)
  const origin = originOf(source)
  const found = origin === undefined ? undefined : ctx.world.get(idOfKey(origin))
  if (isSource(found)) admit(ctx, found)
}
