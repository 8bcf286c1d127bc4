import { isFinal, type Run } from '../coordinator/index.ts'
import { actionButton, type Offer } from './action-form.ts'
import { html, type Html } from './html.ts'

/** The buttons of a run: to end it while it goes on, and to try again what failed in it. */
export function runActions(run: Run, offer: Offer | undefined): Html | '' {
  if (offer === undefined) return ''
  const target = { run: run.id }
  const isOver = run.records.every(isFinal)
  const hasFailed = run.records.some(({ nodes }) =>
    nodes.some(({ state }) => state === 'failed' || state === 'blocked'),
  )
  const parts = [
    !isOver && offer.may('abort') ? actionButton(offer, 'abort', target, { text: 'Abort…', isDangerous: true }) : '',
    isOver && hasFailed && run.plan !== true && offer.may('retry')
      ? actionButton(offer, 'retry', target, { text: 'Retry what failed' })
      : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? '' : html`<section class="actions" aria-label="Actions for the run">${parts}</section>`
}
