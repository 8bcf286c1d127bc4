/** What the pages of applications, of drift and of actions add to the stylesheet. */
export const applicationCss = `
.note a, p.quiet a { text-decoration: underline; }
table.data code.break { overflow-wrap: break-word; }
.note.good { background: var(--note-bg); border-left: 3px solid var(--ok); }
.actions { display: flex; flex-wrap: wrap; gap: 8px; align-items: flex-start; margin: 0 0 16px; }
.actions form.act { margin: 0; }
.actions .button, .actions button { padding: 5px 12px; display: inline-block; }
button.danger { color: var(--bad); border-color: color-mix(in srgb, var(--bad) 45%, var(--line)); }
details.act > summary { list-style: none; }
details.act > summary::-webkit-details-marker { display: none; }
details.act[open] { flex: 1 1 320px; max-width: 460px; }
details.act .panel { display: grid; gap: 6px; margin-top: 8px; padding: 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--panel); }
details.act .panel label { color: var(--quiet); font-size: 12.5px; }
details.act .panel input { width: 100%; }
details.act .panel button { justify-self: start; margin-top: 4px; }
::placeholder { color: var(--quiet); opacity: 1; }

.graph { display: block; max-width: none; margin: 4px; }
.graph rect { fill: var(--panel); stroke: var(--line); }
.graph .self rect { stroke: var(--accent); stroke-width: 2; }
.graph rect.side, .graph .self rect.side { fill: currentColor; stroke: none; }
.graph text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.graph .what { fill: currentColor; }
.graph .name { fill: var(--text); font-weight: 600; font-size: 12.5px; }
.graph .edge { fill: none; stroke: var(--quiet); stroke-width: 1; opacity: .6; }
.graph .dashed { stroke-dasharray: 4 4; }
.tree, .tree ul { list-style: none; margin: 0; padding-left: 0; }
.tree { margin: 12px 0 0; }
.tree ul { padding-left: 18px; border-left: 1px solid var(--line); margin: 2px 0 6px 5px; }
.tree li { margin: 3px 0; overflow-wrap: anywhere; }
.tree summary .state { margin-left: 6px; }
.why { display: block; color: var(--quiet); overflow-wrap: anywhere; white-space: pre-line; }
.chain { margin: 0 0 16px; padding-left: 22px; }
.chain li { margin: 5px 0; padding-left: 4px; overflow-wrap: anywhere; }
.chain li::marker { color: var(--quiet); }
.rule { margin: 8px 2px 0; }
.rule pre { background: var(--head); border-radius: 6px; padding: 10px 12px; overflow-x: auto; margin: 6px 0 0; }
.rule p { margin: 6px 0 0; }
td.time { min-width: 110px; width: 12%; vertical-align: middle; }
.changes ul { padding-left: 16px; margin: 2px 0; }
@media (max-width: 640px) {
  .actions .button, .actions button { min-height: 36px; }
  details.act[open] { flex-basis: 100%; max-width: none; }
  table.data td.time { width: auto; min-width: 0; }
  table.data summary { white-space: normal; }
  table.data code.break { overflow-wrap: anywhere; }
}
`
