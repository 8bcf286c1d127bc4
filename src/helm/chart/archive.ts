import { helmError } from '../errors.ts'
import { inflate } from '../inflate.ts'
import type { LoadedFile } from './assemble.ts'
import type { ChartLimits } from './limits.ts'
import { readTar } from './tar.ts'
import { withoutBom } from './text.ts'

/** The files of a packaged chart, by their paths inside the chart (Helm v4 archive.LoadArchiveFiles). */
export function readArchive(bytes: Uint8Array, limits: ChartLimits): LoadedFile[] {
  if (bytes.length > limits.maxArchiveBytes) {
    throw helmError('chart-too-large', `chart archive is larger than the maximum size ${limits.maxArchiveBytes}`)
  }
  const files: LoadedFile[] = []
  for (const entry of readTar(unpack(bytes, limits), limits.maxFiles)) {
    files.push({ name: chartPath(entry.name), data: withoutBom(entry.data) })
  }
  if (files.length === 0) throw helmError('chart-archive-invalid', 'no files in chart archive')
  return files
}

function unpack(bytes: Uint8Array, limits: ChartLimits): Uint8Array {
  const result = inflate(bytes, limits.maxBytes)
  if (result instanceof Uint8Array) return result
  if (result === 'too-large') {
    throw helmError('chart-too-large', `decompressed chart is larger than the maximum size ${limits.maxBytes}`)
  }
  throw helmError(
    'chart-archive-invalid',
    result === 'damaged' ? 'the gzipped archive is damaged' : 'the file does not appear to be a gzipped archive',
  )
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const controlCharacter = /[\u0000-\u001f\u007f]/

/** The path inside the chart: the first segment, the chart's own directory, is dropped. */
function chartPath(entry: string): string {
  // Archives made on Windows may use backslashes throughout.
  const [top, ...rest] = entry.split(entry.includes('\\') ? '\\' : '/')
  const path = rest.join('/')
  const refuse = (problem: string): Error =>
    helmError('chart-archive-invalid', problem, { data: { entry: entry.slice(0, 200) } })
  if (path.startsWith('/')) throw refuse('chart illegally contains absolute paths')
  if (top === 'Chart.yaml') throw refuse('chart yaml not in base directory')
  const clean: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..' && clean.pop() === undefined) throw refuse('chart illegally references parent directory')
    if (segment !== '' && segment !== '.' && segment !== '..') clean.push(segment)
  }
  if (clean.length === 0) {
    throw refuse(`chart illegally contains content outside the base directory: ${JSON.stringify(entry.slice(0, 200))}`)
  }
  const isOdd = (segment: string): boolean => segment.startsWith('..') || controlCharacter.test(segment)
  if (/^[a-zA-Z]:$/.test(clean[0] ?? '') || clean.some(isOdd)) throw refuse('chart contains illegally named files')
  return clean.join('/')
}
