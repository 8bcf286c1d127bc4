/**
 * The plan of a change: what a pull request would do to every application on every cluster, as data. Sorts what the change does from what had drifted, finds what is dangerous, and prints it for forges,
 * terminals and machines. Values with secrets and values that may be shown are different types, and redaction is the only way from one to the other. Pure.
 * @module
 */
export { raw, type Raw } from './raw.ts'
export { joinShown, say, type Shown } from './shown.ts'
export { showMessage, showName } from './redact.ts'
export type { Rendered } from './taint.ts'
export type {
  ApplicationInput,
  ApplicationKey,
  ChangeInput,
  ChartInput,
  DependencyInput,
  ErrorInput,
  InputState,
  ObjectInput,
  PlanInput,
} from './input.ts'
export type {
  ApplicationState,
  Danger,
  FieldDifference,
  ImageChange,
  ObjectRef,
  Origin,
  PlanDocument,
  PlanError,
  PlannedAction,
  PlannedApplication,
  PlannedObject,
  VersionChange,
} from './document.ts'
export { planDocument } from './plan.ts'
export {
  defaultSeverities,
  parseSeverities,
  ruleFacts,
  ruleNames,
  severities,
  type RuleName,
  type Severities,
  type Severity,
} from './dangers/names.ts'
export {
  digestChanges,
  liveVersion,
  planDigest,
  publicReference,
  type ClusterDigest,
  type DigestApplication,
  type PlanDigest,
  type TouchedObject,
} from './digest.ts'
export { countActions, verdictOf, type Verdict } from './exports/summary.ts'
export { planMarkdown, planMarker, type MarkdownOptions } from './exports/markdown.ts'
export { escapeMarkdown } from './exports/escape.ts'
export { parsePlan, planJson, planJsonSchema } from './exports/json.ts'
export { planSarif } from './exports/sarif.ts'
export { planText, type TextStyle } from './exports/text.ts'
