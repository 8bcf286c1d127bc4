import type { Receiver } from '../../api/index.ts'
import { EngineError, toEngineError } from '../../base/index.ts'
import { compileCel, type CelProgram } from '../../cel/index.ts'
import { compileOidcProvider } from '../../receivers/index.ts'

/** The compiled filters of a Receiver: one list per entry of `spec.resources`; all of a list must be true. */
export type ReceiverFilters = readonly (readonly CelProgram[])[]

/**
 * Compiles `resourceFilter` and the `filter` of each resource, over `res`, `req` and for `generic-oidc` `claims`.
 *
 * @throws EngineError `cel-invalid` with reason `InvalidCELExpression`; what stands before the cause is Flux's.
 */
export function compileFilters(object: Receiver): ReceiverFilters {
  const { resourceFilter, resources, type } = object.spec
  const variables = ['res', 'req', ...(type === 'generic-oidc' ? ['claims'] : [])]
  const compile = (text: string | undefined, field: string, prefix: string): readonly CelProgram[] => {
    if (text === undefined || text === '') return []
    return explained(prefix, () => [compileCel(text, { variables, field })])
  }
  const common = compile(resourceFilter, 'spec.resourceFilter', 'invalid resourceFilter expression')
  return resources.map((resource, index) => {
    const which = `resources[${index}] (kind="${resource.kind}", name="${resource.name}")`
    const field = `spec.resources[${index}].filter`
    return [...common, ...compile(resource.filter, field, `invalid filter expression for ${which}`)]
  })
}

/**
 * Checks what the definition of the kind cannot: expressions, and issuers that are named twice (notification-controller 1.9).
 *
 * @throws EngineError with reason `InvalidCELExpression` or `ValidationFailed`.
 */
export function checkReceiver(object: Receiver): void {
  compileFilters(object)
  const seen = new Set<string>()
  for (const [index, provider] of (object.spec.oidcProviders ?? []).entries()) {
    const { issuerURL } = provider
    if (seen.has(issuerURL))
      throw new EngineError(`oidcProviders[${index}]: duplicate issuerURL "${issuerURL}"`, {
        code: 'receiver-invalid',
        reason: 'ValidationFailed',
      })
    seen.add(issuerURL)
    explained(`oidcProviders[${index}] (issuerURL="${issuerURL}")`, () =>
      compileOidcProvider(provider, `spec.oidcProviders[${index}]`),
    )
  }
}

function explained<T>(prefix: string, work: () => T): T {
  try {
    return work()
  } catch (caught) {
    const { message, code, reason } = toEngineError(caught)
    throw new EngineError(`${prefix}: ${message}`, { code, ...(reason === undefined ? {} : { reason }) })
  }
}
