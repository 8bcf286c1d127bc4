/**
 * Sprig 3.3, the template functions that Helm offers (its generic text table): one file per family, one table of all.
 * Every function behaves as in Go, its panics being errors. Time, randomness and keys come from the run's environment;
 * the functions that use it are listed as non-hermetic. `env` and `expandenv` are left out, and `getHostByName` looks
 * nothing up, as in Helm. Pure.
 * @module
 */
export { sprigFunctions, nonHermeticFunctions } from './table.ts'
export { encodeJson, type JsonStyle } from './json-encode.ts'
export { decodeJson, jsonFault } from './json-decode.ts'
export { encodeBase64, decodeBase64 } from './encoding.ts'
export { toText, toInt64, toFloat64, isEmpty } from './convert.ts'
export { deepCopy, deepEqual } from './deep.ts'
export { trimSpace } from './strings.ts'
export { parseNanoseconds, roundNanoseconds } from './time/duration.ts'
export { goDuration } from './time/time-value.ts'
export { parseIp, parseRequestUrl, parseUrl, type Url } from './urls.ts'
