import { type KubeMap, noteFault } from '../resources/index.ts'
import { resolveScalar } from '../yaml/index.ts'

/**
 * Notes a fault on `map` where one of `keys`, which kustomize has written there itself, is no text: it writes its own keys without quotes,
 * so that `1` or `true` become a number or a boolean, and then it cannot print the object. Keys that come from a file stay as they were
 * written. Returns true where there is such a key.
 */
export function noteWrittenKeys(map: KubeMap, keys: Iterable<string>): boolean {
  for (const key of keys) {
    if (!NOT_ALWAYS_TEXT.test(key) || typeof resolveScalar(key, 'kyaml') === 'string') continue
    noteFault(map, {
      code: 'yaml-key-not-text',
      message: `the key ${JSON.stringify(key)} is no text when it is written without quotes, as kustomize writes it; choose another key`,
    })
    return true
  }
  return false
}

/** What numbers, booleans and null can start with. */
const NOT_ALWAYS_TEXT = /^(?:[-+.\d~nNtTfF]|$)/
