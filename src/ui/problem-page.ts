import { html, paths, type Html, type View } from './html.ts'
import { layout } from './layout.ts'

/** A page that says why there is no other. */
export function problemPage(view: View, problem: { readonly title: string; readonly message: string }): Html {
  return layout(view, {
    title: problem.title,
    at: 'other',
    content: html`<h1>${problem.title}</h1>
      <p class="note bad">${problem.message}</p>
      <p><a href="${paths.overview()}">To the overview</a></p>`,
  })
}
