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

/** A plan for a terminal: the verdict, dangers, errors, and what changes of each application. Letters that steer terminals are taken out. */
export function planText(plan: PlanDocument, style: TextStyle): string {
  const verdict = verdictOf(plan)
  const paint = verdict === 'failed' || verdict === 'incomplete' || verdict === 'blocked' ? style.red : style.bold
  const dangers = plan.dangers.map((danger) => {
    const colour = danger.severity === 'danger' || danger.severity === 'block' ? style.red : style.yellow
    const place = placeOf(danger)
    const drift = danger.origin === 'drift' ? ' (drift, not this change)' : ''
    return `  ${colour(danger.severity)} ${line(danger.message)}${drift} ${style.dim(`${line(danger.cluster)}: ${line(danger.application)}${place} (${danger.rule})`)}\n`
  })
  const applications = plan.applications.filter(({ state, objects }) => state !== 'unaffected' || objects.length > 0)
  return [
    paint(verdictTexts[verdict]),
    '\n',
    ...(plan.unplanned ?? []).map(
      ({ cluster, reason }) => `  ${style.red('not planned')} ${line(cluster)}: ${line(reason)}\n`,
    ),
    ...dangers,
    ...applications.map((one) => applicationText(one, style)),
  ].join('')
}

function applicationText(application: PlannedApplication, style: TextStyle): string {
  const { cluster, kind, namespace, name, state, reason, errors, live, chart, images, objects } = application
  const paint = state === 'failed' ? style.red : style.bold
  const notes = [state === 'planned' ? '' : state, countsText(objects), live === 'read' ? '' : liveTexts[live]].filter(
    (note) => note !== '',
  )
  return [
    `\n${paint(`${line(kind)}/${line(namespace)}/${line(name)}`)} on ${line(cluster)}${notes.length === 0 ? '' : style.dim(`  ${notes.join('; ')}`)}\n`,
    ...(reason === undefined ? [] : [`  ${line(reason)}\n`]),
    ...errors.map(
      (error) =>
        `  ${style.red('error')} ${error.object === undefined ? '' : `${line(error.object)}: `}${indent(error.message)}${placeOf(error)}\n`,
    ),
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

function indent(text: string): string {
  return plain(text).replaceAll('\n', '\n    ')
}
