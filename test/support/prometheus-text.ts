/** One sample of the text format of Prometheus. */
export interface Sample {
  readonly name: string
  readonly labels: { readonly [name: string]: string }
  readonly value: number
}

/**
 * Reads the text format of Prometheus 0.0.4 strictly: HELP and TYPE once and before the samples, which stand together; no sample twice; buckets cumulative and ending in
 * `+Inf`, which is the count. Throws for what a server would refuse.
 */
export function parsePrometheusText(text: string): readonly Sample[] {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const samples: Sample[] = []
  const types = new Map<string, string>()
  const seen = new Set<string>()
  let family = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const meta = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line)
    if (meta !== null) {
      const [, what, name = '', rest = ''] = meta
      if (what === 'HELP' && types.has(name)) throw new Error(`${name} appears twice`)
      if (what === 'TYPE') types.set(name, rest)
      family = name
      continue
    }
    const sample = parseSample(line)
    const base = types.get(family) === 'histogram' ? sample.name.replace(/_(?:bucket|sum|count)$/, '') : sample.name
    if (base !== family) throw new Error(`${sample.name} is not part of ${family}`)
    const key = line.slice(0, line.lastIndexOf(' '))
    if (seen.has(key)) throw new Error(`twice: ${line}`)
    seen.add(key)
    samples.push(sample)
  }
  for (const [name, type] of types) if (type === 'histogram') checkHistogram(name, samples)
  return samples
}

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (match === null) throw new Error(`not a sample: ${line}`)
  const [, name = '', inner = '', number = ''] = match
  const value = Number(number)
  if (Number.isNaN(value)) throw new Error(`not a number: ${line}`)
  const labels: { [name: string]: string } = {}
  let rest = inner
  while (rest !== '') {
    const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest)
    if (label === null) throw new Error(`not a label: ${rest}`)
    const [whole, key = '', text = ''] = label
    labels[key] = text.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
    rest = rest.slice(whole.length)
  }
  return { name, labels, value }
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = Map.groupBy(
    samples.filter((sample) => sample.name === `${name}_bucket`),
    ({ labels }) => JSON.stringify(Object.fromEntries(Object.entries(labels).filter(([key]) => key !== 'le'))),
  )
  for (const [labels, buckets] of groups) {
    const bounds = buckets.map((bucket) => (bucket.labels['le'] === '+Inf' ? Infinity : Number(bucket.labels['le'])))
    const isRising = (list: readonly number[]): boolean => list.every((one, i) => i === 0 || one >= (list[i - 1] ?? 0))
    if (!isRising(bounds) || bounds.at(-1) !== Infinity) throw new Error(`${name}: bounds ${bounds.join(' ')}`)
    if (!isRising(buckets.map((bucket) => bucket.value))) throw new Error(`${name}: buckets are not cumulative`)
    const count = samples.find((sample) => sample.name === `${name}_count` && JSON.stringify(sample.labels) === labels)
    if (count?.value !== buckets.at(-1)?.value) throw new Error(`${name}: the count is not that of +Inf`)
  }
}
