import { hiddenFields, type FormTarget, type Offer } from './action-form.ts'
import { html, paths, type Html, type View } from './html.ts'
import { layout } from './layout.ts'

/** Asks once more before something that is hard to take back. */
export function confirmPage(
  view: View,
  question: {
    readonly action: string
    readonly title: string
    /** What will happen, sentence by sentence. */
    readonly consequences: readonly string[]
    readonly submit: string
    readonly target: FormTarget
    /** Where to go on without doing it. */
    readonly back: string
    readonly offer: Pick<Offer, 'tokenOf'>
  },
): Html {
  const { action, title, consequences, submit, target, back, offer } = question
  return layout(view, {
    title,
    at: 'other',
    content: html`<h1>${title}</h1>
      <ul class="notes">
        ${consequences.map((text) => html`<li class="note warn">${text}</li>`)}
      </ul>
      <form method="post" action="${paths.action(action)}" class="actions">
        ${hiddenFields(offer, action, { ...target, confirmed: 'yes' })}
        <button type="submit" class="danger">${submit}</button>
        <a class="button" href="${back}">No, go back</a>
      </form>`,
  })
}
