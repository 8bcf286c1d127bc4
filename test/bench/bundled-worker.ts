import { join } from 'node:path'
import { build } from 'esbuild'

/**
 * A process of a bench as one program, as a deployment ships it: started from its sources, the process would hold the compiler that strips types and its
 * text besides what is measured. `name` is a file of this folder without its ending. Returns the program's path in `directory`.
 */
export async function bundleBenchProcess(name: string, directory: string): Promise<string> {
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    external: ['cpu-features'],
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    logLevel: 'warning',
  })
  return join(directory, `${name}.mjs`)
}
