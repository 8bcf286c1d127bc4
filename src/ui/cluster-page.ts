import { heldOf, objectStates, type ObservedCluster } from '../observe/index.ts'
import {
  actionButton,
  actionForm,
  noticeText,
  reasonField,
  untilField,
  type Notice,
  type Offer,
} from './action-form.ts'
import { html, paths, type Html, type View } from './html.ts'
import { facts, layout } from './layout.ts'
import { badge, healthText } from './state-badge.ts'
import { waitingList, type WaitingList } from './waiting-list.ts'

/** One cluster: whether it is seen, what holds it, how its objects stand, and its switches. */
export function clusterPage(
  view: View,
  { health, objects, omitted }: ObservedCluster,
  more: {
    readonly offer?: Offer | undefined
    readonly notice?: Notice | undefined
    readonly drifted: number
    readonly waiting?: WaitingList | undefined
  },
): Html {
  const { cluster, error } = health
  const held = heldOf(objects)
  const counts = objectStates
    .map((state) => [state, objects.filter((object) => object.state === state).length] as const)
    .filter(([, count]) => count > 0)
  return layout(view, {
    title: `Cluster ${cluster}`,
    at: 'other',
    content: html`
      <p class="crumbs"><a href="${paths.overview()}">Overview</a></p>
      <h1><span class="kind">Cluster</span> ${cluster}</h1>
      <p class="headline">${healthText(view, health)}</p>
      ${noticeText(more.notice)}
      ${error === undefined ? '' : html`<p class="note bad">${error.message} <span class="reason">${error.code}</span></p>`}
      ${
        held === undefined
          ? ''
          : html`<ul class="notes">
              <li class="note warn">${held.message}</li>
            </ul>`
      }
      ${actions(cluster, held, more.offer)}
      ${facts([
        ['Objects', String(objects.length)],
        omitted === 0 ? undefined : ['Not remembered', String(omitted)],
        [
          'Drift',
          html`<a href="${paths.drift({ cluster })}">${more.drifted === 0 ? 'none' : String(more.drifted)}</a>`,
        ],
        ['Runs', html`<a href="${paths.runs({ cluster })}">of this cluster</a>`],
      ])}
      ${more.waiting === undefined ? '' : waitingList(view, cluster, more.waiting)}
      <h2>States</h2>
      ${
        counts.length === 0
          ? html`<p class="note">
              No run has seen anything in it. The next scan or push looks;
              <a href="${paths.runs({ cluster, quiet: 'true' })}">its runs</a> and <code>sluice doctor</code> say what
              keeps it.
            </p>`
          : html`<ul class="tree">
              ${counts.map(([state, count]) => html`<li>${badge(state)} ${count}</li>`)}
            </ul>`
      }
    `,
  })
}

function actions(cluster: string, held: ReturnType<typeof heldOf>, offer: Offer | undefined): Html | '' {
  if (offer === undefined) return ''
  const target = { cluster }
  const isSuspended = held?.kind === 'suspended'
  const parts = [
    offer.may('reconcile') && held === undefined
      ? actionButton(offer, 'reconcile', target, { text: 'Reconcile everything' })
      : '',
    offer.may('approve') && held?.kind === 'approval'
      ? actionButton(offer, 'approve', target, { text: 'Approve the first run…', isDangerous: true })
      : '',
    offer.may('resume') && isSuspended ? actionButton(offer, 'resume', target, { text: 'Resume the cluster' }) : '',
    offer.may('suspend') && !isSuspended
      ? actionForm(offer, 'suspend', target, {
          id: 'suspend',
          text: 'Suspend the cluster…',
          submit: 'Suspend the cluster…',
          fields: [reasonField, untilField],
          isDangerous: true,
        })
      : '',
  ].filter((part) => part !== '')
  return parts.length === 0
    ? ''
    : html`<section class="actions" aria-label="Actions for the cluster ${cluster}">${parts}</section>`
}
