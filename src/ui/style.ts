import { sha256Hex } from '../base/index.ts'
import { applicationCss } from './style-application.ts'
import { matrixCss } from './style-matrix.ts'

/** The stylesheet, with a name that changes when its content does, so that it can be kept for ever. */
export function stylesheet(): { readonly path: string; readonly css: string } {
  return { path: `/ui/style.${sha256Hex(css).slice(0, 12)}.css`, css }
}

/** The sign of the pages. */
export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1f6f78"/><path d="M3 4h10v2H3zM3 7h7v2H3zM3 10h10v2H3z" fill="#fff"/></svg>'

const css = `
:root {
  color-scheme: light dark;
  --bg: #fbfbfa; --panel: #ffffff; --text: #1d2326; --quiet: #5d686e; --line: #dde2e4; --head: #f1f4f4;
  --link: #0f5f6b; --focus: #0f5f6b; --accent: #1f6f78;
  --ok: #1a7f43; --busy: #0b63b0; --warn: #9a5b00; --bad: #bd2426; --off: #66717a;
  --bad-bg: #fdf0ef; --warn-bg: #fdf5e6; --note-bg: #eef4f5;
  --waited: #c3cacd; --fetched: #7aa7c7; --rendered: #4f83b5; --applied: #c79a3a; --healthy: #5a9e6f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14181a; --panel: #1a1f22; --text: #dfe5e7; --quiet: #98a4aa; --line: #2d3539; --head: #20272a;
    --link: #7cc4cf; --focus: #7cc4cf; --accent: #4fa3ae;
    --ok: #62c586; --busy: #74b3f0; --warn: #e3ad55; --bad: #f28b85; --off: #93a0a8;
    --bad-bg: #33201f; --warn-bg: #302817; --note-bg: #1d282b;
    --waited: #4a555b; --fetched: #86b4d3; --rendered: #5b93c8; --applied: #d8ab4c; --healthy: #6cb583;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--bg); color: var(--text); font: 14px/1.45 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:is(p, .note, .under) a:not(.rev, .button), .quiet a { text-decoration: underline; text-decoration-color: color-mix(in srgb, currentcolor 40%, transparent); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
code, pre { font: 12.5px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
h1 { font-size: 20px; line-height: 1.25; margin: 0 0 8px; font-weight: 600; overflow-wrap: anywhere; }
h1 code { font-size: 18px; }
h2 { font-size: 15px; margin: 28px 0 8px; font-weight: 600; }
.kind { color: var(--quiet); font-weight: 400; }
.ns { color: var(--quiet); font-weight: 400; }
.quiet { color: var(--quiet); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -999px; top: 0; background: var(--panel); padding: 8px 12px; z-index: 5; }
.skip:focus { left: 8px; top: 8px; }
.break { overflow-wrap: anywhere; }
.nowrap { white-space: nowrap; }

.top { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 20px; padding: 8px 20px; border-bottom: 1px solid var(--line); background: var(--panel); }
.brand { font-weight: 700; color: var(--text); letter-spacing: .01em; padding: 4px 0; }
.brand::before { content: ""; display: inline-block; width: 12px; height: 12px; margin-right: 8px; border-radius: 3px; background: var(--accent); vertical-align: -1px; }
.top nav { display: flex; gap: 2px; min-width: 0; overflow-x: auto; scrollbar-width: none; }
.top nav a { white-space: nowrap; }
.top nav a:focus-visible { outline-offset: -2px; }
.top nav a { padding: 4px 10px; border-radius: 6px; color: var(--text); }
.top nav a[aria-current] { background: var(--head); font-weight: 600; }
.find { display: flex; gap: 6px; margin-left: auto; }
.out { display: flex; gap: 8px; align-items: center; }
input, select { font: inherit; color: var(--text); background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 4px 9px; min-width: 0; }
.find input { width: 15ch; }
button, .button { font: inherit; color: var(--text); background: var(--head); border: 1px solid var(--line); border-radius: 6px; padding: 4px 12px; cursor: pointer; }
button:hover, .button:hover { border-color: var(--quiet); text-decoration: none; }
button.plain { border-color: transparent; background: none; color: var(--link); padding: 4px 6px; }

main { max-width: 1240px; margin: 0 auto; padding: 20px; }
footer { max-width: 1240px; margin: 0 auto; padding: 16px 20px 28px; color: var(--quiet); font-size: 12.5px; }
.crumbs { margin: 0 0 2px; color: var(--quiet); font-size: 13px; }
.headline { margin: 0 0 12px; display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: baseline; }

.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 12px; }
.filter { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; margin: 0 0 14px; color: var(--quiet); font-size: 13px; }
.filter label { display: flex; gap: 6px; align-items: center; }
.filter input, .filter select { font-size: 14px; padding: 3px 8px; max-width: 200px; background: var(--panel); }
.filter button { padding: 3px 12px; }
.chips a { padding: 3px 11px; border: 1px solid var(--line); border-radius: 99px; background: var(--panel); color: var(--text); }
.chips a:hover { border-color: var(--quiet); text-decoration: none; }
.chips a[aria-current] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }

.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--panel); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
table.data { width: 100%; }
th, td { text-align: left; padding: 6px 12px; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; background: var(--head); font-weight: 600; font-size: 12.5px; color: var(--quiet); white-space: nowrap; }
thead th:first-child { border-top-left-radius: 7px; }
tbody th { font-weight: 400; }
tbody tr:hover { background: color-mix(in srgb, var(--head) 55%, transparent); }
th.num, td.num { text-align: right; white-space: nowrap; }
td.text { min-width: 220px; max-width: 560px; overflow-wrap: anywhere; white-space: pre-line; color: var(--quiet); }
td.wide { min-width: 160px; width: 24%; }
td.wide .bar { margin-top: 5px; }
.under { display: block; font-size: 12.5px; color: var(--quiet); }
.under .state { color: inherit; }
.state { white-space: nowrap; }
.sign { display: inline-block; width: 1.15em; font-size: .92em; }
.s-ready, .s-succeeded, .s-healthy, .s-verified, .s-run { color: var(--ok); }
.s-applying, .s-running, .s-waiting, .s-queued { color: var(--busy); }
.s-blocked, .s-drifted, .s-partial, .s-stale { color: var(--warn); }
.s-failed, .s-unreachable, .s-refused { color: var(--bad); }
.s-ignored, .s-duplicate, .s-behind, .s-pinned, .s-suspended, .s-skipped, .s-unknown, .s-deleting, .s-gone, .s-superseded, .s-unconcerned { color: var(--off); }

.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 10px 24px; margin: 0 0 8px; }
.facts div { min-width: 0; }
.facts dt { color: var(--quiet); font-size: 12.5px; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.facts .item { display: block; }
.message { margin: 0 0 14px; padding: 9px 12px; background: var(--bad-bg); border-left: 3px solid var(--bad); border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24em; overflow-y: auto; }
.notes { list-style: none; margin: 0 0 14px; padding: 0; display: grid; gap: 6px; }
.note { margin: 0 0 10px; padding: 7px 12px; border-radius: 6px; background: var(--note-bg); overflow-wrap: anywhere; }
.notes .note { margin: 0; }
.note.bad { background: var(--bad-bg); }
.note.warn { background: var(--warn-bg); }
.reason { color: var(--quiet); margin-left: 6px; }
.pages { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 12px 2px; }
.turn { display: inline-flex; gap: 12px; }
.aside { margin: 14px 2px 0; font-size: 13px; display: flex; gap: 16px; }
.tag { display: inline-block; border: 1px solid var(--line); border-radius: 99px; padding: 0 8px; font-size: 12px; color: var(--quiet); white-space: nowrap; }
.path { margin: 0 0 10px; line-height: 1.8; }
.path b:first-child { margin-right: 8px; font-weight: 600; }
.more { margin: 10px 2px; color: var(--quiet); }
.more p { margin: 6px 0 0; }
.out-link::after { content: " ↗"; }
#live-note { margin: 2px 0 0; }
footer p { margin: 0; }

.bar { display: block; width: 100%; height: 10px; border-radius: 3px; background: var(--head); }
.b-waited { fill: var(--waited); background: var(--waited); }
.b-fetched { fill: var(--fetched); background: var(--fetched); }
.b-rendered { fill: var(--rendered); background: var(--rendered); }
.b-applied { fill: var(--applied); background: var(--applied); }
.b-healthy { fill: var(--healthy); background: var(--healthy); }
.legend { margin: 6px 2px 0; color: var(--quiet); font-size: 12.5px; display: flex; gap: 14px; flex-wrap: wrap; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; vertical-align: -1px; }
details summary { cursor: pointer; white-space: nowrap; }
.changes { margin: 6px 0 2px; padding-left: 18px; }
.changes .action { color: var(--quiet); }
details.plan { border: 1px solid var(--line); border-radius: 8px; background: var(--panel); padding: 8px 12px; margin: 0 0 8px; }
details.plan summary { white-space: normal; overflow-wrap: anywhere; }
.plan .changes { display: grid; gap: 6px; }
.plan .changes > li { min-width: 0; }
.field { margin: 6px 0 2px; }
.diff { margin: 0; padding: 6px 10px; }
.diff .added { color: var(--ok); }
.diff .removed { color: var(--bad); }

.narrow main { max-width: 380px; padding-top: 12vh; }
.stacked { display: grid; gap: 8px; }
.stacked input { padding: 7px 10px; }
.stacked button, .button { padding: 7px 14px; justify-self: start; display: inline-block; }

@media (max-width: 640px) {
  body { font-size: 15px; }
  .top { padding: 6px 14px 4px; gap: 2px 10px; }
  .top nav { flex: 1 1 100%; order: 3; margin: 0 -8px; flex-wrap: wrap; overflow: visible; }
  .top nav a { padding: 5px 8px; font-size: 14px; }
  .find { display: none; }
  .out { margin-left: auto; }
  .out .quiet { display: none; }
  input, select, button, .chips a, .top nav a { min-height: 34px; }
  .chips { gap: 5px; }
  .chips a { padding: 4px 10px; font-size: 14px; }
  .filter { display: grid; grid-template-columns: 1fr 1fr; gap: 6px 10px; align-items: end; }
  .filter label { display: grid; gap: 2px; }
  .filter label:first-of-type { grid-column: 1 / -1; }
  .filter input, .filter select { max-width: none; width: 100%; font-size: 16px; }
  main { padding: 14px; }
  footer { padding: 12px 14px 24px; }
  th, td { padding: 6px 9px; }
  .facts { grid-template-columns: 1fr 1fr; gap: 8px 14px; }
  table.data, table.data tbody, table.data tr, table.data th, table.data td { display: block; }
  table.data thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.data tr { border-top: 1px solid var(--line); padding: 6px 0; }
  table.data tbody tr:first-child { border-top: 0; }
  table.data th, table.data td, table.data td.num { border: 0; padding: 2px 12px; text-align: left; white-space: normal; min-width: 0; max-width: none; width: auto; }
  table.data td { display: grid; grid-template-columns: 92px 1fr; gap: 10px; }
  table.data td::before { content: attr(data-label); color: var(--quiet); font-size: 13px; }
  table.data td.wide::before { content: none; }
  table.data td.wide { display: block; padding-top: 5px; }
  table.data td.empty { display: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .s-applying .sign, .s-running .sign { animation: turn 2.4s linear infinite; }
  @keyframes turn { to { transform: rotate(360deg); } }
}
@media print { .find, .out, .skip { display: none; } }
${applicationCss}${matrixCss}`
