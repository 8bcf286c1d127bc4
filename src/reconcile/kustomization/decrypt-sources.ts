import { isEngineError, joinPath, type EngineError } from '../../base/index.ts'
import { MemoryTree, isPendingFiles, overlayTree, resolvePath, retryPending } from '../../files/index.ts'
import type { FileTree } from '../../ports/index.ts'
import { isMap, type KubeMap, type KubeValue } from '../../resources/index.ts'
import { formatOfPath, isEncrypted, type SopsFormat } from '../../secrets/index.ts'
import { parseDocuments } from '../../yaml/index.ts'
import { combineFailures } from './decrypt-failures.ts'

export interface SourceOptions {
  readonly signal: AbortSignal
  /** The plain content of a file. */
  readonly decrypt: (
    content: Uint8Array,
    file: { readonly format: SopsFormat; readonly name: string },
  ) => Promise<Uint8Array>
}

interface EncryptedFile {
  readonly path: string
  readonly format: SopsFormat
  readonly content: Uint8Array
}

const kustomizationFiles = ['kustomization.yaml', 'kustomization.yml', 'Kustomization'] as const
/** Directories of a kustomization that are looked at, as far as resources and components lead. */
const maxDirectories = 10_000

/**
 * `files` with those in plain that kustomizations read as secrets: `secretGenerator` files (the format from the key) and env files, and
 * patches, of the kustomization at `path` and of all that its resources and components lead to inside the tree (kustomize-controller 1.9, DecryptSources). A file is
 * encrypted when it says so in its format. What cannot be read at all is left to the build, which says it better.
 *
 * @throws EngineError, or DiagnosticsError with all files that do not decrypt.
 */
export async function decryptSources(files: FileTree, path: string, options: SourceOptions): Promise<FileTree> {
  const encrypted = await retryPending(() => findEncrypted(files, path), options.signal)
  const plain: [string, Uint8Array][] = []
  const failures: EngineError[] = []
  for (const { path: file, format, content } of encrypted) {
    options.signal.throwIfAborted()
    try {
      plain.push([file, await options.decrypt(content, { format, name: file })])
    } catch (error) {
      if (!isEngineError(error)) throw error
      failures.push(error)
    }
  }
  if (failures.length > 0) throw combineFailures(failures)
  return plain.length === 0 ? files : overlayTree(files, { '': { tree: new MemoryTree(plain) } })
}

function findEncrypted(files: FileTree, start: string): readonly EncryptedFile[] {
  const found = new Map<string, EncryptedFile>()
  const seen = new Set<string>()
  const todo = [start]
  for (let directory = todo.pop(); directory !== undefined && seen.size < maxDirectories; directory = todo.pop()) {
    const resolved = inside(files, '', directory)
    if (resolved === undefined || seen.has(resolved) || files.stat(resolved)?.kind !== 'directory') continue
    seen.add(resolved)
    const kustomization = readKustomization(files, resolved)
    if (kustomization === undefined) continue
    for (const [reference, format] of secretFiles(kustomization)) {
      const path = inside(files, resolved, reference)
      if (path === undefined || found.has(path) || files.stat(path)?.kind !== 'file') continue
      const content = files.read(path)
      if (isEncrypted(content, format)) found.set(path, { path, format, content })
    }
    for (const reference of [...texts(kustomization['resources']), ...texts(kustomization['components'])]) {
      const path = inside(files, resolved, reference)
      if (path !== undefined) todo.push(path)
    }
  }
  return [...found.values()]
}

/** The path that a reference means, links followed; undefined for URLs and what leads out of the tree. */
function inside(files: FileTree, directory: string, reference: string): string | undefined {
  if (reference.includes('://')) return undefined
  try {
    return resolvePath(files, joinPath(directory, reference))
  } catch (error) {
    if (isPendingFiles(error)) throw error
    return undefined
  }
}

/** The kustomization file of a directory as far as it is YAML; undefined where there is none. */
function readKustomization(files: FileTree, directory: string): KubeMap | undefined {
  for (const name of kustomizationFiles) {
    const path = inside(files, directory, name)
    if (path === undefined || files.stat(path)?.kind !== 'file') continue
    const value = parseDocuments(files.read(path), { dialect: 'sigs' }).documents[0]?.value as KubeValue | undefined
    return isMap(value) ? value : undefined
  }
  return undefined
}

function secretFiles(kustomization: KubeMap): readonly (readonly [reference: string, format: SopsFormat])[] {
  const result: (readonly [string, SopsFormat])[] = []
  for (const generator of maps(kustomization['secretGenerator'])) {
    for (const entry of texts(generator['files'])) {
      const equals = entry.indexOf('=')
      result.push(
        equals < 0 ? [entry, formatOfPath(entry)] : [entry.slice(equals + 1), formatOfPath(entry.slice(0, equals))],
      )
    }
    for (const entry of [...texts(generator['envs']), ...texts([generator['env'] ?? null])]) {
      const format = formatOfPath(entry)
      result.push([entry, format === 'binary' ? 'dotenv' : format])
    }
  }
  for (const patch of maps(kustomization['patches']))
    for (const path of texts([patch['path'] ?? null])) result.push([path, formatOfPath(path)])
  return result
}

function texts(value: KubeValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function maps(value: KubeValue | undefined): readonly KubeMap[] {
  return Array.isArray(value) ? value.filter(isMap) : []
}
