import { createHash, randomUUID } from 'node:crypto'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import { runFolder } from './run-folder.ts'

/** What may be chosen about a bundle. */
export interface BundleOptions {
  /** Short names and no white space, as a deployment has them. */
  readonly minify?: boolean
  /** Asked for each file that another one imports, with its absolute path: true keeps the import instead of its content. */
  readonly leaveOut?: (path: string) => boolean
}

/**
 * Bundles a worker as wrangler does with `nodejs_compat`: modules of Node stay imports of the runtime's own, also where a dependency asks for them
 * with `require`. The entry is a file, or the text of a module that imports files by their absolute paths. Returns the module's text, which the files of
 * one run make once for each entry.
 */
export async function bundleWorker(entry: URL | string, options: BundleOptions = {}): Promise<string> {
  const shared = runFolder()
  if (shared === undefined || options.leaveOut !== undefined) return makeBundle(entry, options)
  const key = JSON.stringify([String(entry), options.minify ?? false])
  const path = join(shared, `worker-${createHash('sha256').update(key).digest('hex')}.js`)
  const known = await readFile(path, 'utf8').catch(ignoreMissing)
  if (known !== undefined) return known
  const made = await makeBundle(entry, options)
  const unfinished = `${path}.${randomUUID()}`
  await writeFile(unfinished, made)
  await rename(unfinished, path)
  return made
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return undefined
}

async function makeBundle(entry: URL | string, options: BundleOptions): Promise<string> {
  const { leaveOut } = options
  const result = await build({
    ...(typeof entry === 'string'
      ? { stdin: { contents: entry, resolveDir: process.cwd() } }
      : { entryPoints: [fileURLToPath(entry)] }),
    bundle: true,
    write: false,
    minify: options.minify ?? false,
    format: 'esm',
    target: 'es2024',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['cloudflare:*'],
    plugins: [nodeModulesOfTheRuntime, ...(leaveOut === undefined ? [] : [leavingOut(leaveOut)])],
    logLevel: 'warning',
  })
  return result.outputFiles[0]?.text ?? ''
}

/** Relative imports between files of ours only: libraries count for the part that imports them. */
function leavingOut(leaveOut: (path: string) => boolean): Plugin {
  return {
    name: 'leaving-out',
    setup: (setup) => {
      setup.onResolve({ filter: /^\./ }, ({ path, resolveDir, kind }) => {
        const full = resolve(resolveDir, path)
        return kind !== 'entry-point' && leaveOut(full) ? { path: full, external: true } : undefined
      })
    },
  }
}

const names = new Set(builtinModules.map((name) => name.replace(/^node:/, '')))

/** Modules of Node stay imports of the runtime's own. */
export const nodeModulesOfTheRuntime: Plugin = {
  name: 'node-modules-of-the-runtime',
  setup: (setup) => {
    setup.onResolve({ filter: /^(node:)?[a-z_]+(\/[a-z]+)*\/?$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, '').replace(/\/$/, '')
      if (!names.has(name)) return undefined
      return kind === 'require-call'
        ? { path: name, namespace: 'required-of-node' }
        : { path: `node:${name}`, external: true }
    })
    setup.onLoad({ filter: /.*/, namespace: 'required-of-node' }, ({ path }) => ({
      contents: `import * as all from 'node:${path}'\nmodule.exports = all.default ?? all`,
      loader: 'js',
    }))
  },
}
