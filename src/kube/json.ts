import { EngineError } from '../base/index.ts'

/** JSON.rawJSON and the reviver's source text are in every runtime we support (V8 12) but not in the language's type library. */
const rawJson = (JSON as unknown as { rawJSON: (this: void, text: string) => unknown }).rawJSON

/** Sixteen digits or more: the integers a double may not hold are among them. */
const longInteger = /[:[,]\s*-?\d{16,}\s*[,}\]]/

/** JSON text of a Kubernetes value. Integers that a double cannot hold are `bigint` and are written exactly. */
export function encodeJson(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? rawJson(item.toString()) : item))
  }
}

/**
 * The value of a JSON text; integers that a double cannot hold become `bigint`.
 *
 * @throws EngineError `kube-bad-answer` (`retry`): what arrived is not JSON, so something on the way cut or replaced it.
 */
export function decodeJson(text: string): unknown {
  try {
    return longInteger.test(text)
      ? JSON.parse(text, reviveLongInteger as (key: string, value: unknown) => unknown)
      : JSON.parse(text)
  } catch {
    throw new EngineError(
      'the API server answered with something that is not JSON; check what stands between it and this deployment',
      {
        code: 'kube-bad-answer',
        disposition: 'retry',
      },
    )
  }
}

function reviveLongInteger(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value
}
