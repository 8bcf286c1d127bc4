import { EngineError } from '../../base/index.ts'
import type { Danger, PlanDocument, PlannedApplication, PlannedObject, UnplannedCluster } from '../document.ts'
import { labelOf } from '../object.ts'
import { actionWord, originNote, valueLines } from './difference-lines.ts'
import { byteLength, codeText, escapeMarkdown, fenced, linkTo } from './escape.ts'
import { countsText, hasEffect, liveTexts, verdictOf, verdictTexts } from './summary.ts'

export interface MarkdownOptions {
  /** Tells this comment from those of other deployments on the same pull request: letters, digits, `.`, `_`, `-`. */
  readonly id: string
  /** Bytes of UTF-8 that are never exceeded. Default 60,000. At least 2,000. */
  readonly maxBytes?: number
  /** The plan's own page. */
  readonly url?: string
}

const defaultMaxBytes = 60_000
const minMaxBytes = 2_000

/**
 * The first line of a comment, by which it is found again: invisible, and nothing that others write can start a comment of ours with it. Whoever looks for it compares the start of comments of his own account.
 *
 * @throws EngineError `plan-marker-invalid`.
 */
export function planMarker(id: string): string {
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(id) || id.includes('--'))
    throw new EngineError(`'${id}' cannot mark a comment: use letters, digits, ".", "_" and single "-"`, {
      code: 'plan-marker-invalid',
    })
  return `<!-- sluice:plan:${id} -->`
}

/**
 * A plan as a comment: the verdict, the dangers, a table of applications and clusters, and the details folded away. What does not fit is left out from the end, and said with a link; bytes are counted, not letters.
 *
 * @throws EngineError `plan-marker-invalid`, `plan-limit-small`.
 */
export function planMarkdown(plan: PlanDocument, options: MarkdownOptions): string {
  const limit = options.maxBytes ?? defaultMaxBytes
  if (limit < minMaxBytes)
    throw new EngineError(`a comment needs at least ${minMaxBytes} bytes`, { code: 'plan-limit-small' })
  const link = options.url === undefined ? undefined : linkTo('the whole plan', options.url)
  const foot = link === undefined || byteLength(link) > minMaxBytes / 4 ? '' : `\n${link}\n`
  const head = `${planMarker(options.id)}\n${headText(plan)}`
  const page = new Page(head, limit - byteLength(foot))
  addAll(page, 0.4, (plan.unplanned ?? []).map(unplannedLine), 'clusters', '\n**Not planned**\n\n')
  addAll(page, 0.5, errorLines(plan), 'errors', '\n**What is wrong**\n\n')
  addAll(page, 0.65, plan.dangers.map(dangerLine), 'dangers', '\n**Dangers**\n\n')
  addAll(page, 0.8, plan.applications.filter(isListed).map(tableRow), 'applications', tableHead)
  addDetails(page, plan.applications.filter(isListed))
  return page.text + foot
}

/** A text that grows up to a number of bytes. */
class Page {
  text: string
  readonly limit: number
  #bytes: number

  constructor(text: string, limit: number) {
    this.text = text
    this.limit = limit
    this.#bytes = byteLength(text)
  }

  /** Bytes that are left. */
  get room(): number {
    return this.limit - this.#bytes
  }

