import { escapeMarkdown, planMarkdown, type PlanDocument } from '../../src/plan/index.ts'
import type { ApprovalNote } from '../../src/reconcile/index.ts'
import type { Replan } from './replans.ts'
import type { Report, ReportContext } from './report.ts'

/** One plan after the merge, with what is known of it. */
export interface MadeReplan {
  readonly plan: Replan
  readonly document: PlanDocument
  readonly isPending: boolean
  /** Nothing more comes. */
  readonly isOver: boolean
  /** The last approval, on each of its clusters. */
  readonly approved: readonly ApprovalNote[]
  readonly url?: string | undefined
}

/** Bytes of the comment, the marker included. */
const maxBytes = 60_000
/** Plans that are shown with their content, and applications that are named as waiting. */
const maxShown = 10
const maxWaiting = 20
/** Bytes of what stands around one plan, at most: see {@link maxWaiting}. */
const maxAround = 3_000

/**
 * The comment with which a pull request tells what waits after its merge: for each cluster what differs from what was approved, what would be applied instead, and how it is approved. There is no check: what is merged
 * depends on none any more, and statuses of the commit tell what waits.
 */
export function replansReport(plans: readonly MadeReplan[], { context }: ReportContext): Report {
  const made = plans.filter(({ isPending }) => !isPending)
  const isSettled = plans.every(({ isOver }) => isOver)
  if (plans.length === 0)
    return {
      comment: {
        body: '### Planned again after the merge\n\nNothing waits for what was planned here any more: it was applied, or a newer commit of the branch took its place.\n',
        onlyWhereThere: true,
      },
      isSettled: true,
    }
  if (made.length === 0) return { isSettled: false }
  const shown = made.slice(0, maxShown)
  const room = Math.floor((maxBytes - 1_000) / shown.length) - maxAround
  const more = made.length - shown.length
  const parts = shown.map((one) => partText(one, { context, room }))
  const rest = more === 0 ? '' : `\n…and ${more} more plans of this pull request.\n`
  return {
    comment: { body: `### Planned again after the merge\n${parts.join('')}${rest}`, onlyWhereThere: false },
    isSettled,
  }
}

function partText(
  { plan, document, approved, url }: MadeReplan,
  { context, room }: { readonly context: string; readonly room: number },
): string {
  const { clusters, afterMerge, id, problems } = plan
  const cluster = clusters.join(', ')
  const { waiting } = afterMerge
  const lines = waiting.slice(0, maxWaiting).map(({ application, why }) => `- ${code(application)}: ${short(why)}\n`)
  const left = waiting.length - lines.length
  const markdown = planMarkdown(document, {
    id: context,
    maxBytes: Math.max(2_000, room),
    ...(url === undefined ? {} : { url }),
  })
  const wrong = problems.map((problem) => `- ${short(problem)}\n`).join('')
  return [
    `\n**${escapeMarkdown(cluster)}** waits: what was merged is not what was approved.\n\n`,
    ...lines,
    ...(left === 0 ? [] : [`- …and ${left} more\n`]),
    `\n${nextText(cluster, id, approved)}\n\n`,
    ...(wrong === '' ? [] : [`${wrong}\n`]),
    // Without its marker: this comment has its own. One level down: it is a part of it.
    markdown.slice(markdown.indexOf('\n') + 1).replace(/^### /, '#### '),
  ].join('')
}

function nextText(cluster: string, id: string, approved: readonly ApprovalNote[]): string {
  const [note] = approved
  if (note !== undefined) return `Approved by ${code(note.by)}.`
  return `Nothing of it is applied there before somebody approves it: comment ${code(`/apply ${cluster}`)}, or approve plan ${code(id)}.`
}

/** Texts of ours with names of others. */
function short(text: string): string {
  return escapeMarkdown(text.slice(0, 300))
}

function code(text: string): string {
  return `<code>${escapeMarkdown(text.slice(0, 300))}</code>`
}
