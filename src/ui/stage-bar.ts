import type { Stages } from '../observe/index.ts'
import { duration, html, type Html } from './html.ts'
import { none, type Column } from './layout.ts'

/** The stages of a push in their order, with what lies before each. */
const order = [
  ['fetchedAt', 'fetched'],
  ['renderedAt', 'rendered'],
  ['appliedAt', 'applied'],
  ['healthyAt', 'healthy'],
] as const

/** How long each stage took that is known, from the one before it that is known. */
export function stageSteps(
  stages: Stages,
): readonly { readonly name: string; readonly start: number; readonly ms: number }[] {
  const steps: { name: string; start: number; ms: number }[] = []
  let last = stages.receivedAt
  if (last === undefined) return steps
  const { receivedAt = 0 } = stages
  for (const [stage, name] of order) {
    const at = stages[stage]
    if (at === undefined) continue
    const end = Math.max(at, last)
    steps.push({ name, start: last - receivedAt, ms: end - last })
    last = end
  }
  return steps
}

/** Width of the drawing, in its own units. */
const width = 1000

/** The time between a push and health as a bar, drawn to the scale `scaleMs` so that several can be compared. */
export function stageBar(stages: Stages, scaleMs: number): Html | '' {
  return drawBar(stageSteps(stages), scaleMs)
}

function drawBar(steps: ReturnType<typeof stageSteps>, scaleMs: number): Html | '' {
  if (steps.length === 0 || scaleMs <= 0) return ''
  const text = steps.map(({ name, ms }) => `${name} after ${duration(ms)}`).join(', ')
  const unit = width / scaleMs
  return html`<svg class="bar" viewBox="0 0 ${width} 10" preserveAspectRatio="none" role="img" aria-label="${text}">
    ${steps.map(
      ({ name, start, ms }) =>
        html`<rect
          class="b-${name}"
          x="${(start * unit).toFixed(1)}"
          y="0"
          width="${Math.max(2, ms * unit).toFixed(1)}"
          height="10"
          ><title>${name}: ${duration(ms)}</title></rect
        >`,
    )}
  </svg>`
}

/** The time of one object as a bar: first what it waited for others, then its own stages. Its work began when the commit was fetched and nothing was in its way any more. */
export function objectBar(
  stages: Stages,
  options: { readonly scale: number; readonly fetchedAt: number | undefined; readonly waitedMs: number | undefined },
): Html | '' {
  const { receivedAt } = stages
  if (receivedAt === undefined || stageSteps(stages).length === 0) return ''
  const fetched = Math.max(0, (options.fetchedAt ?? receivedAt) - receivedAt)
  const begun = fetched + (options.waitedMs ?? 0)
  const own = stageSteps(stages).flatMap(({ name, start, ms }) => {
    const from = Math.max(start, begun)
    return from > start + ms ? [] : [{ name, start: from, ms: start + ms - from }]
  })
  const waits = begun > fetched ? [{ name: 'waited', start: fetched, ms: begun - fetched }] : []
  return drawBar([...waits, ...own], options.scale)
}

/** Milliseconds between receiving and the last stage that is known. */
export function totalMs(stages: Stages): number | undefined {
  const last = stageSteps(stages).at(-1)
  return last === undefined ? undefined : last.start + last.ms
}

/** The time since receiving at which a stage was reached. */
export function stageTime(stages: Stages, stage: keyof Stages): Html | string {
  const at = stages[stage]
  const { receivedAt } = stages
  return at === undefined || receivedAt === undefined ? none : `+${duration(Math.max(0, at - receivedAt))}`
}

/** The columns and cells of the stages, as tables show them. */
export const stageColumns: readonly Column[] = [
  { name: 'Fetched', set: 'num' },
  { name: 'Rendered', set: 'num' },
  { name: 'Applied', set: 'num' },
  { name: 'Healthy', set: 'num' },
]

/** A cell for each of the columns. */
export function stageTimes(stages: Stages): readonly (Html | string)[] {
  return order.map(([stage]) => stageTime(stages, stage))
}

/** What the colours of the bars mean. */
export function stageLegend(): Html {
  return html`<p class="legend" aria-hidden="true">
    ${['waited', ...order.map(([, name]) => name)].map((name) => html`<span><i class="b-${name}"></i>${name}</span> `)}
  </p>`
}
