import {
  actionWord,
  countsText,
  labelOf,
  originNote,
  valueLines,
  type FieldDifference,
  type PlannedApplication,
  type PlannedObject,
  type VersionChange,
} from '../plan/index.ts'
import { html, type Html } from './html.ts'

/** Objects of one application that are listed. */
const maxObjects = 500
/** Lines of one field that are shown. */
const maxLines = 400

/** How much would happen to the objects of an application. */
export function countText({ objects, unchanged, omittedObjects = 0 }: PlannedApplication): string {
  const counts = countsText(objects)
  const more = omittedObjects === 0 ? '' : `${omittedObjects} more not listed`
  const same = unchanged === 0 ? '' : `${unchanged} unchanged`
  return [counts, more, same].filter((text) => text !== '').join(', ')
}

/** What changes of one application, folded away. */
export function applicationDetails(application: PlannedApplication): Html {
  const { cluster, kind, namespace, name, reason, chart, images, objects, omittedObjects = 0 } = application
  const more = Math.max(0, objects.length - maxObjects) + omittedObjects
  return html`<details class="plan">
    <summary>
      <b>${cluster}</b> <span class="kind">${kind}</span> ${namespace}/<wbr />${name}
      <span class="quiet">${countText(application)}</span>
    </summary>
    ${reason === undefined ? '' : html`<p class="note">${reason}</p>`}
    <ul class="changes">
      ${chart === undefined ? '' : html`<li>chart <code>${chart.name}</code>: ${versions(chart)}</li>`}
      ${images.map(
        (image) =>
          html`<li>image ${versions(image)} <span class="quiet">${image.containers.slice(0, 5).join(', ')}</span></li>`,
      )}
      ${objects.slice(0, maxObjects).map(objectItem)}
    </ul>
    ${more === 0 ? '' : html`<p class="quiet">and ${more} more objects</p>`}
  </details>`
}

function versions({ before, after }: Pick<VersionChange, 'before' | 'after'>): Html {
  const one = (text: string | undefined): Html => (text === undefined ? html`none` : html`<code>${text}</code>`)
  return html`${one(before)} to ${one(after)}`
}

function objectItem(object: PlannedObject): Html {
  const { from, to, note, file, line, differences, omitted } = object
  const where = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}`
  return html`<li>
    <span class="action">${actionWord(object)}</span> <code class="break">${labelOf(object.ref)}</code>
    ${from === undefined ? '' : html`from <code>${from}</code>`} ${to === undefined ? '' : html`to <code>${to}</code>`}
    ${note === undefined ? '' : html`<span class="quiet">${note}</span>`}
    ${where === '' ? '' : html`<code class="quiet break">${where}</code>`} ${differences.map(difference)}
    ${omitted === 0 ? '' : html`<p class="quiet">and ${omitted} more fields</p>`}
  </li>`
}

function difference(one: FieldDifference): Html {
  const note = originNote(one)
  const lines = valueLines(one)
  const head = html`<p class="field"><code class="break">${one.path}</code> <span class="quiet">${note}</span></p>`
  if (lines.length === 0) return head
  return html`${head}
    <div class="scroll" role="region" aria-label="Difference of a field" tabindex="0">
      <pre class="diff">
${lines
          .slice(0, maxLines)
          .map(({ sign, text }) => html`<span class="${lineClass(sign)}">${sign} ${text}</span>${'\n'}`)}${
          lines.length > maxLines ? `… and ${lines.length - maxLines} more lines\n` : ''
        }</pre>
    </div>`
}

function lineClass(sign: string): string {
  return sign === '+' ? 'added' : sign === '-' ? 'removed' : 'same'
}
