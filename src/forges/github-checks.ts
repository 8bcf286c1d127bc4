import { z } from 'zod'
import { parseAnswer } from './answer.ts'
import { commitPart, type PullCall } from './pull-call.ts'
import type { CheckAnnotation, CheckOutcome, CheckReport } from './pull-types.ts'

/** Remarks of one request (docs.github.com/rest/checks/runs), and of one report: the rest stands on the page. */
const batchSize = 50
const maxAnnotations = 1000
/** Bytes of a summary, and of the message and the title of a remark. */
const maxSummary = 65_535
const maxMessage = 65_536
const maxTitle = 255

const run = z.object({
  id: z.number(),
  status: z.string(),
  external_id: z.string().nullish(),
  conclusion: z.string().nullish(),
  output: z.object({ title: z.string().nullish(), annotations_count: z.number().nullish() }).nullish(),
})
const right = 'the right to checks of the repository (Checks, read and write)'

const conclusions = {
  success: 'success',
  failure: 'failure',
  neutral: 'neutral',
  'action-required': 'action_required',
} as const satisfies { readonly [state in Exclude<CheckReport['state'], 'running'>]: string }

/**
 * Tells what a check found as a check run of the App. Remarks go in batches of fifty, and the run is completed with the last of them. Cut off before, the same report goes on where it was; another one ends the
 * unfinished run as cancelled and begins its own, since remarks cannot be taken back. What was told in full is not told again.
 */
export async function reportCheckRun(
  call: PullCall,
  options: { readonly repository: string; readonly appId: number; readonly report: CheckReport },
): Promise<CheckOutcome> {
  const { repository, appId, report } = options
  const annotations = report.annotations.slice(0, maxAnnotations)
  const batches: CheckAnnotation[][] = []
  const runs = await listRuns(call, { repository, appId, report })
  if (runs[0] !== undefined && saysTheSame(runs[0], report, annotations.length))
    return { as: 'check-run', annotations: annotations.length }
  const open = runs.find(({ status }) => status !== 'completed')
  const told = open?.output?.annotations_count ?? 0
  const goesOn = open !== undefined && (told === 0 || (open.external_id === report.key && told <= annotations.length))
  if (open !== undefined && !goesOn)
    await call('PATCH', `${repository}/check-runs/${open.id}`, right, {
      body: { status: 'completed', conclusion: 'cancelled' },
    })
  for (let from = goesOn ? told : 0; from < annotations.length; from += batchSize)
    batches.push(annotations.slice(from, from + batchSize))
  let id = goesOn ? open.id : undefined
  for (let batch = 0; batch < Math.max(1, batches.length); batch++) {
    const isLast = batch >= batches.length - 1
    const body = bodyOf(report, batches[batch] ?? [], isLast)
    if (id === undefined) {
      const made = { ...body, name: report.name, head_sha: commitPart(report.commit) }
      id = parseAnswer('GitHub', run, (await call('POST', `${repository}/check-runs`, right, { body: made })).json).id
    } else await call('PATCH', `${repository}/check-runs/${id}`, right, { body })
  }
  return { as: 'check-run', annotations: annotations.length }
}

/** Runs of this check on the commit, the latest first. */
async function listRuns(
  call: PullCall,
  { repository, appId, report }: { readonly repository: string; readonly appId: number; readonly report: CheckReport },
): Promise<readonly z.infer<typeof run>[]> {
  const query = `check_name=${encodeURIComponent(report.name)}&filter=latest&app_id=${appId}&per_page=10`
  const url = `${repository}/commits/${commitPart(report.commit)}/check-runs?${query}`
  const { check_runs: runs } = parseAnswer(
    'GitHub',
    z.object({ check_runs: z.array(run) }),
    (await call('GET', url, right)).json,
  )
  return runs
}

/** The report was told in full already: telling it again would add one more run. */
function saysTheSame(known: z.infer<typeof run>, report: CheckReport, annotations: number): boolean {
  const { state, key, title } = report
  if (state === 'running' || known.status !== 'completed') return false
  const { output } = known
  return (
    known.external_id === key &&
    known.conclusion === conclusions[state] &&
    output?.title === cut(title, maxTitle) &&
    (output.annotations_count ?? 0) === annotations
  )
}

function bodyOf(report: CheckReport, annotations: readonly CheckAnnotation[], isLast: boolean): object {
  const { state, key, title, summary, url } = report
  const isCompleted = isLast && state !== 'running'
  return {
    external_id: key,
    ...(url === undefined ? {} : { details_url: url }),
    ...(isCompleted ? { status: 'completed', conclusion: conclusions[state] } : { status: 'in_progress' }),
    output: {
      title: cut(title, maxTitle),
      summary: cut(summary, maxSummary),
      annotations: annotations.map((one) => ({
        path: one.path,
        start_line: one.line,
        end_line: Math.max(one.line, one.endLine ?? one.line),
        annotation_level: one.level,
        message: cut(one.message, maxMessage),
        ...(one.title === undefined ? {} : { title: cut(one.title, maxTitle) }),
      })),
    },
  }
}

/** The text within so many bytes of UTF-8. */
function cut(text: string, bytes: number): string {
  const encoded = new TextEncoder().encode(text)
  if (encoded.length <= bytes) return text
  // A character that was cut in half is left out.
  return `${new TextDecoder().decode(encoded.subarray(0, bytes - 3), { stream: true })}…`
}
