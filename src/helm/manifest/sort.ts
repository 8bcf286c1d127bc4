import { compareByteOrder } from '../../base/index.ts'
import { compareForHelmInstall, compareForHelmUninstall } from '../../resources/index.ts'
import type { Value } from '../../template/index.ts'
import { parseHead, type ManifestHead } from './head.ts'
import { hookEvents, hookWeight, policies, type Hook } from './hook.ts'
import { isBlank, splitManifests } from './split.ts'

/** A document that a chart rendered. */
export interface Manifest {
  /** The template it came from, as in `# Source:`. */
  readonly source: string
  readonly content: string
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  /** The document as data; null for one of comments only. */
  readonly value: Value
}

/** Hooks and manifests of a render, each in the order of installing. `dropped` names documents with an unknown hook event. */
export interface SortedManifests {
  readonly hooks: readonly Hook[]
  readonly manifests: readonly Manifest[]
  readonly dropped: readonly string[]
}

/**
 * Splits rendered files into documents, parts hooks from the rest, and sorts both by kind (Helm v4 SortManifests): files by name, documents as
 * they stand, then stable by install order.
 *
 * @throws EngineError `manifest-invalid` for a document without a head.
 */
export function sortManifests(files: ReadonlyMap<string, string>): SortedManifests {
  const hooks: Hook[] = []
  const manifests: Manifest[] = []
  const dropped: string[] = []
  for (const path of [...files.keys()].sort(compareByteOrder)) {
    const content = files.get(path) ?? ''
    if (path.slice(path.lastIndexOf('/') + 1).startsWith('_') || isBlank(content)) continue
    for (const document of splitManifests(content)) {
      const head = parseHead(document, path)
      const annotation = head.annotations.get('helm.sh/hook')
      if (annotation === undefined) {
        const { apiVersion, kind, name, value } = head
        manifests.push({ source: path, content: document, apiVersion, kind, name, value })
        continue
      }
      const events = hookEvents(annotation)
      if (events === undefined) dropped.push(`skipping unknown hooks: ${annotation} (${path})`)
      else hooks.push(toHook(head, events, path, document))
    }
  }
  return {
    hooks: hooks.sort((a, b) => compareForHelmInstall(a.kind, b.kind)),
    manifests: manifests.sort((a, b) => compareForHelmInstall(a.kind, b.kind)),
    dropped,
  }
}

function toHook(head: ManifestHead, events: Hook['events'], path: string, manifest: string): Hook {
  const { annotations } = head
  return {
    name: head.name,
    kind: head.kind,
    path,
    manifest,
    events,
    last_run: { phase: '' },
    weight: hookWeight(annotations.get('helm.sh/hook-weight')),
    delete_policies: policies(annotations.get('helm.sh/hook-delete-policy')),
    output_log_policies: policies(annotations.get('helm.sh/hook-output-log-policy')),
  }
}

/** Manifests in the order of uninstalling. */
export function sortForUninstall(manifests: readonly Manifest[]): Manifest[] {
  return manifests.toSorted((a, b) => compareForHelmUninstall(a.kind, b.kind))
}

/** The text that Helm stores and prints for manifests: `---`, a line with the source, the document. */
export function printManifest(source: string, content: string): string {
  return `---\n# Source: ${source}\n${content}\n`
}
