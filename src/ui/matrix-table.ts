import type { ClusterHealth, MatrixPage, MatrixRow, ObjectHead } from '../observe/index.ts'
import { age, html, paths, shortRevision, type Html, type View } from './html.ts'
import { scrolling } from './layout.ts'
import { badge, headBadge, healthText } from './state-badge.ts'

/**
 * Applications in rows, clusters in columns. On a narrow screen each application becomes a card in which every cell says its cluster; the roles say that it is a table
 * nonetheless.
 */
export function matrixTable(view: View, { rows, clusters }: MatrixPage, what: string): Html {
  const label = `${what}s by cluster`
  return scrolling(
    label,
    html`<table class="matrix" role="table">
      <caption class="hidden">
        ${label}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">${what}</th>
          ${clusters.map(
            (health) =>
              html`<th scope="col" role="columnheader">
                <span class="cluster">${health.cluster}</span>${healthText(view, health)}
              </th>`,
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map((row) => matrixRow(view, clusters, row))}
      </tbody>
    </table>`,
  )
}

function matrixRow(view: View, clusters: readonly ClusterHealth[], row: MatrixRow): Html {
  return html`<tr role="row" data-key="${row.id}">
    <th scope="row" role="rowheader"><b>${row.name}</b><span class="under">${row.kind}, ${row.namespace}</span></th>
    ${clusters.map((health) => cell(view, health, row))}
  </tr>`
}

function cell(view: View, { cluster, health }: ClusterHealth, row: MatrixRow): Html {
  const head = row.inCluster.get(cluster)
  if (head === undefined) return html`<td role="cell" class="none"><span class="hidden">not there</span></td>`
  const why = head.message ?? head.held?.message
  return html`<td role="cell" data-label="${cluster}">
    <a class="cell" href="${paths.object(cluster, row.id)}" ${why === undefined ? '' : html`title="${why}"`}
      >${headBadge(head, health === 'stale')}</a
    ><span class="under">${under(view, head)}</span>
  </td>`
}

/** What is there, since when, and whether there is something newer. */
function under(view: View, { revision, since, behind, pin }: ObjectHead): Html {
  const parts = [
    revision === undefined ? '' : shortRevision(revision),
    age(view, since),
    pin === undefined ? (behind === true ? badge('behind', 'behind') : '') : badge('pinned', 'pinned'),
  ]
  return html`${parts.filter((part) => part !== '').map((part, i) => html`${i === 0 ? '' : ' · '}${part}`)}`
}
