import { cellSigns } from './state-badge.ts'

/**
 * How tables of clusters look. Their rows are grids that browsers lay out when they come near the screen: a page with a thousand cells is there as fast as one with three hundred.
 * Widths are those of `matrix-table.ts`.
 */
export const matrixCss: string = `
.matrix, .matrix :is(thead, tbody) { display: block; min-width: 100%; }
.matrix tr { display: grid; grid-template-columns: 190px; grid-auto-flow: column; grid-auto-columns: minmax(142px, 1fr); }
.matrix tbody tr { content-visibility: auto; contain-intrinsic-block-size: auto 51px; }
.matrix th, .matrix td { padding: 5px 12px; overflow-wrap: anywhere; }
.matrix tr > :first-child { position: sticky; left: 0; background: var(--panel); box-shadow: 1px 0 0 var(--line); }
.matrix tbody tr:hover th { background: color-mix(in srgb, var(--head) 55%, var(--panel)); }
.matrix thead th { background: var(--head); }
.matrix thead th:first-child { z-index: 1; background: var(--head); align-content: end; }
.matrix thead .cluster { display: block; color: var(--text); font-size: 14px; }
.matrix thead .quiet, .matrix thead .state { font-weight: 400; white-space: normal; }
.matrix small { font-size: 12.5px; color: var(--quiet); }
.matrix .rev { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; color: inherit; }
.matrix small .cell { color: inherit; }
.matrix td.none { background: repeating-linear-gradient(135deg, transparent 0 6px, color-mix(in srgb, var(--line) 35%, transparent) 6px 7px); }
.cell::before { font-size: .92em; }
${cellSigns()}
@media (prefers-reduced-motion: no-preference) {
  .cell.s-applying::before { display: inline-block; animation: turn 2.4s linear infinite; }
}
@media (max-width: 640px) {
  .matrix { width: auto; }
  .matrix thead { position: absolute; width: 1px; height: 1px; min-width: 0; overflow: hidden; clip-path: inset(50%); }
  .matrix tr { grid-template-columns: 1fr 1fr; grid-auto-flow: row; border-top: 1px solid var(--line); padding: 8px 2px; }
  .matrix tbody tr { contain-intrinsic-block-size: auto 320px; }
  .matrix tbody tr:first-child { border-top: 0; }
  .matrix tr > th:first-child { position: static; grid-column: 1 / -1; border: 0; box-shadow: none; padding: 0 10px 2px; background: none; }
  .matrix th .under { display: inline; margin-left: 8px; }
  .matrix td { border: 0; padding: 4px 10px; }
  .matrix td::before { content: attr(data-label); display: block; color: var(--quiet); font-size: 12.5px; }
  .matrix td.none { display: none; }
}
@media print { .matrix tbody tr { content-visibility: visible; } }
`
