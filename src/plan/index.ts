/**
 * The plan of a change: what a pull request would do to every application on every cluster, as data. Sorts what the change does from what had drifted, finds what is dangerous, and prints it for forges,
 * terminals and machines. Values with secrets and values that may be shown are different types, and redaction is the only way from one to the other. Pure.
 * @module
 */
export { raw, type Raw } from './raw.ts'
export { joinShown, say, type Shown } from './shown.ts'
export { showMessage, showName } from './redact.ts'
export type { Rendered } from './taint.ts'
export type * from './input.ts'
export type * from './document.ts'
export { showManifest, type ShownManifest } from './manifest.ts'
export { labelOf } from './object.ts'
export { planDocument } from './plan.ts'
export { boundPlan } from './bound.ts'
export { joinPlans } from './join.ts'
export { openRecord, sealRecord } from './seal.ts'
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
  joinDigests,
  liveVersion,
  planDigest,
  publicReference,
  type ClusterDigest,
  type DigestApplication,
  type PlanDigest,
  type TouchedObject,
} from './digest.ts'
export {
  countActions,
  countsText,
  hasEffect,
  liveTexts,
  verdictOf,
  verdictTexts,
  type Verdict,
} from './exports/summary.ts'
export { planMarkdown, planMarker, type MarkdownOptions } from './exports/markdown.ts'
export { actionWord, originNote, valueLines, type Line } from './exports/difference-lines.ts'
export { escapeMarkdown } from './exports/escape.ts'
export { parsePlan, planJson, planJsonSchema } from './exports/json.ts'
export { planSarif } from './exports/sarif.ts'
export { planText, wrapText, type TextOptions, type TextStyle } from './exports/text.ts'
