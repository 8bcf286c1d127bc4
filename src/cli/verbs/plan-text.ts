import { diffLines } from '../../base/index.ts'
import type { PlannedDifference, PlannedNode } from '../../reconcile/index.ts'
import type { Style } from '../terminal/style.ts'
import { plainText } from '../terminal/terminal.ts'
import { shortRevision } from './object-row.ts'
import { paintAction } from './run-text.ts'

/** Objects that stay as they are are only counted. */
const silent: readonly string[] = ['unchanged']

/** What a plan says for people: each object that would change, with the fields and values that differ. Exported for tests. */
export function planText(nodes: readonly PlannedNode[], style: Style): string {
  return nodes.map((node) => nodeText(node, style)).join('\n')
}

function nodeText({ record, objects }: PlannedNode, style: Style): string {
  const paint = record.state === 'failed' ? style.red : style.bold
  const revision = record.revision === undefined ? '' : style.dim(` at ${shortRevision(record.revision)}`)
  const head = `${paint(`${record.kind}/${record.namespace}/${record.name}`)}${revision}\n`
  const message =
    record.message === undefined ? '' : `  ${shortRevision(plainText(record.message)).replaceAll('\n', '\n  ')}\n`
  const changes = objects
    .filter((object) => !silent.includes(object.action))
    .map((object) => {
      const note = object.note === undefined ? '' : style.dim(`  (${plainText(object.note)})`)
      const line = `  ${paintAction(style, object.action)} ${plainText(object.object)}${note}\n`
      return line + object.differences.map((one) => differenceText(one, style)).join('')
    })
  return head + message + changes.join('')
}

/** A path, and under it what was and what would be; long texts line by line. */
function differenceText({ path, before, after }: PlannedDifference, style: Style): string {
  const lines = diffLines(plainText(before ?? ''), plainText(after ?? ''), {
    hasBefore: before !== undefined,
    hasAfter: after !== undefined,
  })
  const body = lines.map(({ sign, text }) => {
    const line = `        ${sign} ${text}`
    return `${sign === '-' ? style.red(line) : sign === '+' ? style.green(line) : style.dim(line)}\n`
  })
  return `      ${style.cyan(plainText(path))}\n${body.join('')}`
}
