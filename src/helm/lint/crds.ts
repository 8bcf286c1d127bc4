import type { FileTree } from '../../ports/index.ts'
import { fromBytes } from '../../template/index.ts'
import { crdsOf, instantiate, type Chart } from '../chart/chart.ts'
import { lintedDocuments } from './documents.ts'
import { error, type LintMessage } from './message.ts'

/** What is wrong with the files in `crds/`, those of sub-charts too where the chart has some itself (Helm v4 pkg/chart/v2/lint/rules Crds). */
export function lintCrds(tree: FileTree, chart: () => Chart | LintMessage): LintMessage[] {
  const kind = tree.stat('crds')?.kind
  if (kind === undefined) return []
  if (kind !== 'directory') return [error('crds/', 'not a directory')]
  const loaded = chart()
  if ('severity' in loaded) return [loaded]
  const messages: LintMessage[] = []
  for (const { file } of crdsOf(instantiate(loaded))) {
    for (const document of lintedDocuments(fromBytes(file.data))) {
      // Text that is no YAML ends the search, for all files.
      if ('problem' in document) return [...messages, error(file.name, `unable to parse YAML: ${document.problem}`)]
      const { apiVersion, kind: found } = document.object
      if (!apiVersion.startsWith('apiextensions.k8s.io'))
        messages.push(error(file.name, "apiVersion is not in 'apiextensions.k8s.io'"))
      if (found !== 'CustomResourceDefinition')
        messages.push(error(file.name, "object kind is not 'CustomResourceDefinition'"))
    }
  }
  return messages
}
