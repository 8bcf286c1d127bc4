/**
 * The command line: one file per command; each parses flags, calls the engine and prints. `main.ts` is the program. `verbs` work on clusters, with a kubeconfig alone
 * or through a deployment (`target`), and answer people and programs (`terminal`).
 * @module
 */
export { debugCommand } from './debug.ts'
export { DiskTree } from './disk-tree.ts'
export { exitCodeOf, exitCodes, type ExitCode } from './exit-codes.ts'
export { helmCommand } from './helm.ts'
export { parseHelmArguments } from './helm-flags.ts'
export { renderSnippet, type Snippet } from './helm-snippets.ts'
export {
  loadChartFrom,
  renderTemplate,
  templateJsonLines,
  templateText,
  type TemplateOptions,
} from './helm-template.ts'
export { NO_VALUES, readValues } from './helm-values.ts'
export { kustomizeCommand } from './kustomize.ts'
export { outputFormats, printAnswer, type OutputFormat } from './terminal/output.ts'
export { createTerminal } from './terminal/terminal.ts'
