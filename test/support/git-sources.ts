import { walkFiles } from '../../src/files/index.ts'
import { createNodeHttpClient } from '../../src/platforms/node/http.ts'
import type { FileTree } from '../../src/ports/index.ts'
import type { GitDeps } from '../../src/sources/index.ts'
import { GitObjectCache, defaultGitLimits } from '../../src/sources/index.ts'

/** Dependencies of Git sources for tests against a server on 127.0.0.1. The client is closed with `close`. */
export function makeGitDeps(overrides: Partial<GitDeps> = {}): GitDeps & { close(): void } {
  const http = createNodeHttpClient({ egress: { allowPrivate: true } })
  return {
    http,
    cache: new GitObjectCache(),
    clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
    limits: defaultGitLimits,
    egress: { allowPrivate: true },
    close: () => http.close(),
    ...overrides,
  }
}

export function readText(tree: FileTree, path: string): string {
  return new TextDecoder().decode(tree.read(path))
}

export function listPaths(tree: FileTree, directory = ''): string[] {
  return [...walkFiles(tree, directory)].map(([path]) => path)
}
