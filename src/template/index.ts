/**
 * Go's text/template (Go 1.26): values, parser, compiler to closures, executor, builtins and fmt. Pure, without eval.
 * `parseTemplate` gives an immutable text that may be cached and shared; a `TemplateSet` joins texts that see each other;
 * `executeTemplate` runs one of them within limits. Functions are declared with `goFunction` and `variadicFunction`, whose
 * parameter types the executor checks as Go does. Knows nothing of Helm or YAML.
 * @module
 */
export { executeTemplate } from './execute.ts'
export { parseTemplate, TemplateSet, type CompiledTemplate, type ParsedText } from './template-set.ts'
export { DEFAULT_LIMITS, Run, type Environment, type ExecuteLimits, type MissingKey, type RunOptions } from './run.ts'
export { builtinFunctions, escapeHtml, escapeJs, escapeQuery } from './builtins/index.ts'
export * from './errors.ts'
export * from './function.ts'
export * from './value.ts'
export * from './int.ts'
export * from './text.ts'
export * from './json.ts'
export * from './fmt/index.ts'
export { quote, quoteRune, unquote } from './quote.ts'
export { parseFloat64, parseInteger, parseUnsigned, type NumberFault } from './strconv.ts'
