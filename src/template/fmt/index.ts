/**
 * Go's fmt for template values: `formatValue` is `%v`, `sprint`, `sprintln` and `sprintf` are the functions of those names.
 * Output is bounded: everything that can be large is counted on the meter before it is made.
 * Follows Go 1.26 fmt and strconv.
 * @module
 */
export { formatFloat, type FloatFormat } from './float.ts'
export { formatValue, sprint, sprintln, type Meter } from './print.ts'
export { sprintf } from './printf.ts'
