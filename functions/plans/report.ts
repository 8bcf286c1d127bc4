import { sha256Hex } from '../../src/base/index.ts'
import { deadCodes, isFinal, type StoredRecord } from '../../src/coordinator/index.ts'
import type { CheckAnnotation, CheckReport } from '../../src/forges/index.ts'
import {
  escapeMarkdown,
  hasEffect,
  planMarkdown,
  say,
  showName,
  verdictOf,
  verdictTexts,
  type Danger,
  type PlanDocument,
  type UnplannedCluster,
  type Verdict,
} from '../../src/plan/index.ts'
import type { LatestReport, PlanRecord, PlanSummary } from './records.ts'

/** What stands at the forge. Made from what is stored alone, whoever tells it and however often. */
export interface Report {
  readonly check?: CheckReport
  readonly comment?: { readonly body: string; readonly onlyWhereThere: boolean }
  /** Nothing is waited for any more. */
  readonly isSettled: boolean
}

/** Milliseconds after which a cluster that has said nothing is told as missing. */
export const planTimeoutMs = 10 * 60_000

/** Bytes of a comment, the marker included, and of the summary of a check. */
const maxBytes = 60_000
const maxSummaryBytes = 40_000

/** How far one cluster is. `late`: it is said to be missing, and may still come. */
export type ClusterProgress =
  | { readonly kind: 'done' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'late' | 'failed'; readonly reason: UnplannedCluster['reason'] }

/** How far a cluster is, by the record of its run. What errors quote is not for everybody who may open a pull request: they are told by what they mean. */
export function progressOf(record: StoredRecord | undefined, ageMs: number): ClusterProgress {
  if (record?.mergedInto !== undefined)
    return { kind: 'failed', reason: say`a newer plan of the same pull request took its place` }
  if (record?.error !== undefined) {
    const { code } = record.error
    const isOver = isFinal(record)
    const what = deadCodes.has(code) ? say`the cluster does not answer` : say`the plan failed (${showName(code)})`
    return isOver
      ? { kind: 'failed', reason: say`${what}; its run says more` }
      : { kind: 'late', reason: say`${what}; it is tried again` }
  }
  if (record !== undefined && isFinal(record)) return { kind: 'done' }
  if (ageMs < planTimeoutMs) return { kind: 'pending' }
  return { kind: 'late', reason: say`no answer within ${planTimeoutMs / 60_000} minutes` }
}

/** What is needed around a plan. */
export interface ReportContext {
  /** Name of the rule. */
  readonly context: string
  /** The plan's own page. */
  readonly url?: string | undefined
  /** A line of Markdown of ours that leads to the rendered manifests. */
  readonly manifests?: string
}

/** The report of a plan that is being made. */
export function runningReport(plan: PlanRecord, context: ReportContext): Report {
  const count = plan.clusters.length
  const title = `Planning on ${count} ${count === 1 ? 'cluster' : 'clusters'}`
  return { check: checkOf(plan.change.head, 'running', { title, summary: title, context }), isSettled: false }
}

/** The report of a plan that is there, with what is missing. */
export function planReport(plan: PlanRecord, document: PlanDocument, context: ReportContext): Report {
  const verdict = verdictOf(document)
  const { url } = context
  const problems = plan.problems.map((problem) => `- ${escapeMarkdown(problem)}\n`).join('')
  const configuration = problems === '' ? '' : `\n**Configuration of the repository**\n\n${problems}`
  const head = configuration + (context.manifests === undefined ? '' : `\n${context.manifests}\n`)
  const bytes = new TextEncoder().encode(head).length
  const markdown = (limit: number): string => {
    const whole = planMarkdown(document, {
      id: context.context,
      maxBytes: limit - bytes,
      ...(url === undefined ? {} : { url }),
    })
    // The forge's own part puts the marker before it.
    return whole.slice(whole.indexOf('\n') + 1) + head
  }
  const isNothing = isSilent(document) && problems === ''
  const state = problems === '' ? states[verdict] : 'failure'
  const title = problems === '' ? titleOf(plan, document) : 'The configuration of the repository is wrong'
  return {
    check: checkOf(plan.change.head, state, {
      title,
      summary: markdown(maxSummaryBytes),
      context,
      annotations: annotationsOf(document),
    }),
    comment: { body: markdown(maxBytes), onlyWhereThere: isNothing },
    isSettled: (document.unplanned ?? []).length === 0,
  }
}

