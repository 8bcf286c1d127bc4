import type { OciDeps } from '../../sources/index.ts'
import type { SourceContext } from './index.ts'

/** What talking to registries needs. */
export function ociDeps(ctx: SourceContext): OciDeps {
  const { http, clock, limits, settings } = ctx.deps
  return { http, clock, egress: settings.egress, limits: limits.oci }
}
