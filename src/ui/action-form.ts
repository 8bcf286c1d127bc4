import { externalLink, html, paths, type Html } from './html.ts'

/** What somebody may do from a page, and what their forms prove it with. */
export interface Offer {
  readonly may: (action: string) => boolean
  /** What a form of this action must bring. */
  readonly tokenOf: (action: string) => string
}

/** What came of an action, told once on the page that follows. */
export interface Notice {
  readonly isProblem: boolean
  readonly text: string
  /** Id of the run that follows. */
  readonly run?: string
  /** What was made somewhere else. */
  readonly link?: { readonly url: string; readonly text: string }
}

/** The fields that say what a form is about. */
export type FormTarget = { readonly [name: string]: string }

/** A field that somebody fills in. */
export interface FormField {
  readonly name: string
  readonly label: string
  readonly hint?: string
  readonly value?: string
  readonly isRequired?: boolean
  readonly maxLength: number
  readonly pattern?: string
}

/** A button that does something at once, or leads to a page that asks first. */
export function actionButton(
  offer: Offer,
  action: string,
  target: FormTarget,
  options: { readonly text: string; readonly isDangerous?: boolean },
): Html {
  return html`<form method="post" action="${paths.action(action)}" class="act">
    ${hiddenFields(offer, action, target)}
    <button type="submit" class="${options.isDangerous === true ? 'danger' : ''}">${options.text}</button>
  </form>`
}

/** An action with fields, folded up until somebody wants it. */
export function actionForm(
  offer: Offer,
  action: string,
  target: FormTarget,
  options: {
    readonly id: string
    readonly text: string
    readonly submit: string
    readonly fields: readonly FormField[]
    readonly isDangerous?: boolean
  },
): Html {
  const { id, text, submit, fields, isDangerous } = options
  return html`<details class="act">
    <summary class="button">${text}</summary>
    <form method="post" action="${paths.action(action)}" class="panel">
      ${hiddenFields(offer, action, target)} ${fields.map((field) => formField(`${id}-${field.name}`, field))}
      <button type="submit" class="${isDangerous === true ? 'danger' : ''}">${submit}</button>
    </form>
  </details>`
}

function formField(id: string, field: FormField): Html {
  const { name, label, hint, value, isRequired, maxLength, pattern } = field
  return html`<label for="${id}">${label}</label>
    <input
      id="${id}"
      name="${name}"
      value="${value ?? ''}"
      maxlength="${maxLength}"
      ${pattern === undefined ? '' : html`pattern="${pattern}"`}
      ${hint === undefined ? '' : html`placeholder="${hint}"`}
      ${isRequired === true ? html`required` : ''}
      autocomplete="off"
      spellcheck="false"
    />`
}

/** What a form brings besides what somebody fills in. */
export function hiddenFields(offer: Pick<Offer, 'tokenOf'>, action: string, target: FormTarget): Html {
  const fields = { csrf: offer.tokenOf(action), ...target }
  return html`${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}`
}

/** What came of the action before, at the top of the page. */
export function noticeText(notice: Notice | undefined): Html | '' {
  if (notice === undefined) return ''
  const { isProblem, text, run, link } = notice
  return html`<p class="note ${isProblem ? 'bad' : 'good'}" role="status">
    ${text} ${link === undefined ? '' : externalLink(link.url, link.text)}
    ${run === undefined ? '' : html`<a href="${paths.run(run)}">See its run</a>`}
  </p>`
}

/** Fields that several forms have. */
export const reasonField: FormField = {
  name: 'reason',
  label: 'Why',
  maxLength: 1000,
  hint: 'for those who wonder later',
}
export const untilField: FormField = {
  name: 'until',
  label: 'Until',
  maxLength: 64,
  hint: '4h, 2d or 2026-01-31T18:00:00Z; empty: until somebody ends it',
}
