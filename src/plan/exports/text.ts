import type { PlanDocument, PlannedApplication, PlannedObject } from '../document.ts'
import { labelOf } from '../object.ts'
import { plain } from '../scrub.ts'
import { actionWord, originNote, valueLines } from './difference-lines.ts'
import { countsText, liveTexts, verdictOf, verdictTexts } from './summary.ts'

/** Colours, as a terminal has them; each gives the text itself where there are none. */
export interface TextStyle {
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly cyan: (text: string) => string
}

/** How a plan is printed for a terminal. */
export interface TextOptions {
  /** Columns: sentences wrap inside of them. What is in files is printed as it is. Undefined: nothing wraps, as for a pipe. */
  readonly width?: number | undefined
  /** Whoever prints it says once for all applications that no cluster was asked. */
  readonly isGitOnly?: boolean
}

/** A plan for a terminal: the verdict, dangers, errors, and what changes of each application. Letters that steer terminals are taken out. */
export function planText(plan: PlanDocument, style: TextStyle, options: TextOptions = {}): string {
  const { width } = options
  const verdict = verdictOf(plan)
  const paint = verdict === 'failed' || verdict === 'incomplete' || verdict === 'blocked' ? style.red : style.bold
  const dangers = plan.dangers.map((danger) => {
    const colour = danger.severity === 'danger' || danger.severity === 'block' ? style.red : style.yellow
    const drift = danger.origin === 'drift' ? ' (drift, not this change)' : ''
    const where = `${line(danger.cluster)}: ${line(danger.application)}${placeOf(danger)} (${danger.rule})`
    const margin = ' '.repeat(severityWidth + 3)
    const [first = '', ...more] = wrapText(`${line(danger.message)}${drift}`, roomIn(width, margin))
    const places = wrapText(where, roomIn(width, margin)).map((text) => `${margin}${style.dim(text)}\n`)
    const severity = colour(danger.severity) + ' '.repeat(severityWidth - danger.severity.length)
    return `  ${severity} ${first}\n${more.map((text) => `${margin}${text}\n`).join('')}${places.join('')}`
  })
  const applications = plan.applications.filter(({ state, objects }) => state !== 'unaffected' || objects.length > 0)
  return [
    paint(verdictTexts[verdict]),
    '\n',
    ...(plan.unplanned ?? []).map(
      ({ cluster, reason }) =>
        `  ${style.red('not planned')} ${hung(`${line(cluster)}: ${line(reason)}`, 'not planned'.length + 3, width)}`,
    ),
    ...dangers,
    ...applications.map((one) => applicationText(one, style, options)),
  ].join('')
}

/** `warning`, the longest. */
const severityWidth = 7

function applicationText(
  application: PlannedApplication,
  style: TextStyle,
  { width, isGitOnly = false }: TextOptions,
): string {
  const { cluster, kind, namespace, name, state, reason, errors, live, chart, images, objects } = application
  const paint = state === 'failed' ? style.red : style.bold
  const asked = live === 'read' || (isGitOnly && live === 'not-asked') ? '' : liveTexts[live]
  const notes = [state === 'planned' ? '' : state, countsText(objects), asked].filter((note) => note !== '')
  return [
    `\n${paint(`${line(kind)}/${line(namespace)}/${line(name)}`)} on ${line(cluster)}${notes.length === 0 ? '' : style.dim(`  ${notes.join('; ')}`)}\n`,
    ...(reason === undefined ? [] : [`  ${hung(line(reason), 2, width)}`]),
    ...errors.map((error) => {
      const what = `${error.object === undefined ? '' : `${line(error.object)}: `}${plain(error.message)}${placeOf(error)}`
      const [first = '', ...more] = what.split('\n')
      const rest = more.map((text) => `    ${hung(text, 4, width)}`)
      return `  ${style.red('error')} ${hung(first, 4, width, 'error'.length - 1)}${rest.join('')}`
    }),
    ...(chart === undefined ? [] : [`  chart ${line(chart.name)} ${versions(chart)}\n`]),
    ...images.map(
      (image) =>
        `  image ${versions(image)} ${style.dim(`(${image.containers.length === 1 ? line(image.containers[0] ?? '') : `${image.containers.length} containers`})`)}\n`,
    ),
    ...objects.map((object) => objectText(object, style)),
  ].join('')
}

function objectText(object: PlannedObject, style: TextStyle): string {
  const colour =
    { create: style.green, delete: style.red, replace: style.red, refuse: style.red }[object.action as string] ??
    style.yellow
  const move =
    object.from === undefined ? (object.to === undefined ? '' : ` to ${line(object.to)}`) : ` from ${line(object.from)}`
  const note = object.note === undefined ? '' : style.dim(`  (${line(object.note)})`)
  const differences = object.differences.map((difference) => {
    const origin = originNote(difference)
    const lines = valueLines(difference).map(({ sign, text }) => {
      const whole = `        ${sign} ${line(text)}`
      return `${sign === '-' ? style.red(whole) : sign === '+' ? style.green(whole) : style.dim(whole)}\n`
    })
    return `      ${style.cyan(line(difference.path))}${origin === '' ? '' : style.dim(`  ${origin}`)}\n${lines.join('')}`
  })
  const more = object.omitted === 0 ? '' : `      ${style.dim(`and ${object.omitted} more fields`)}\n`
  return `  ${colour(actionWord(object))} ${line(labelOf(object.ref))}${move}${note}\n${differences.join('')}${more}`
}

function versions({ before, after }: { readonly before?: string; readonly after?: string }): string {
  return `${line(before ?? 'none')} -> ${line(after ?? 'none')}`
}

function placeOf({ file, line: number }: { readonly file?: string; readonly line?: number }): string {
  return file === undefined ? '' : `, ${line(file)}${number === undefined ? '' : `:${number}`}`
}

/** One line of others' text. */
function line(text: string): string {
  return plain(text).replaceAll('\n', ' ')
}

/** Columns that are left beside a margin. Fewer than these help nobody. */
function roomIn(width: number | undefined, margin: string): number | undefined {
  return width === undefined ? undefined : Math.max(40, width - margin.length)
}

/** A sentence with its line end, whose further lines hang under a margin. @param more columns that the first line has less. */
function hung(text: string, margin: number, width: number | undefined, more = 0): string {
  const space = ' '.repeat(margin)
  return wrapText(text, roomIn(width, space), more)
    .map((one, index) => `${index === 0 ? '' : space}${one}\n`)
    .join('')
}

/**
 * Lines of at most `width` letters, broken at spaces; a longer word has a line of its own.
 *
 * @param less columns that the first line has less.
 */
export function wrapText(text: string, width: number | undefined, less = 0): readonly string[] {
  if (width === undefined) return [text]
  const lines: string[] = []
  let current = ''
  let used = less
  for (const word of text.split(' ')) {
    const length = Array.from(word).length
    if (current !== '' && used + 1 + length > width) {
      lines.push(current)
      current = word
      used = length
    } else {
      used += (current === '' ? 0 : 1) + length
      current = current === '' ? word : `${current} ${word}`
    }
  }
  return [...lines, current]
}
