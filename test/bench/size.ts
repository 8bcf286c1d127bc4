/**
 * `npm run size`: how large the bundle is that a Worker is deployed with, and what each part has in it. Ends with one line of JSON like every
 * bench; exits 1 where a limit is passed.
 */
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import { bundleWorker } from '../support/worker-bundle.ts'

const root = new URL('../../', import.meta.url)

/** Folders of src, each measured alone: its own code, its data, and the libraries that it imports itself. */
const PARTS: readonly string[] = [
  'template',
  'sprig',
  'helm',
  'kustomize',
  'yaml',
  'resources',
  'sources',
  'secrets',
  'kube',
]

/** What renders: everything from a tree of files to objects, with all that it needs. */
const ENGINE: readonly string[] = ['template', 'sprig', 'helm', 'kustomize', 'yaml', 'resources', 'files', 'base']

/** Largest sizes in bytes, gzipped. A free Worker may have 3 MB, a paid one 10 MB. */
const LIMITS: { readonly [name: string]: number } = { 'whole engine': 1_000_000, 'whole worker': 3_000_000 }

interface Row {
  readonly name: string
  /** Minified. */
  readonly bytes: number
  readonly gzipped: number
}

async function measure(name: string, entry: URL | string, leaveOut?: (path: string) => boolean): Promise<Row> {
  const text = await bundleWorker(entry, { minify: true, ...(leaveOut && { leaveOut }) })
  return { name, bytes: Buffer.byteLength(text), gzipped: gzipSync(text, { level: 9 }).length }
}

const source = fileURLToPath(new URL('src/', root))

function part(name: string): Promise<Row> {
  return measure(
    name,
    new URL(`src/${name}/index.ts`, root),
    (path) => path.startsWith(source) && !path.startsWith(`${source}${name}/`),
  )
}

/** The parts of the engine together, what several need counted once. */
async function engine(): Promise<Row> {
  const text = ENGINE.map((name) => `export * as ${name} from ${JSON.stringify(`${source}${name}/index.ts`)}`).join(
    '\n',
  )
  return measure('whole engine', text)
}

const rows: Row[] = []
// The schema facts are in the row of resources, too.
for (const name of PARTS) rows.push(await part(name))
rows.push(await measure('schema facts', new URL('src/resources/schema.gen.ts', root)))
rows.push(await engine(), await measure('whole worker', new URL('functions/cloudflare.ts', root)))

let failed = false
for (const { name, bytes, gzipped } of rows) {
  const limit = LIMITS[name]
  const isOver = limit !== undefined && gzipped >= limit
  failed ||= isOver
  const verdict = limit === undefined ? '' : `  ${isOver ? 'FAIL' : 'ok'}: limit ${limit}`
  process.stdout.write(
    `  ${name.padEnd(16)} ${String(bytes).padStart(9)} bytes  ${String(gzipped).padStart(8)} gzipped${verdict}\n`,
  )
}
process.stdout.write(`${JSON.stringify({ bench: 'size', rows })}\n`)
process.exitCode = failed ? 1 : 0
