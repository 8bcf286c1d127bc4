import { actionButton, type Notice, type Offer } from './action-form.ts'
import { ago, html, type Html, type View } from './html.ts'
import type { PlanView } from './plan-types.ts'

/** What can be done from the page of a plan, and what came of it. */
export interface PlanPageActions {
  /** What can be done with this plan at all, by whoever looks. */
  readonly offer?: Offer | undefined
  readonly notice?: Notice | undefined
  /** Who has approved it, where it is known. Names are hostile. */
  readonly approvals?: readonly { readonly cluster: string; readonly by: string; readonly at: number }[]
}

/** The buttons of a plan: those that make sense now. */
export function planActions({ head, document, isPending }: PlanView, offer: Offer | undefined): Html | '' {
  if (offer === undefined) return ''
  const target = { plan: head.id }
  const { reference } = document
  const isOpen = (head.state === 'current' || head.state === 'merged') && !isPending
  const parts = [
    isOpen && reference !== undefined && offer.may('approve')
      ? actionButton(
          offer,
          'approve',
          { ...target, seen: reference },
          { text: 'Approve this plan…', isDangerous: true },
        )
      : '',
    head.state === 'merged' && offer.may('revert')
      ? actionButton(offer, 'revert', target, { text: 'Open a pull request that reverts it', isDangerous: true })
      : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? '' : html`<section class="actions" aria-label="Actions for the plan">${parts}</section>`
}

/** Who has approved a plan, and for which clusters. */
export function approvalNotes(view: View, approvals: NonNullable<PlanPageActions['approvals']>): Html | '' {
  if (approvals.length === 0) return ''
  const byPerson = [...Map.groupBy(approvals, ({ by }) => by)]
  return html`<ul class="notes">
    ${byPerson.map(
      ([by, own]) =>
        html`<li class="note good">
          Approved by <b>${by}</b> for ${own.map(({ cluster }) => cluster).join(', ')} (${ago(view, own[0]?.at)})
        </li>`,
    )}
  </ul>`
}
