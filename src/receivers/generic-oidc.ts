import type { OidcProvider } from '../api/index.ts'
import { compileCel, compileCelValue, type CelProgram } from '../cel/index.ts'
import { EngineError } from '../base/index.ts'
import type { HookType } from './hook-types.ts'
import { bearerToken, checkClaims, isSignedByKey, parseJwt, type Jwt } from './jwt.ts'
import { keysOfIssuer } from './key-sets.ts'
import { refuse } from './refusal.ts'
import type { HeaderReader, VerifyTools } from './types.ts'

/** Audience of tokens where the Receiver names none (notification-controller 1.9). */
export const defaultOidcAudience = 'notification-controller'

/** `generic-oidc`: a token of an OpenID Connect issuer, such as a job of GitHub Actions or GitLab CI gets one, whose claims meet conditions. */
export const genericOidcHook: HookType = {
  type: 'generic-oidc',
  hasEvents: false,
  verifyHeaders: async (headers, access, tools) => {
    await verifyOidcToken(headers, access.oidcProviders, tools)
  },
  verify: async ({ headers }, access, tools) => {
    const { claims, provider } = await verifyOidcToken(headers, access.oidcProviders, tools)
    judge(compileOidcProvider(provider, 'spec.oidcProviders'), claims)
    // The id of a token is none of a delivery: a job may send twice with one token, and mean it.
    return { event: '', deliveryId: '', claims }
  },
}

/**
 * Verifies the bearer token of a request: the provider is picked by the issuer that it names, then its signature, issuer, audience and time are checked. Conditions on its claims are not.
 *
 * @throws EngineError `delivery-refused`; `issuer-unreachable` (`retry`).
 */
export async function verifyOidcToken<P extends Pick<OidcProvider, 'issuerURL' | 'audience'>>(
  headers: HeaderReader,
  providers: readonly P[],
  tools: VerifyTools,
): Promise<{ readonly claims: Jwt['claims']; readonly provider: P }> {
  const jwt = parseJwt(bearerToken(headers.get('authorization')))
  const provider = providers.find(({ issuerURL }) => issuerURL === jwt.claims['iss'])
  if (provider === undefined) throw refuse('no oidcProvider is configured for the issuer of the token')
  checkClaims(jwt.claims, {
    issuers: [provider.issuerURL],
    audience: provider.audience === undefined || provider.audience === '' ? defaultOidcAudience : provider.audience,
    now: tools.now(),
  })
  const { keys, algorithms } = await keysOfIssuer(provider.issuerURL, jwt.kid, tools)
  if (!algorithms.includes(jwt.alg)) throw refuse('the algorithm of the token is none of its issuer')
  if (!(await isSignedByKey(jwt, keys))) throw refuse('the signature of the token is wrong')
  return { claims: jwt.claims, provider }
}

/** Compiled `variables` and `validations` of a provider. */
export interface OidcProgram {
  readonly variables: readonly {
    readonly name: string
    readonly run: (variables: { readonly [name: string]: unknown }) => unknown
  }[]
  readonly validations: readonly { readonly message: string; readonly program: CelProgram }[]
}

/** Compiles the conditions of a provider. Throws EngineError `cel-invalid`. */
export function compileOidcProvider(provider: OidcProvider, field: string): OidcProgram {
  const variables = ['claims', 'vars']
  return {
    variables: (provider.variables ?? []).map(({ name, expression }, index) => ({
      name,
      run: compileCelValue(expression, { variables, field: `${field}.variables[${index}]` }),
    })),
    validations: provider.validations.map(({ expression, message }, index) => ({
      message,
      program: compileCel(expression, { variables, field: `${field}.validations[${index}]` }),
    })),
  }
}

/** Holds the conditions of a provider against claims. Throws EngineError `delivery-refused` with the message of every condition that is not met. */
function judge(program: OidcProgram, claims: Jwt['claims']): void {
  const vars: { [name: string]: unknown } = {}
  const failures: string[] = []
  try {
    for (const { name, run } of program.variables) vars[name] = run({ claims, vars })
    for (const { message, program: validation } of program.validations)
      if (!validation.evaluateBool({ claims, vars })) failures.push(message)
  } catch (caught) {
    if (caught instanceof EngineError) throw refuse(caught.message)
    throw caught
  }
  // No condition would let everybody in whom the issuer knows.
  if (program.validations.length === 0) throw refuse('the oidcProvider has no validations')
  if (failures.length > 0) throw refuse(`token validation failed: ${failures.join('; ').slice(0, 1000)}`)
}
