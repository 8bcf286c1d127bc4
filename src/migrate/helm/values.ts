import type { Values } from '../../helm/index.ts'

/** A part of `spec.valuesFrom`. */
export interface ValuesReference {
  readonly kind: 'Secret'
  readonly name: string
  readonly valuesKey?: string
}

/** Values, with what must not be in Git apart from them. */
export interface SplitValues {
  readonly open: Values
  readonly secret: Values
  /** `db.password` */
  readonly paths: readonly string[]
}

const secretName =
  /passw|passphrase|secret(?!Name$|Ref$|KeyRef$|s$)|token(?!s$|Ref$)|api-?_?key|private-?_?key|credential(?!s?Ref$)|dsn$|connection-?_?string/i

/**
 * Takes fields whose names say that they hold secrets out of values: texts and numbers that are not empty. Lists stay whole: a list of two sources cannot be put together again. Both parts merged
 * are the same values. Pure.
 */
export function splitSecrets(values: Values): SplitValues {
  const open: { [key: string]: unknown } = {}
  const secret: { [key: string]: unknown } = {}
  const paths: string[] = []
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const inside = splitSecrets(value as Values)
      if (Object.keys(inside.secret).length > 0) secret[key] = inside.secret
      if (Object.keys(inside.open).length > 0 || Object.keys(inside.secret).length === 0) open[key] = inside.open
      paths.push(...inside.paths.map((path) => `${key}.${path}`))
    } else if (secretName.test(key) && value !== '' && ['string', 'number'].includes(typeof value)) {
      secret[key] = value
      paths.push(key)
    } else open[key] = value
  }
  return { open: open as Values, secret: secret as Values, paths }
}
