import { EngineError } from '../../src/base/index.ts'
import { viewFor } from '../access/view.ts'
import { authorizeReading } from '../authorize-reading.ts'
import type { FunctionDeps } from '../deps.ts'
import { download } from '../download.ts'
import { exportFormats, exportPlan } from './views.ts'

/** `GET /api/plans/{id}/export?format=json|markdown|sarif`: a plan as a file, with what its reader may see of it. Throws EngineError `unauthorized`, `request-invalid`, `not-found`. */
export async function handlePlanExport(deps: FunctionDeps, request: Request, id: string): Promise<Response> {
  const seen = viewFor(deps, await authorizeReading(deps, request))
  const wanted = new URL(request.url).searchParams.get('format') ?? 'json'
  const format = exportFormats.find((one) => one === wanted)
  if (format === undefined)
    throw new EngineError(`format: must be one of ${exportFormats.join(', ')}`, { code: 'request-invalid' })
  const { type, name, body } = await exportPlan(seen, id, format)
  return download(body, { type, file: name })
}
