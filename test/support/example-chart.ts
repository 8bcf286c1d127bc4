import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../demo/repository/', import.meta.url))

/** Files of the demo's repository below `path`, by their paths in it. */
export function readExample(path = ''): { readonly [path: string]: string } {
  const files = globSync(`${path === '' ? '' : `${path}/`}**/*`, { cwd: root, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    files.map((entry) => {
      const full = join(entry.parentPath, entry.name)
      return [full.slice(root.length), readFileSync(full, 'utf8')]
    }),
  )
}

/** The demo's chart, as `charts/greeter/…`. */
export function readExampleChart(): { readonly [path: string]: string } {
  return readExample('charts')
}
