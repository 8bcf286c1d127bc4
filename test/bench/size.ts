import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { nodeModulesOfTheRuntime } from '../support/worker-bundle.ts'
import type { BenchRow } from './rows.ts'

/** The Worker as it is deployed, minified. */
async function bundle(plugins: readonly Plugin[]): Promise<Buffer> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL('../../functions/cloudflare.ts', import.meta.url))],
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2024',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['cloudflare:*'],
    plugins: [...plugins, nodeModulesOfTheRuntime],
    logLevel: 'error',
  })
  return Buffer.from(result.outputFiles[0]?.contents ?? new Uint8Array())
}

/** Leaves modules out of the bundle: what they export is there, and undefined. */
function without(name: string, filter: RegExp): Plugin {
  return {
    name,
    setup: (setup) => {
      setup.onLoad({ filter }, () => ({ contents: 'module.exports = {}', loader: 'js' }))
    },
  }
}

const parts: readonly (readonly [name: string, filter: RegExp])[] = [
  ['src/secrets and its libraries', /src\/secrets\/index\.ts$/],
  ['of these, openpgp', /node_modules\/openpgp\/.*\.m?js$/],
]

/** Sizes of the Worker's bundle, gzipped: all of it, and what parts add. */
async function main(): Promise<void> {
  const whole = await bundle([])
  const size = gzipSync(whole).length
  const rows: BenchRow[] = [
    { name: 'worker, minified and gzipped', bytes: size, beside: `${whole.length} not gzipped` },
  ]
  for (const [name, filter] of parts) {
    const rest = gzipSync(await bundle([without(name, filter)])).length
    rows.push({ name, bytes: size - rest, beside: `${rest} without` })
  }
  process.stdout.write(`${JSON.stringify({ bench: 'size', rows })}\n`)
}

await main()
