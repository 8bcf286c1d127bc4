import { html, paths, type Html, type View } from './html.ts'

/** A whole page around its content. */
export function layout(
  view: View,
  page: {
    readonly title: string
    readonly at: 'overview' | 'runs' | 'drift' | 'other'
    readonly content: Html
    /** A cluster was asked for this page. */
    readonly isLive?: boolean
  },
): Html {
  const current = (place: string): Html | '' => (page.at === place ? html`aria-current="page"` : '')
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} · Sluice</title>
        <link rel="stylesheet" href="${view.styleUrl}" />
        <link rel="icon" type="image/svg+xml" href="/ui/icon.svg" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="${paths.overview()}">Sluice</a>
          <nav aria-label="Pages">
            <a href="${paths.overview()}" ${current('overview')}>Overview</a>
            <a href="${paths.runs()}" ${current('runs')}>Runs</a>
            <a href="${paths.drift()}" ${current('drift')}>Drift</a>
          </nav>
          <form class="find" action="/ui/commits" method="get" role="search">
            <label class="hidden" for="commit">Commit</label>
            <input
              id="commit"
              name="commit"
              placeholder="Commit"
              pattern="[0-9a-fA-F]{7,64}"
              title="A commit, or at least seven digits of it"
              autocomplete="off"
              spellcheck="false"
              required
            />
            <button type="submit">Trace</button>
          </form>
          ${
            view.user === undefined
              ? ''
              : html`<form class="out" action="/ui/sign-out" method="post">
                  <span class="quiet">${view.user}</span> <button type="submit" class="plain">Sign out</button>
                </form>`
          }
        </header>
        <main id="main" tabindex="-1">${page.content}</main>
        <footer>
          As of ${new Date(view.now).toISOString().slice(0, 19).replace('T', ' ')} UTC, from what runs have saved;
          ${page.isLive === true ? 'the cluster was asked where it says so' : 'no cluster was asked'}.
        </footer>
      </body>
    </html>`
}

/** A table that scrolls by itself where it is wider than the page, also by keyboard. */
export function scrolling(label: string, table: Html): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${table}</div>`
}

/** A list of names and values. */
export function facts(rows: readonly (readonly [string, Html | string] | undefined)[]): Html {
  return html`<dl class="facts">
    ${rows.map((row) =>
      row === undefined
        ? ''
        : html`<div>
            <dt>${row[0]}</dt>
            <dd>${row[1]}</dd>
          </div>`,
    )}
  </dl>`
}

/** A column of a table: its name, and how its cells are set. */
export interface Column {
  readonly name: string
  readonly set?: 'num' | 'text' | 'nowrap' | 'wide' | 'bar'
}

/** A table whose first column names its rows. On a narrow screen each row becomes a block in which every cell says its column. */
export function dataTable(label: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Html {
  return scrolling(
    label,
    html`<table class="data">
      <caption class="hidden">
        ${label}
      </caption>
      <thead>
        <tr>
          ${columns.map(({ name, set }) => html`<th scope="col" class="${set ?? ''}">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, index) => dataCell(columns[index], cell, index === 0))}
            </tr>`,
        )}
      </tbody>
    </table>`,
  )
}

type Cell = Html | string | number

function dataCell(column: Column | undefined, cell: Cell, isHead: boolean): Html {
  const { name = '', set = '' } = column ?? {}
  if (isHead) return html`<th scope="row" class="${set}">${cell}</th>`
  const isEmpty = cell === '' || cell === none
  return html`<td class="${set} ${isEmpty ? 'empty' : ''}" data-label="${name}"><div>${cell}</div></td>`
}

/** Stands for a value that there is not. */
export const none: Html = html`<span class="quiet">–</span>`
