import { html, paths, type Html, type View } from './html.ts'
import { places, type Place } from './navigation.ts'

/** A whole page around its content. */
export interface PageParts {
  readonly title: string
  readonly at: Place
  readonly content: Html
  /** Of a page that refreshes itself: what is told to screen readers where it has changed. */
  readonly live?: string
  /** A cluster was asked for this page. */
  readonly isLive?: boolean
}

/** A whole page around its content. */
export function layout(view: View, page: PageParts): Html {
  const live = page.live === undefined ? undefined : view.live
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${page.title} · Sluice</title>
        <link rel="stylesheet" href="${view.styleUrl}" />
        <link rel="icon" type="image/svg+xml" href="/ui/icon.svg" />
        ${live === undefined ? '' : html`<script src="${live.scriptUrl}" defer></script>`}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="${paths.overview()}">Sluice</a>
          <nav aria-label="Pages">
            ${places.map(
              ({ at, name, path }) =>
                html`<a href="${path}" ${page.at === at ? html`aria-current="page"` : ''}>${name}</a>`,
            )}
          </nav>
          ${findForm()} ${signOut(view)}
        </header>
        <main id="main" tabindex="-1" ${liveMarks(live?.version, page.live)}>${page.content}</main>
        <footer>
          <p id="as-of" ${live === undefined ? '' : html`data-live`}>
            As of ${new Date(view.now).toISOString().slice(0, 19).replace('T', ' ')} UTC, from what runs have saved;
            ${page.isLive === true ? 'the cluster was asked where it says so' : 'no cluster was asked'}.
          </p>
          ${live === undefined ? '' : html`<p id="live-note"></p>`}
        </footer>
        ${live === undefined ? '' : html`<p id="news" class="hidden" role="status" aria-live="polite"></p>`}
      </body>
    </html>`
}

function liveMarks(version: string | undefined, summary: string | undefined): Html | '' {
  if (version === undefined || summary === undefined) return ''
  return html`data-live data-version="${version}" data-summary="${summary}"`
}

function findForm(): Html {
  return html`<form class="find" action="/ui/commits" method="get" role="search">
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
  </form>`
}

function signOut(view: View): Html | '' {
  if (view.user === undefined) return ''
  return html`<form class="out" action="/ui/sign-out" method="post">
    <span class="quiet">${view.user}</span> <button type="submit" class="plain">Sign out</button>
  </form>`
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
  readonly set?: 'num' | 'text' | 'nowrap' | 'wide' | 'time'
}

/**
 * A table whose first column names its rows. On a narrow screen each row becomes a block in which every cell says its column; the roles say that it is a table nonetheless.
 */
export function dataTable(label: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Html {
  return scrolling(
    label,
    html`<table class="data" role="table">
      <caption class="hidden">
        ${label}
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map(({ name, set }) => html`<th scope="col" role="columnheader" class="${set ?? ''}">${name}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          (cells) =>
            html`<tr role="row">
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
  if (isHead) return html`<th scope="row" role="rowheader" class="${set}">${cell}</th>`
  const isEmpty = cell === '' || cell === none
  return html`<td role="cell" class="${set} ${isEmpty ? 'empty' : ''}" data-label="${name}"><div>${cell}</div></td>`
}

/** Stands for a value that there is not. */
export const none: Html = html`<span class="quiet">–</span>`
