/**
 * The process that `helm-index.ts` measures: finds one chart in an index and reports time and peak memory.
 */
import { readFileSync } from 'node:fs'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import { defaultHelmLimits, fetchHelmIndex, parseEntries, selectVersion } from '../../src/sources/index.ts'
import { parseYaml } from '../../src/yaml/index.ts'
import { systemClock } from '../support/memory-ports.ts'
import type { HelmIndexRequest, HelmIndexResult } from './helm-index.ts'

process.once('message', (message) => {
  find(message as HelmIndexRequest).then(
    (result) => process.send?.(result, () => process.exit(0)),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`)
      process.exit(1)
    },
  )
})

async function find(request: HelmIndexRequest): Promise<HelmIndexResult> {
  const baseMb = peakMegabytes()
  const start = performance.now()
  const found = await (request.kind === 'stream' ? findStreamed(request.url) : findWhole(request.url))
  if (found !== '1.99.0') throw new Error(`found ${found}`)
  return { ms: performance.now() - start, mb: peakMegabytes(), baseMb }
}

async function findStreamed(url: string): Promise<string> {
  const egress = { allowPrivate: true }
  const http = createNodeHttpClient({ egress })
  const options = { url, credentials: {}, signal: AbortSignal.timeout(60_000), wanted: ['chart-7'] }
  const index = await fetchHelmIndex({ http, clock: systemClock, egress, limits: defaultHelmLimits }, options)
  http.close()
  return selectVersion('chart-7', parseEntries('chart-7', index?.entries.get('chart-7') ?? ''), '1.x').version
}

async function findWhole(url: string): Promise<string> {
  const text = await (await fetch(`${url}/index.yaml`)).text()
  const limits = { maxLength: text.length + 1, maxNodes: Number.MAX_SAFE_INTEGER }
  const value = parseYaml(text, { dialect: 'sigs', limits }) as { entries: { [chart: string]: { version: string }[] } }
  return selectVersion('chart-7', value.entries['chart-7'] ?? [], '1.x').version
}

function peakMegabytes(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(line?.[1] ?? 0) / 1024
}
