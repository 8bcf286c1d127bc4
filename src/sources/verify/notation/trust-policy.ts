import { problemOf, SignatureProblem, verifyError } from '../errors.ts'
import { isSubsetName, parseDistinguishedName } from './distinguished-name.ts'

/** What is checked of a signature. */
export type ValidationType = 'integrity' | 'authenticity' | 'authenticTimestamp' | 'expiry' | 'revocation'

/** What a failed check means: the signature is worth nothing, it is said, or it is not checked. */
export type ValidationAction = 'enforce' | 'log' | 'skip'

/** Which checks matter. */
export type VerificationLevel = { readonly [type in ValidationType]: ValidationAction }

/** One statement of a trust policy. */
export interface TrustPolicy {
  readonly name: string
  readonly registryScopes: readonly string[]
  /** Undefined for the level `skip`: signatures are not looked at. */
  readonly level: VerificationLevel | undefined
  readonly verifyTimestamp: 'always' | 'afterCertExpiry'
  readonly trustStores: readonly string[]
  readonly trustedIdentities: readonly string[]
}

const types: readonly ValidationType[] = Object.freeze([
  'integrity',
  'authenticity',
  'authenticTimestamp',
  'expiry',
  'revocation',
])

const level = (actions: string): VerificationLevel =>
  Object.freeze(
    Object.fromEntries(
      types.map((type, i) => [type, ({ e: 'enforce', l: 'log' } as const)[actions.charAt(i) as 'e' | 'l']]),
    ),
  ) as VerificationLevel

const levels: { readonly [name: string]: VerificationLevel } = Object.freeze({
  strict: level('eeeee'),
  permissive: level('eelll'),
  audit: level('ellll'),
})

const link = 'https://notaryproject.dev/docs/quickstart/#create-a-trust-policy'

/**
 * Reads and checks a trust policy document, version 1.0 (notation-go 1.3, verifier/trustpolicy). Stores and identities of a statement that skips verification are ignored, as in source-controller.
 *
 * @throws EngineError reason `VerificationError`.
 */
export function parseTrustPolicy(text: string): readonly TrustPolicy[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw verifyError(code, `error occurred while parsing trustpolicy.json: ${problemOf(cause)}`, cause)
  }
  const { version, trustPolicies } = fieldsOf(document)
  if (textOf(version) === '') throw invalid('trust policy document has empty version, version must be specified')
  if (version !== '1.0') throw invalid(`trust policy document uses unsupported version ${quote(textOf(version))}`)
  const statements = Array.isArray(trustPolicies) ? (trustPolicies as readonly unknown[]) : []
  if (statements.length === 0) throw invalid('trust policy document can not have zero trust policy statements')
  const policies = statements.map(readStatement)
  const names = new Set<string>()
  for (const { name } of policies) {
    if (names.has(name))
      throw invalid(`multiple trust policy statements use the same name ${quote(name)}, statement names must be unique`)
    names.add(name)
  }
  checkScopes(policies)
  return policies
}

/**
 * The statement for a repository (`<registry>/<repository>`): the one that names it, else the one with `*`.
 *
 * @throws EngineError reason `VerificationError` where there is none.
 */
export function choosePolicy(policies: readonly TrustPolicy[], repository: string, reference: string): TrustPolicy {
  const found =
    policies.find((policy) => policy.registryScopes.includes(repository)) ??
    policies.find((policy) => policy.registryScopes.includes('*'))
  if (found !== undefined) return found
  throw invalid(
    `artifact ${quote(reference)} has no applicable trust policy statement. Trust policy applicability for a given artifact is determined by registryScopes. To create a trust policy, see: ${link}`,
  )
}

const code = 'notation-policy-invalid'

function invalid(message: string): Error {
  return verifyError(code, message)
}

function readStatement(value: unknown): TrustPolicy {
  const fields = fieldsOf(value)
  const name = textOf(fields['name'])
  if (name === '')
    throw invalid('trust policy: a trust policy statement is missing a name, every statement requires a name')
  const stated = `trust policy: trust policy statement ${quote(name)}`
  const verification = fieldsOf(fields['signatureVerification'])
  const isSkipped = verification['level'] === 'skip'
  const chosen = readLevel(verification, stated)
  const timestamp = textOf(verification['verifyTimestamp'])
  if (timestamp !== '' && timestamp !== 'always' && timestamp !== 'afterCertExpiry')
    throw invalid(
      `${stated} has invalid signatureVerification: verifyTimestamp must be "always" or "afterCertExpiry", but got ${quote(timestamp)}`,
    )
  const trustStores = isSkipped ? [] : textsOf(fields['trustStores'])
  const trustedIdentities = isSkipped ? [] : textsOf(fields['trustedIdentities'])
  if (!isSkipped) {
    if (trustStores.length === 0 || trustedIdentities.length === 0)
      throw invalid(`${stated} is either missing trust stores or trusted identities, both must be specified`)
    for (const store of trustStores) checkStore(store, stated)
    checkIdentities(trustedIdentities, stated)
  }
  return {
    name,
    registryScopes: textsOf(fields['registryScopes']),
    level: chosen,
    verifyTimestamp: timestamp === 'afterCertExpiry' ? 'afterCertExpiry' : 'always',
    trustStores,
    trustedIdentities,
  }
}

