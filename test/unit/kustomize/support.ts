import { DiagnosticsError } from '../../../src/base/index.ts'
import { type MemoryFile, MemoryTree } from '../../../src/files/index.ts'
import { build, type BuildOptions, type BuildResult } from '../../../src/kustomize/index.ts'
import type { KubeObject } from '../../../src/resources/index.ts'

/** Builds files in memory. */
export function buildFiles(
  files: { readonly [path: string]: MemoryFile },
  options: Partial<BuildOptions> & { path?: string } = {},
): BuildResult {
  const { path = '', ...rest } = options
  return build({ files: new MemoryTree(files), path, options: { loadRestrictions: 'root-only', ...rest } })
}

/** The objects of {@link buildFiles}. */
export function objectsOf(
  files: { readonly [path: string]: MemoryFile },
  options?: Partial<BuildOptions> & { path?: string },
): readonly KubeObject[] {
  return buildFiles(files, options).objects
}

/** Codes, places and messages of the findings with which `work` fails. */
export function findings(work: () => unknown): DiagnosticsError['diagnostics'] {
  try {
    work()
  } catch (error) {
    if (error instanceof DiagnosticsError) return error.diagnostics
    throw error
  }
  throw new TypeError('no error was thrown')
}

/** A manifest with a name. */
export function manifest(kind: string, name: string, rest: object = {}): string {
  return JSON.stringify({ apiVersion: kind === 'Deployment' ? 'apps/v1' : 'v1', kind, metadata: { name }, ...rest })
}
