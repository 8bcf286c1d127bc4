import { isEngineError } from '../base/index.ts'
import { renderChart, toTable, type Chart, type Values } from '../helm/index.ts'

/** A short template to be tried out, and the values it gets. */
export interface Snippet {
  readonly name: string
  readonly template: string
  readonly values?: Values
}

/** What a snippet rendered, or why it did not. */
export type SnippetResult =
  { readonly name: string; readonly output: string } | { readonly name: string; readonly error: string }

const fileName = 'templates/snippet.yaml'

/** Renders a template as `templates/snippet.yaml` of a chart, whose partials it sees and whose other templates are left out. */
export function renderSnippet(chart: Chart, snippet: Snippet): SnippetResult {
  const partials = chart.templates.filter((file) => file.name.startsWith('_', file.name.lastIndexOf('/') + 1))
  const template = { name: fileName, data: new TextEncoder().encode(snippet.template) }
  try {
    const { files } = renderChart({
      chart: { ...chart, templates: [...partials, template] },
      release: { name: 'rel', namespace: 'ns', revision: 1, isInstall: true, isUpgrade: false },
      values: toTable(snippet.values ?? {}),
      environment: { now: () => Date.now(), randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)) },
      skipSorting: true,
    })
    // Bytes that are no UTF-8 become replacement characters, as Go's JSON has them.
    return { name: snippet.name, output: (files.get(`${chart.metadata.name}/${fileName}`) ?? '').toWellFormed() }
  } catch (error) {
    if (!isEngineError(error)) throw error
    return { name: snippet.name, error: error.message }
  }
}

/** Snippets from JSON lines, rendered to JSON lines. */
export function renderSnippets(chart: Chart, lines: string): string {
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `${JSON.stringify(renderSnippet(chart, JSON.parse(line) as Snippet))}\n`)
    .join('')
}
