import type { Style } from '../terminal/style.ts'
import { plainText } from '../terminal/terminal.ts'

/** One thing that the doctor looked at. */
export interface Finding {
  readonly area: string
  readonly state: 'ok' | 'warning' | 'problem'
  readonly message: string
  /** What to do about it; every finding that is not ok says it. */
  readonly fix?: string
}

/** Findings by area, for people. Exported for tests. */
export function findingsText(findings: readonly Finding[], style: Style): string {
  const signs = { ok: style.green('✔'), warning: style.yellow('!'), problem: style.red('✗') }
  const areas = [...new Set(findings.map((finding) => finding.area))]
  const blocks = areas.map((area) => {
    const lines = findings
      .filter((finding) => finding.area === area)
      .map(({ state, message, fix }) => {
        const how = fix === undefined ? '' : `    ${style.cyan('→')} ${plainText(fix).replaceAll('\n', '\n      ')}\n`
        return `  ${signs[state]} ${plainText(message)}\n${how}`
      })
    return `${style.bold(area)}\n${lines.join('')}`
  })
  const problems = findings.filter((finding) => finding.state === 'problem').length
  const warnings = findings.filter((finding) => finding.state === 'warning').length
  const sum = problems + warnings === 0 ? style.green('all is well') : `${problems} problems, ${warnings} warnings`
  return `${blocks.join('\n')}\n${sum}\n`
}

/** How far the clock of a server is from ours, from the Date header of its answer; undefined where it has none. */
export function clockSkewMs(date: string | null, sentAt: number, receivedAt: number): number | undefined {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return undefined
  // The header has whole seconds, and was written at some moment between the two.
  const earliest = theirs - receivedAt
  const latest = theirs + 1000 - sentAt
  if (earliest <= 0 && latest >= 0) return 0
  return Math.abs(earliest) < Math.abs(latest) ? earliest : latest
}

/** The finding about a clock. */
export function clockFinding(area: string, skewMs: number | undefined): Finding {
  if (skewMs === undefined)
    return {
      area,
      state: 'warning',
      message: 'its answers carry no Date',
      fix: 'a proxy in between takes it out; compare the clocks by hand',
    }
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  if (seconds <= 30) return { area, state: 'ok', message: `the clocks agree (within ${Math.max(1, seconds)}s)` }
  const message = `its clock is ${seconds}s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`
  const fix = 'set the clocks (NTP): tokens, signatures, leases and suspensions with an end go by them'
  return { area, state: seconds > 300 ? 'problem' : 'warning', message, fix }
}
