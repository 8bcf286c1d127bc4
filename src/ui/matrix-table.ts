import type { ClusterHealth, MatrixPage, MatrixRow, ObjectHead } from '../observe/index.ts'
import { commitLink, html, ageText, paths, type Html, type View } from './html.ts'
import { scrolling } from './layout.ts'
import { headText, healthText } from './state-badge.ts'

/** Widths of the columns, in pixels, as `style-matrix.ts` has them; a narrow screen has no use for them. */
const firstWidth = 190
const cellWidth = 142

/**
 * A table with clusters in columns. Every row is laid out by itself, so that a browser leaves those alone that are not on the screen; the roles say that it is a table nonetheless. On
 * a narrow screen each row becomes a card in which every cell says its cluster.
 *
 * @param shown `what`: name of the first column; `heads`: one for each cluster; `rows` are made by {@link matrixLine}.
 */
export function matrixOf(shown: {
  readonly label: string
  readonly what: string
  readonly heads: readonly Html[]
  readonly rows: readonly Html[]
}): Html {
  const { label, what, heads, rows } = shown
  return scrolling(
    label,
    html`<table class="matrix" role="table" width="${firstWidth + heads.length * cellWidth}">
      <caption class="hidden">
        ${label}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">${what}</th>
          ${heads.map((head) => html`<th scope="col" role="columnheader">${head}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows}
      </tbody>
    </table>`,
  )
}

/** One row, with the cells of its clusters. */
export function matrixLine(id: string, head: Html, cells: readonly Html[]): Html {
  // prettier-ignore
  return html`<tr role="row" data-key="${id}"><th scope="row" role="rowheader">${head}</th>${cells}</tr>
`
}

/** The cell of a cluster that has not got what the row is about. */
export const emptyCell: Html = html`<td role="cell" class="none"><span class="hidden">not there</span></td>`

/** Applications in rows, clusters in columns. */
export function matrixTable(view: View, { rows, clusters }: MatrixPage, what: string): Html {
  return matrixOf({
    label: `${what}s by cluster`,
    what,
    heads: clusters.map((health) => html`<span class="cluster">${health.cluster}</span>${healthText(view, health)}`),
    rows: rows.map((row) =>
      matrixLine(
        row.id,
        html`<b>${row.name}</b><span class="under">${row.kind}, ${row.namespace}</span>`,
        clusters.map((health) => cell(view, health, row)),
      ),
    ),
  })
}

/** Hundreds of them are on a page, so they are as small as they can be: one link to the application, whose sign the stylesheet draws, and one to the commit. */
function cell(view: View, { cluster, health }: ClusterHealth, row: MatrixRow): Html {
  const head = row.inCluster.get(cluster)
  if (head === undefined) return emptyCell
  const why = head.message ?? head.held?.message
  const [state, text] = headText(head, health === 'stale')
  const title = why === undefined ? '' : html` title="${why}"`
  // White space would be a node of its own in every cell.
  // prettier-ignore
  return html`<td role="cell" data-label="${cluster}"><a class="cell s-${state}" href="${paths.object(cluster, row.id)}"${title}>${text}</a><br>${under(view, head)}</td>`
}

/** Stands in few places, and is said whole in the filter above. */
const behindMark = html`<span title="behind: its source has something newer"
  ><span aria-hidden="true">↓</span><span class="hidden">behind</span></span
>`
const pinnedMark = html`<span class="cell s-pinned">pinned</span>`

/** What is there, since when, and whether there is something newer. */
function under(view: View, { revision, since, behind, pin }: ObjectHead): Html {
  const parts = [
    revision === undefined ? '' : commitLink(revision),
    since === undefined ? '' : ageText(view, since),
    pin === undefined ? (behind === true ? behindMark : '') : pinnedMark,
  ].filter((part) => part !== '')
  return html`<small>${parts.map((part, i) => (i === 0 ? part : [' · ', part]))}</small>`
}
