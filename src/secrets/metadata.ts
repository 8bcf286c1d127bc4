import { RE2JS } from 're2js'
import { secretsError } from './errors.ts'
import { SopsBranch, SopsComment, SopsTime, entryOf, scalarText, type SopsValue } from './tree.ts'

/** A data key, or a share of it, as one key service encrypted it. */
export type MasterKey =
  | { readonly kind: 'age'; readonly recipient: string; readonly enc: string }
  | { readonly kind: 'pgp'; readonly fingerprint: string; readonly enc: string }
  | {
      readonly kind: 'hc_vault'
      readonly address: string
      readonly enginePath: string
      readonly keyName: string
      readonly enc: string
    }
  | {
      readonly kind: 'kms'
      readonly arn: string
      readonly role: string
      readonly context: { readonly [name: string]: string }
      readonly enc: string
    }
  | { readonly kind: 'gcp_kms'; readonly resourceId: string; readonly enc: string }
  | {
      readonly kind: 'azure_kv'
      readonly vaultUrl: string
      readonly name: string
      readonly version: string
      readonly enc: string
    }
  | { readonly kind: 'hckms'; readonly keyId: string }

/** Which values are encrypted: at most one rule, else all but those below a key that ends with `_unencrypted`. */
export type CryptRule =
  | { readonly kind: 'unencrypted_suffix' | 'encrypted_suffix'; readonly suffix: string }
  | {
      readonly kind: 'unencrypted_regex' | 'encrypted_regex' | 'unencrypted_comment_regex' | 'encrypted_comment_regex'
      /** False for an expression that Go would not compile, which never matches. */
      matches(text: string): boolean
    }

/** The `sops` part of a file. */
export interface SopsMetadata {
  readonly keyGroups: readonly (readonly MasterKey[])[]
  /** How many groups give the data key; 0 where the file does not say (one group, or all). */
  readonly shamirThreshold: number
  /** RFC 3339; the additional data of the MAC. */
  readonly lastModified: string
  readonly mac: string
  readonly macOnlyEncrypted: boolean
  readonly rule: CryptRule
}

/** Bounds of one file: each key may cost a request. */
const maxKeys = 200
const maxRegexLength = 4096

const suffixRules = ['unencrypted_suffix', 'encrypted_suffix'] as const
const regexRules = [
  'unencrypted_regex',
  'encrypted_regex',
  'unencrypted_comment_regex',
  'encrypted_comment_regex',
] as const

/**
 * Reads the metadata of a file (sops v3.13, stores.metadata and ToInternal).
 *
 * @throws EngineError `sops-bad-file` naming the field.
 */
export function readMetadata(branch: SopsBranch): SopsMetadata {
  const single = readGroup(branch)
  const groups = entryOf(branch, 'key_groups')
  const listed = Array.isArray(groups) ? groups.filter((group) => group instanceof SopsBranch).map(readGroup) : []
  const keyGroups = single.length > 0 ? [single] : listed
  const keys = keyGroups.reduce((sum, group) => sum + group.length, 0)
  if (keys === 0) throw bad('names no keys')
  if (keys > maxKeys) throw bad(`names ${keys} keys, more than the ${maxKeys} allowed`)
  const shamirThreshold = Number(text(branch, 'shamir_threshold') || '0')
  if (!Number.isInteger(shamirThreshold) || shamirThreshold < 0 || shamirThreshold > 255)
    throw bad('has a shamir_threshold that is no number of key groups')
  const lastModified = text(branch, 'lastmodified')
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(lastModified))
    throw bad('has no lastmodified that is an RFC 3339 time')
  return {
    keyGroups,
    shamirThreshold,
    lastModified: lastModified.replace(/\.\d+/, ''),
    mac: text(branch, 'mac'),
    macOnlyEncrypted: /^(?:1|t|true)$/i.test(text(branch, 'mac_only_encrypted')),
    rule: readRule(branch),
  }
}

function readRule(branch: SopsBranch): CryptRule {
  const rules: CryptRule[] = []
  for (const kind of suffixRules) {
    const suffix = text(branch, kind)
    if (suffix !== '') rules.push({ kind, suffix })
  }
  for (const kind of regexRules) {
    const source = text(branch, kind)
    if (source !== '') rules.push({ kind, matches: matcher(source) })
  }
  if (rules.length > 1)
    throw bad(`has more than one of ${[...suffixRules, ...regexRules].join(', ')}; a file can have one of them`)
  return rules[0] ?? { kind: 'unencrypted_suffix', suffix: '_unencrypted' }
}

function matcher(source: string): (text: string) => boolean {
  if (source.length > maxRegexLength) throw bad(`has a regular expression of more than ${maxRegexLength} characters`)
  try {
    const pattern = RE2JS.compile(source)
    return (subject) => pattern.matcher(subject).find()
  } catch {
    return () => false
  }
}

function readGroup(branch: SopsBranch): readonly MasterKey[] {
  const all = <T>(field: string, read: (key: SopsBranch) => T): T[] => {
    const list = entryOf(branch, field)
    return Array.isArray(list) ? list.filter((item) => item instanceof SopsBranch).map(read) : []
  }
  const enc = (key: SopsBranch): string => text(key, 'enc')
  return [
    ...all('kms', (key) => ({
      kind: 'kms' as const,
      arn: text(key, 'arn'),
      role: text(key, 'role'),
      context: textMap(key, 'context'),
      enc: enc(key),
    })),
    ...all('gcp_kms', (key) => ({ kind: 'gcp_kms' as const, resourceId: text(key, 'resource_id'), enc: enc(key) })),
    ...all('hckms', (key) => ({ kind: 'hckms' as const, keyId: text(key, 'key_id') })),
    ...all('azure_kv', (key) => ({
      kind: 'azure_kv' as const,
      vaultUrl: text(key, 'vault_url'),
      name: text(key, 'name'),
      version: text(key, 'version'),
      enc: enc(key),
    })),
    ...all('hc_vault', (key) => ({
      kind: 'hc_vault' as const,
      address: text(key, 'vault_address'),
      enginePath: text(key, 'engine_path'),
      keyName: text(key, 'key_name'),
      enc: enc(key),
    })),
    ...all('pgp', (key) => ({ kind: 'pgp' as const, fingerprint: text(key, 'fp'), enc: enc(key) })),
    ...all('age', (key) => ({ kind: 'age' as const, recipient: text(key, 'recipient'), enc: enc(key) })),
  ]
}

/** The text of a scalar field; '' where there is none. Dotenv and INI files have numbers and booleans as text. */
function text(branch: SopsBranch, field: string): string {
  const value: SopsValue = entryOf(branch, field) ?? null
  if (value === null || value instanceof SopsBranch || Array.isArray(value) || value instanceof SopsComment) return ''
  if (value instanceof SopsTime) return value.text
  return scalarText(value)
}

function textMap(branch: SopsBranch, field: string): { readonly [name: string]: string } {
  const value = entryOf(branch, field)
  if (!(value instanceof SopsBranch)) return {}
  return Object.fromEntries(
    value.entries.flatMap(({ key }) => (typeof key === 'string' ? [[key, text(value, key)] as const] : [])),
  )
}

function bad(what: string) {
  return secretsError('sops-bad-file', `the SOPS metadata ${what}; encrypt the file again with sops`)
}