function readLevel(verification: { readonly [field: string]: unknown }, stated: string): VerificationLevel | undefined {
  const fail = (why: string): Error => invalid(`${stated} has invalid signatureVerification: ${why}`)
  const name = textOf(verification['level'])
  if (name === '') throw fail('signature verification level is empty or missing in the trust policy statement')
  const base = Object.hasOwn(levels, name) ? levels[name] : undefined
  if (base === undefined && name !== 'skip') throw fail(`invalid signature verification level ${quote(name)}`)
  const override = Object.entries(fieldsOf(verification['override']))
  if (override.length === 0) return base
  if (base === undefined)
    throw fail(`signature verification level "skip" can't be used to customize signature verification`)
  const custom: { [type in ValidationType]: ValidationAction } = { ...base }
  for (const [key, action] of override) {
    const type = types.find((one) => one === key)
    if (type === undefined)
      throw fail(
        `verification type ${quote(key)} in custom signature verification is not supported, supported values are ${JSON.stringify(types)}`,
      )
    if (action !== 'enforce' && action !== 'log' && action !== 'skip')
      throw fail(
        `verification action ${quote(textOf(action))} in custom signature verification is not supported, supported values are ["enforce","log","skip"]`,
      )
    if (type === 'integrity')
      throw fail(`${quote(key)} verification can not be overridden in custom signature verification`)
    if (type !== 'revocation' && action === 'skip')
      throw fail(`${quote(key)} verification can not be skipped in custom signature verification`)
    custom[type] = action
  }
  return custom
}

function checkStore(store: string, stated: string): void {
  const at = store.indexOf(':')
  if (at < 0)
    throw invalid(
      `${stated} has malformed trust store value ${quote(store)}. The required format is <TrustStoreType>:<TrustStoreName>`,
    )
  const type = store.slice(0, at)
  const name = store.slice(at + 1)
  if (type !== 'ca' && type !== 'signingAuthority' && type !== 'tsa')
    throw invalid(`${stated} uses an unsupported trust store type ${quote(type)} in trust store value ${quote(store)}`)
  if (!/^[a-zA-Z0-9_.-]+$/.test(name))
    throw invalid(
      `${stated} uses an unsupported trust store name ${quote(name)} in trust store value ${quote(store)}. Named store name needs to follow [a-zA-Z0-9_.-]+ format`,
    )
}

function checkIdentities(identities: readonly string[], stated: string): void {
  if (identities.length > 1 && identities.includes('*'))
    throw invalid(
      `${stated} uses a wildcard trusted identity '*', a wildcard identity cannot be used in conjunction with other values`,
    )
  const names = identities.flatMap((identity) => {
    if (identity === '') throw invalid(`${stated} has an empty trusted identity`)
    if (identity === '*') return []
    const at = identity.indexOf(':')
    if (at < 0) throw invalid(`${stated} has trusted identity ${quote(identity)} missing separator`)
    if (identity.slice(0, at) !== 'x509.subject') return []
    const value = identity.slice(at + 1)
    if (value === '') throw invalid(`${stated} has trusted identity ${quote(identity)} without an identity value`)
    try {
      return [{ identity, name: parseDistinguishedName(value) }]
    } catch (error) {
      if (!(error instanceof SignatureProblem)) throw error
      throw invalid(`${stated} has trusted identity ${quote(identity)} with invalid identity value: ${error.message}`)
    }
  })
  for (const [i, one] of names.entries()) {
    const other = names.find((two, j) => i !== j && isSubsetName(one.name, two.name))
    if (other !== undefined)
      throw invalid(
        `${stated} has overlapping x509 trustedIdentities, ${quote(one.identity)} overlaps with ${quote(other.identity)}`,
      )
  }
}

const domain =
  /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?$/
const repositoryPart = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/

function checkScopes(policies: readonly TrustPolicy[]): void {
  const seen = new Set<string>()
  for (const { name, registryScopes } of policies) {
    const stated = `trust policy statement ${quote(name)}`
    if (registryScopes.length === 0)
      throw invalid(`${stated} has zero registry scopes, it must specify registry scopes with at least one value`)
    if (registryScopes.length > 1 && registryScopes.includes('*'))
      throw invalid(
        `${stated} uses wildcard registry scope '*', a wildcard scope cannot be used in conjunction with other scope values`,
      )
    for (const scope of registryScopes) {
      if (scope !== '*') checkScope(scope)
      if (seen.has(scope))
        throw invalid(
          `registry scope ${quote(scope)} is present in multiple trust policy statements, one registry scope value can only be associated with one statement`,
        )
      seen.add(scope)
    }
  }
}

function checkScope(scope: string): void {
  const make =
    'make sure it is a fully qualified repository without the scheme, protocol or tag. For example domain.com/my/repository or a local scope like local/myOCILayout'
  if (scope.includes('*')) throw invalid(`registry scope ${quote(scope)} with wild card(s) is not valid, ${make}`)
  const [host = '', ...path] = scope.split('/')
  if (path.length > 0 && domain.test(host) && path.every((part) => repositoryPart.test(part))) return
  throw invalid(`registry scope ${quote(scope)} is not valid, ${make}`)
}

function fieldsOf(value: unknown): { readonly [field: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [field: string]: unknown })
    : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly unknown[]).map(textOf) : []
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 300))
}
