import { isEngineError } from '../../base/index.ts'
import {
  ANY,
  FunctionError,
  goFunction,
  parseTemplate,
  quote,
  STRING,
  TemplateSet,
  type FunctionTable,
  type GoFunction,
  type ParsedText,
  type Run,
  type Value,
} from '../../template/index.ts'
import { ChartFailure } from './failure.ts'
import { hostOf } from './host.ts'

/** As deep as Helm lets a template include itself. */
const maxIncludes = 1000

/** The name under which Helm parses what `tpl` is given. */
const tplName = 'gotpl'

/** Keys of texts that were parsed for `tpl`; beyond this nothing more is kept. */
const maxParsed = 2000

/** Characters of a text that errors quote. */
const maxShown = 256

/**
 * The functions that Helm binds to a render (Helm v4 pkg/engine, initFunMap). `functions` gives the whole table, which `tpl` parses with: it is
 * asked for when a template runs, because the table contains these functions.
 */
export function lateBoundFunctions(functions: () => FunctionTable): GoFunction[] {
  return [
    goFunction('include', [STRING, ANY], (run, name, data) => include(run, name, data)),
    goFunction('tpl', [STRING, ANY], (run, text, data) => tpl(run, text, data, functions())),
    goFunction('required', [STRING, ANY], (run, message, value) => {
      if ((value === null || value === '') && hostOf(run).lint) return ''
      if (value === null || value === '') throw new ChartFailure(message)
      return value
    }),
    goFunction('fail', [STRING], (run, message) => {
      if (hostOf(run).lint) return ''
      throw new ChartFailure(message)
    }),
    goFunction('lookup', [STRING, STRING, STRING, STRING], (run, apiVersion, kind, namespace, name) =>
      hostOf(run).lookup({ apiVersion, kind, namespace, name }),
    ),
    // Name resolution would carry values out of the render; Helm has it switched off by default, too.
    goFunction('getHostByName', [STRING], () => ''),
  ]
}

function include(run: Run, name: string, data: Value): string {
  const { included } = hostOf(run)
  const count = included.get(name) ?? 0
  if (count > maxIncludes) {
    throw new FunctionError(`rendering template has a nested reference name: ${name}: unable to execute template`)
  }
  included.set(name, count + 1)
  try {
    return run.executeTemplate(name, data)
  } finally {
    included.set(name, count)
  }
}

function tpl(run: Run, text: string, data: Value, functions: FunctionTable): string {
  const parsed = parseTpl(run, text, functions)
  const main = parsed.templates.get(tplName)
  let set = run.set.extend()
  set.add(parsed)
  if (main !== undefined && set.get(tplName) !== main) {
    // White space never replaces a template, not even that of a tpl around this one: it is executed by itself.
    set = new TemplateSet(tplName)
    set.add({ name: tplName, templates: new Map([[tplName, main]]) })
  }
  try {
    return withoutNoValue(run.executeTemplate(tplName, data, set))
  } catch (error) {
    throw wrapped(error, `error during tpl function execution for ${shown(text)}`)
  }
}

function parseTpl(run: Run, text: string, functions: FunctionTable): ParsedText {
  const { parsed } = hostOf(run)
  const known = parsed.get(text)
  if (known !== undefined) return known
  run.step(text.length)
  try {
    const made = parseTemplate(tplName, text, functions)
    if (parsed.size < maxParsed) parsed.set(text, made)
    return made
  } catch (error) {
    throw wrapped(error, `cannot parse template ${shown(text)}`)
  }
}

function wrapped(error: unknown, what: string): unknown {
  if (!isTemplateFailure(error)) return error
  return new FunctionError(`${what}: ${error.message}`, { cause: error })
}

function isTemplateFailure(error: unknown): error is Error {
  return isEngineError(error) && error.code !== 'template-limit'
}

/** A text in an error: what charts hand to tpl may be whole files, and comes from values. */
function shown(text: string): string {
  return quote(text.length > maxShown ? `${text.slice(0, maxShown)}…` : text)
}

/** Helm blanks what missing values print, in whole files and in what tpl returns. */
export function withoutNoValue(text: string): string {
  return text.includes('<no value>') ? text.replaceAll('<no value>', '') : text
}
