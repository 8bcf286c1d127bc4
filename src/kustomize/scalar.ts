import { type KubeValue, scalarText } from '../resources/index.ts'
import { problem } from './problems.ts'

/** What a plain scalar stands for, by go-yaml v3's rules for the text that kustomize writes itself. */
export function resolvePlain(text: string): KubeValue {
  if (text === '' || text === '~' || /^(null|Null|NULL)$/.test(text)) return null
  if (/^(true|True|TRUE)$/.test(text)) return true
  if (/^(false|False|FALSE)$/.test(text)) return false
  if (/^[-+]?(0|[1-9][0-9]*)$/.test(text)) return integer(text)
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(text) && !/^[-+]?0[0-9]/.test(text))
    return Number(text)
  return text
}

function integer(text: string): KubeValue {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : BigInt(text.replace(/^\+/, ''))
}

/**
 * `text` in the place of `old`: a scalar keeps its type when its text is replaced, as kustomize writes into the YAML node. Throws
 * `kustomize-scalar-type` where the text does not fit the type.
 */
export function retype(old: KubeValue, text: string): KubeValue {
  if (typeof old === 'string') return text
  const value = resolvePlain(text)
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  if (typeof old === 'boolean' && typeof value === 'boolean') return value
  if (old === null && value === null) return null
  if (isNumber && (typeof old === 'number' || typeof old === 'bigint')) {
    const wasInteger = typeof old === 'bigint' || Number.isInteger(old)
    const isInteger = typeof value === 'bigint' || Number.isInteger(value)
    if (isInteger || !wasInteger) return value
  }
  throw problem(
    'kustomize-scalar-type',
    `cannot write ${JSON.stringify(text)} in the place of ${old === null ? 'null' : `the ${typeof old === 'boolean' ? 'boolean' : 'number'} ${scalarText(old)}`}; give the target a value of the same type`,
  )
}
