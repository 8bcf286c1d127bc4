import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { bundleProgram } from '../support/bundled-program.ts'
import { cacheDirectory } from '../support/control-plane-binary.ts'
import { root } from './page.ts'

const run = promisify(execFile)

/** Where the commands of a page run: a home and a directory of their own, and `sluice` on the PATH. */
export interface Scene {
  /** Where the commands start. */
  readonly directory: string
  readonly home: string
  /** First on the PATH: for programs that the page's reader has. */
  readonly bin: string
  /** The environment that the commands get, without what the page's `before` answers. */
  readonly env: { readonly [name: string]: string }
  /** Writes a file; a relative name is in `directory`. Returns its path. */
  write(name: string, text: string, options?: { readonly executable?: boolean }): Promise<string>
  /**
   * Makes `directory` a copy of this repository's files, as somebody has it who has cloned it. With `withModules` what `npm ci` would install is there too.
   */
  checkout(options?: { readonly withModules?: boolean }): Promise<void>
  /** Runs at the end of the page, the last first. */
  defer(close: () => Promise<void>): void
  close(): Promise<void>
}

/** Makes one. `sluice` is the bundled command line. */
export async function createScene(): Promise<Scene> {
  const base = await mkdtemp(join(tmpdir(), 'sluice-docs-'))
  const [directory, home, bin] = ['work', 'home', 'bin'].map((name) => join(base, name)) as [string, string, string]
  for (const path of [directory, home, bin]) await mkdir(path)
  const program = bundleProgram(join(base, 'program'))
  const closers: (() => Promise<void>)[] = []
  const write: Scene['write'] = async (name, text, options = {}) => {
    const path = name.startsWith('/') ? name : join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
    if (options.executable === true) await chmod(path, 0o755)
    return path
  }
  await write(join(bin, 'sluice'), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { executable: true })
  // The project's Node, also for `#!/usr/bin/env node`.
  await symlink(process.execPath, join(bin, 'node'))
  return {
    directory,
    home,
    bin,
    env: environment(bin, home),
    write,
    checkout: async (options = {}) => {
      const { stdout } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
        cwd: root,
        maxBuffer: 16 << 20,
      })
      for (const path of new Set(stdout.split('\0').filter((one) => one !== '')))
        await cp(join(root, path), join(directory, path), { recursive: true }).catch(ignoreMissing)
      if (options.withModules === true) await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
    },
    defer: (close) => void closers.push(close),
    close: async () => {
      for (const close of closers.splice(0).toReversed()) await close()
      await rm(base, { recursive: true, force: true })
    },
  }
}

/** What the reader's shell has. Caches of this machine stay where they are; credentials and settings of whoever runs the tests are not seen. */
function environment(bin: string, home: string): { readonly [name: string]: string } {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined &&
      /^(?:LANG|TERM|TMPDIR|SSL_|NODE_EXTRA_CA_CERTS$|NODE_COMPILE_CACHE$|npm_config_|GO[A-Z]+$|https?_proxy$|no_proxy$)/i.test(
        name,
      ),
  ) as [string, string][]
  return {
    ...Object.fromEntries(kept),
    PATH: `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}`,
    HOME: home,
    SLUICE_CACHE: cacheDirectory(),
    npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
    GOPATH: process.env['GOPATH'] ?? join(homedir(), 'go'),
    GOCACHE: process.env['GOCACHE'] ?? join(homedir(), '.cache', 'go-build'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    SLUICE_ACTOR: 'ada',
    NO_COLOR: '1',
  }
}

/** A file that is deleted and not committed yet is listed. */
function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
