import { goJson } from './go-json.ts'
import { chartJson, releaseParts } from './json.ts'
import type { Release, StoredChart } from './release.ts'

/** Prints releases for storage. Keeps the JSON of charts for as long as they are held: each release is printed several times in its life. */
export interface ReleasePrinter {
  /** The JSON that Helm stores, to the byte. */
  print(release: Release): string
}

/** A printer with an empty memory. */
export function createReleasePrinter(): ReleasePrinter {
  const byChart = new WeakMap<StoredChart, string>()
  return {
    print: (release) => {
      const { before, after } = releaseParts(release)
      const { chart } = release
      if (chart === undefined) return `${before}${after}`
      let text = byChart.get(chart)
      if (text === undefined) byChart.set(chart, (text = goJson(chartJson(chart))))
      return `${before},"chart":${text}${after}`
    },
  }
}
