import { EngineError } from '../base/index.ts'

/** One condition of a label selector. */
export interface LabelRequirement {
  readonly key: string
  readonly operator: 'in' | 'notin' | 'exists' | 'absent' | 'greater' | 'less'
  readonly values: readonly string[]
}

const KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/

/**
 * Parses a label selector as Kubernetes does (apimachinery labels.Parse): `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`,
 * `a>1`, `a<1`, joined by commas; '' selects everything. Throws EngineError `label-selector-invalid`.
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  const tokens = tokenize(text)
  const result: LabelRequirement[] = []
  let at = 0
  const next = (): string => tokens[at++] ?? ''
  const values = (): string[] => {
    if (next() !== '(') throw invalid(text, `expected '('`)
    const list: string[] = []
    for (let expectValue = true; ;) {
      const token = next()
      if (token === ')') {
        if (expectValue) list.push('')
        return list
      }
      if (token === ',') {
        if (expectValue) list.push('')
        expectValue = true
      } else if (token === '' || !expectValue) throw invalid(text, `expected ',' or ')'`)
      else {
        list.push(token)
        expectValue = false
      }
    }
  }
  const requirement = (): LabelRequirement => {
    let key = next()
    if (key === '!') return { key: checkKey(text, next()), operator: 'absent', values: [] }
    key = checkKey(text, key)
    const operator = tokens[at] ?? ''
    if (operator === '' || operator === ',') return { key, operator: 'exists', values: [] }
    at++
    switch (operator) {
      case 'in':
      case 'notin':
        return { key, operator, values: values() }
      case '=':
      case '==':
      case '!=': {
        const follows = tokens[at] ?? ''
        const value = follows === '' || follows === ',' ? '' : next()
        return { key, operator: operator === '!=' ? 'notin' : 'in', values: [value] }
      }
      case '>':
      case '<': {
        const value = next()
        if (!/^[+-]?\d+$/.test(value)) throw invalid(text, `${JSON.stringify(value)} is no integer`)
        return { key, operator: operator === '>' ? 'greater' : 'less', values: [value] }
      }
      default:
        throw invalid(text, `found ${JSON.stringify(operator)}, expected an operator`)
    }
  }
  while (at < tokens.length) {
    const one = requirement()
    const bad = one.values.find((value) => !VALUE.test(value))
    if (bad !== undefined) throw invalid(text, `${JSON.stringify(bad)} is no valid label value`)
    result.push(one)
    if (at < tokens.length && (next() !== ',' || at === tokens.length))
      throw invalid(text, `expected ',' and another condition`)
  }
  return result
}

/** True when `labels` fulfil every requirement. A missing label fulfils `!=` and `notin`. */
export function matchesLabels(
  selector: readonly LabelRequirement[],
  labels: { readonly [key: string]: string },
): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined
    switch (operator) {
      case 'exists':
        return value !== undefined
      case 'absent':
        return value === undefined
      case 'in':
        return value !== undefined && values.includes(value)
      case 'notin':
        return value === undefined || !values.includes(value)
      default: {
        if (value === undefined || !/^[+-]?\d+$/.test(value)) return false
        const difference = BigInt(value.replace('+', '')) - BigInt((values[0] ?? '0').replace('+', ''))
        return operator === 'greater' ? difference > 0n : difference < 0n
      }
    }
  })
}

function tokenize(text: string): string[] {
  return text.match(/==|!=|[=!<>(),]|[^\s=!<>(),]+/g) ?? []
}

function checkKey(text: string, key: string): string {
  if (!KEY.test(key)) throw invalid(text, `${JSON.stringify(key)} is no valid label key`)
  return key
}

function invalid(text: string, message: string): EngineError {
  return new EngineError(`unable to parse label selector ${JSON.stringify(text)}: ${message}`, {
    code: 'label-selector-invalid',
  })
}