  /** Adds a text where it fits into this share of the limit with `reserve` bytes to spare. */
  add(text: string, share: number, reserve: number): boolean {
    const bytes = byteLength(text)
    if (this.#bytes + bytes > this.limit * share - reserve) return false
    this.text += text
    this.#bytes += bytes
    return true
  }
}

/** Bytes for the line that says how much was left out. */
const moreReserve = 120

function addAll(page: Page, share: number, lines: readonly string[], what: string, title: string): void {
  if (lines.length === 0 || !page.add(title, 1, 2 * moreReserve)) return
  const fitting = lines.findIndex((line) => !page.add(line, share, moreReserve))
  if (fitting >= 0) page.add(`\n…and ${lines.length - fitting} more ${what}.\n`, 1, 0)
}

function headText(plan: PlanDocument): string {
  const { base, head } = plan.change
  const touched = plan.applications.filter(hasEffect)
  const clusters = new Set(touched.map(({ cluster }) => cluster)).size
  const counts = countsText(plan.applications.flatMap(({ objects }) => objects))
  const reference = plan.reference === undefined ? '' : `, plan ${codeText(plan.reference)}`
  return `### ${verdictTexts[verdictOf(plan)]}\n\n${touched.length} ${touched.length === 1 ? 'application' : 'applications'} on ${clusters} ${clusters === 1 ? 'cluster' : 'clusters'}${counts === '' ? '' : `: ${counts}`}. ${codeText(base.slice(0, 12))} to ${codeText(head.slice(0, 12))}${reference}.\n`
}

/** Applications that there is something to say of. */
function isListed(application: PlannedApplication): boolean {
  return hasEffect(application) || application.objects.length > 0 || application.state !== 'unaffected'
}

function placeText({ file, line }: { readonly file?: string; readonly line?: number }): string {
  return file === undefined ? '' : ` at ${codeText(line === undefined ? file : `${file}:${line}`)}`
}

function errorLines(plan: PlanDocument): readonly string[] {
  return plan.applications.flatMap((application) =>
    application.errors.map((error) => {
      const object = error.object === undefined ? '' : ` ${codeText(error.object)}:`
      return `- ${codeText(nameOf(application))}${object} ${escapeMarkdown(error.message)}${placeText(error)}\n`
    }),
  )
}

function unplannedLine({ cluster, reason }: UnplannedCluster): string {
  return `- ${codeText(cluster)}: ${escapeMarkdown(reason)}\n`
}

function dangerLine(danger: Danger): string {
  const drift = danger.origin === 'drift' ? ' (drift, not this change)' : ''
  return `- **${danger.severity}** ${escapeMarkdown(danger.message)}${drift}, ${codeText(`${danger.cluster}: ${danger.application}`)}${placeText(danger)} (${danger.rule})\n`
}

const tableHead = '\n| cluster | application | state | objects |\n| --- | --- | --- | --- |\n'

function tableRow(application: PlannedApplication): string {
  const { cluster, kind, namespace, name, state, objects, unchanged, live } = application
  const notes = [
    countsText(objects),
    unchanged === 0 ? '' : `${unchanged} unchanged`,
    live === 'read' ? '' : liveTexts[live],
  ]
  return `| ${codeText(cluster)} | ${codeText(`${kind}/${namespace}/${name}`)} | ${state} | ${notes.filter((note) => note !== '').join('; ')} |\n`
}

function nameOf({ cluster, kind, namespace, name }: PlannedApplication): string {
  return `${cluster}: ${kind}/${namespace}/${name}`
}

/** How many objects of an application are listed, and how many of these with their differences: the first that fits is taken. */
const detailSteps: readonly { readonly listed: number; readonly full: number }[] = [
  { listed: 500, full: 500 },
  { listed: 500, full: 100 },
  { listed: 200, full: 40 },
  { listed: 100, full: 10 },
  { listed: 50, full: 0 },
  { listed: 10, full: 0 },
]

/** Details of as many applications as fit, each with as much as fits. */
function addDetails(page: Page, applications: readonly PlannedApplication[]): void {
  let omitted = 0
  for (const application of applications) {
    // A full page takes no more, and need not be asked for each step.
    const isAdded =
      page.room > 2 * moreReserve &&
      detailSteps.some((step) => page.add(detailsText(application, step), 1, moreReserve))
    if (!isAdded) omitted += 1
  }
  if (omitted > 0)
    page.add(`\n…and the details of ${omitted} more ${omitted === 1 ? 'application' : 'applications'}.\n`, 1, 0)
}

function detailsText(application: PlannedApplication, { listed, full }: (typeof detailSteps)[number]): string {
  const { reason, chart, images, objects, omittedObjects = 0 } = application
  const parts: string[] = []
  if (reason !== undefined) parts.push(`${escapeMarkdown(reason)}\n`)
  if (chart !== undefined) parts.push(`- chart ${codeText(chart.name)}: ${versionText(chart)}\n`)
  for (const image of images.slice(0, listed)) {
    const more = image.containers.length - 3
    const where = image.containers.slice(0, 3).map(codeText).join(', ') + (more > 0 ? ` and ${more} more` : '')
    parts.push(`- image ${versionText(image)} (${where})\n`)
  }
  if (parts.length > 0) parts.push('\n')
  parts.push(...objects.slice(0, listed).map((object, at) => objectText(object, at < full)))
  if (images.length > listed) parts.push(`\n…and ${images.length - listed} more images.\n`)
  const more = Math.max(0, objects.length - listed) + omittedObjects
  if (more > 0) parts.push(`\n…and ${more} more objects.\n`)
  return `\n<details><summary>${codeText(nameOf(application))} ${countsText(objects)}</summary>\n\n${parts.join('')}\n</details>\n`
}

function versionText({ before, after }: { readonly before?: string; readonly after?: string }): string {
  return `${before === undefined ? 'none' : codeText(before)} to ${after === undefined ? 'none' : codeText(after)}`
}

function objectText(object: PlannedObject, isFull: boolean): string {
  const move =
    object.from === undefined
      ? object.to === undefined
        ? ''
        : ` to ${codeText(object.to)}`
      : ` from ${codeText(object.from)}`
  const note = object.note === undefined ? '' : `: ${escapeMarkdown(object.note)}`
  const head = `- ${actionWord(object)} ${codeText(labelOf(object.ref))}${move}${note}${placeText(object)}\n`
  if (!isFull || object.differences.length === 0) return head
  const lines = object.differences.flatMap((difference) => {
    const origin = originNote(difference)
    return [
      `@@ ${difference.path}${origin === '' ? '' : ` (${origin})`} @@`,
      ...valueLines(difference).map(({ sign, text }) => `${sign === '…' ? ' …' : sign} ${text}`),
    ]
  })
  if (object.omitted > 0) lines.push(`@@ and ${object.omitted} more fields @@`)
  return `${head}\n${fenced(lines.join('\n'), 'diff')}\n`
}
