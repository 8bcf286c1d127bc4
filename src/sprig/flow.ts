import {
  ANY,
  BOOL,
  FunctionError,
  goFunction,
  kindOf,
  STRING,
  typeName,
  variadicFunction,
  type GoFunction,
} from '../template/index.ts'
import { isEmpty } from './convert.ts'
import { deepEqual } from './deep.ts'

/** Sprig's defaults and flow control. */
export const flowFunctions: readonly GoFunction[] = [
  goFunction('hello', [], () => 'Hello!'),
  variadicFunction('default', [ANY], ANY, (_run, fallback, ...given) => (isEmpty(given[0]) ? fallback : given[0])),
  goFunction('empty', [ANY], (_run, v) => isEmpty(v)),
  variadicFunction('coalesce', [], ANY, (_run, ...values) => values.find((v) => !isEmpty(v)) ?? null),
  variadicFunction('all', [], ANY, (_run, ...values) => values.every((v) => !isEmpty(v))),
  variadicFunction('any', [], ANY, (_run, ...values) => values.some((v) => !isEmpty(v))),
  goFunction('ternary', [ANY, ANY, BOOL], (_run, yes, no, test) => (test ? yes : no)),
  goFunction('fail', [STRING], (_run, message) => {
    throw new FunctionError(message)
  }),
]

/** Sprig's functions about types. */
export const reflectFunctions: readonly GoFunction[] = [
  goFunction('typeOf', [ANY], (_run, v) => typeName(v)),
  goFunction('typeIs', [STRING, ANY], (_run, wanted, v) => wanted === typeName(v)),
  goFunction('typeIsLike', [STRING, ANY], (_run, wanted, v) => [wanted, `*${wanted}`].includes(typeName(v))),
  goFunction('kindOf', [ANY], (_run, v) => kindOf(v)),
  goFunction('kindIs', [STRING, ANY], (_run, wanted, v) => wanted === kindOf(v)),
  goFunction('deepEqual', [ANY, ANY], (run, a, b) => deepEqual(a, b, run)),
]
