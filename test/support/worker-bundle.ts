import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/**
 * Bundles a worker as wrangler does with `nodejs_compat`: modules of Node stay imports of the runtime's own, also where a dependency asks for them
 * with `require`. Returns the module's text.
 */
export async function bundleWorker(entry: URL): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2024',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['cloudflare:*'],
    plugins: [nodeModulesOfTheRuntime],
    logLevel: 'warning',
  })
  return result.outputFiles[0]?.text ?? ''
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
