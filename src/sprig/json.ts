import { ANY, FunctionError, goFunction, STRING, type GoFunction, type Run, type Value } from '../template/index.ts'
import { decodeJson } from './json-decode.ts'
import { encodeJson, type JsonStyle } from './json-encode.ts'

const COMPACT: JsonStyle = Object.freeze({ escapeHtml: true })
const PRETTY: JsonStyle = Object.freeze({ escapeHtml: true, indent: '  ' })
const RAW: JsonStyle = Object.freeze({ escapeHtml: false })

/** compat(sprig): the form without `must` drops the error and gives nothing. */
function orNothing<T>(compute: () => T, nothing: T): T {
  try {
    return compute()
  } catch (error) {
    if (error instanceof FunctionError) return nothing
    throw error
  }
}

function encoder(name: string, style: JsonStyle): readonly GoFunction[] {
  const encode = (run: Run, v: Value): string => encodeJson(v, style, run)
  const must = `must${name[0]!.toUpperCase()}${name.slice(1)}`
  return [
    goFunction(name, [ANY], (run, v) => (style === RAW ? encode(run, v) : orNothing(() => encode(run, v), ''))),
    goFunction(must, [ANY], encode),
  ]
}

/** Sprig's JSON functions. Helm replaces some of them. */
export const jsonFunctions: readonly GoFunction[] = [
  ...encoder('toJson', COMPACT),
  ...encoder('toPrettyJson', PRETTY),
  ...encoder('toRawJson', RAW),
  goFunction('fromJson', [STRING], (run, text) => orNothing<Value>(() => decodeJson(text, run), null)),
  goFunction('mustFromJson', [STRING], (run, text) => decodeJson(text, run)),
]
