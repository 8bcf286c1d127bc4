import type { ObjectState } from '../observe/index.ts'
import { html, type Html } from './html.ts'
import { wordOf } from './state-badge.ts'

/** What a badge says, besides the name: how something stands. Nothing else of it is public. */
export type BadgeState = ObjectState | 'stale'

const colours: { readonly [state in BadgeState]: string } = {
  ready: '#1a7f43',
  applying: '#0b63b0',
  waiting: '#0b63b0',
  blocked: '#8a5200',
  drifted: '#8a5200',
  stale: '#8a5200',
  failed: '#b02022',
  suspended: '#5b656d',
  deleting: '#5b656d',
  unknown: '#5b656d',
}

/** About the width of a character at eleven pixels; the picture says how long its texts are to be, whatever the font. */
const characterWidth = 6.6
const maxName = 60

/** A picture for a README: a name and how it stands. */
export function badgeSvg(name: string, state: BadgeState): Html {
  const label = name.length > maxName ? `${name.slice(0, maxName - 1)}…` : name
  const word = wordOf(state).toLowerCase()
  const [left, right] = [widthOf(label), widthOf(word)]
  const text = (content: string, x: number, width: number): Html =>
    html`<text x="${x}" y="14" textLength="${(width - 14).toFixed(0)}" lengthAdjust="spacingAndGlyphs"
      >${content}</text
    >`
  return html`<svg
    xmlns="http://www.w3.org/2000/svg"
    width="${left + right}"
    height="20"
    role="img"
    aria-label="${label}: ${word}"
  >
    <title>${label}: ${word}</title>
    <clipPath id="r"><rect width="${left + right}" height="20" rx="4" /></clipPath>
    <g clip-path="url(#r)">
      <rect width="${left}" height="20" fill="#3c454b" />
      <rect x="${left}" width="${right}" height="20" fill="${colours[state]}" />
    </g>
    <g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
      ${text(label, 7, left)}${text(word, left + 7, right)}
    </g>
  </svg>`
}

function widthOf(text: string): number {
  return Math.round(text.length * characterWidth) + 14
}