/** What lists show of a plan. */
export function summaryOf(plan: PlanRecord, document: PlanDocument): PlanSummary {
  const { applications, dangers } = document
  return {
    run: plan.run,
    verdict: verdictOf(document),
    touched: applications.filter(hasEffect).length,
    dangers: dangers.filter(({ severity }) => severity !== 'info').length,
  }
}

/** The report where there is no plan. */
export function otherReport(latest: Exclude<LatestReport, { kind: 'plan' }>, context: ReportContext): Report {
  const { commit } = latest
  const tell = (state: CheckReport['state'], title: string, summary: string): Report => ({
    check: checkOf(commit, state, { title, summary, context }),
    isSettled: true,
  })
  if (latest.kind === 'ignored')
    return {
      ...tell('success', 'Nothing to plan', 'All files of this pull request are left out by the configuration.'),
      comment: { body: '### Nothing to plan\n\nAll files of this pull request are left out.\n', onlyWhereThere: true },
    }
  if (latest.forks === 'never')
    return tell('neutral', 'Pull requests from forks are not planned here', 'Its rule of PLANS says `forks: never`.')
  const command = `/plan ${commit.slice(0, 12)}`
  return tell(
    'action-required',
    `From a fork: planned after ${command}`,
    `This comes from a fork. Somebody with the right to write to the repository reads it and comments \`${command}\`. It is then planned from Git alone: no cluster is asked, and no secret takes part. Another commit has to be named again.`,
  )
}

/** The report of a plan whose place a newer one has taken. */
export function supersededReport(plan: PlanRecord, context: ReportContext): CheckReport {
  const title = 'A newer commit is planned'
  return checkOf(plan.change.head, 'neutral', { title, summary: title, context })
}

const states: { readonly [verdict in Verdict]: CheckReport['state'] } = {
  failed: 'failure',
  incomplete: 'failure',
  blocked: 'action-required',
  dangers: 'neutral',
  changes: 'success',
  nothing: 'success',
}

/** Nothing is to be said of it. */
function isSilent(document: PlanDocument): boolean {
  const { applications, unplanned = [] } = document
  return (
    unplanned.length === 0 &&
    applications.every((one) => !hasEffect(one) && one.objects.length === 0 && one.state === 'unaffected')
  )
}

function titleOf(plan: PlanRecord, document: PlanDocument): string {
  const { applications } = document
  const { verdict, touched, dangers: bad } = summaryOf(plan, document)
  const errors = applications.filter(({ state }) => state === 'failed').length
  const counts = [
    `${touched} ${touched === 1 ? 'application' : 'applications'}`,
    ...(errors === 0 ? [] : [`${errors} failed`]),
    ...(bad === 0 ? [] : [`${bad} ${bad === 1 ? 'danger' : 'dangers'}`]),
  ]
  return verdict === 'nothing' ? verdictTexts.nothing : `${verdictTexts[verdict]}: ${counts.join(', ')}`
}

const levels: { readonly [severity in Danger['severity']]: CheckAnnotation['level'] } = {
  info: 'notice',
  warning: 'warning',
  danger: 'failure',
  block: 'failure',
}

/** Errors and dangers at the places where they are written; what has no place stands in the comment. */
function annotationsOf({ applications, dangers }: PlanDocument): readonly CheckAnnotation[] {
  const errors = applications.flatMap(({ cluster, errors: own }) =>
    own.flatMap(({ file, line = 1, message, object }): readonly CheckAnnotation[] =>
      file === undefined
        ? []
        : [{ path: file, line, level: 'failure', title: `${cluster}: ${object ?? 'error'}`, message }],
    ),
  )
  const found = dangers.flatMap(({ file, line = 1, severity, rule, message, cluster }): readonly CheckAnnotation[] =>
    file === undefined ? [] : [{ path: file, line, level: levels[severity], title: `${cluster}: ${rule}`, message }],
  )
  return [...errors, ...found]
}

function checkOf(
  commit: string,
  state: CheckReport['state'],
  told: {
    readonly title: string
    readonly summary: string
    readonly context: ReportContext
    readonly annotations?: readonly CheckAnnotation[]
  },
): CheckReport {
  const { title, summary, annotations = [] } = told
  const { context, url } = told.context
  const report = {
    commit,
    name: `${context}/plan`,
    state,
    title,
    summary,
    ...(url === undefined ? {} : { url }),
    annotations,
  }
  return { ...report, key: sha256Hex(JSON.stringify(report)).slice(0, 32) }
}
