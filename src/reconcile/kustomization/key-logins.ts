import { EngineError } from '../../base/index.ts'
import type { Kustomization } from '../../api/index.ts'
import type { CloudRequest } from '../../cloud/index.ts'
import { loginToVault, type KeyLogins, type KeyServiceDeps } from '../../secrets/index.ts'
import type { ServiceAccountIdentity } from '../../ports/index.ts'
import type { RunContext } from '../context.ts'
import { readServiceAccount } from '../service-account.ts'
import { mayUsePlatformCredentials } from '../tenancy.ts'

const reason = 'BuildFailed'

/**
 * How the key services are logged in to where the Secret of a Kustomization holds no credentials for them: as `spec.decryption.serviceAccountName`, as the
 * default service account for decryption, or as the deployment itself (kustomize-controller 1.9). Vault is logged in to as a service account only, and only where the settings name it.
 * Undefined where the deployment cannot log in at clouds.
 *
 * @throws EngineError `decryption-account-unsupported` where an account is named and there is nothing to log in with.
 */
export function keyLogins(ctx: RunContext, object: Kustomization, services: KeyServiceDeps): KeyLogins | undefined {
  const { cloud, settings } = ctx.deps
  const namespace = object.metadata.namespace ?? ''
  const given = object.spec.decryption?.serviceAccountName ?? ''
  const name = given === '' ? settings.defaultDecryptionServiceAccount : given
  if (cloud === undefined) {
    if (given === '') return undefined
    throw new EngineError(
      'spec.decryption.serviceAccountName: this deployment cannot log in with service accounts; name a Secret with credentials in spec.decryption.secretRef',
      { code: 'decryption-account-unsupported', reason: 'FeatureGateDisabled' },
    )
  }
  if (name === '' && !mayUsePlatformCredentials(ctx, object)) return undefined
  let read: Promise<ServiceAccountIdentity> | undefined
  const account = (): Promise<ServiceAccountIdentity> =>
    (read ??= readServiceAccount(ctx, { namespace, name }, { prefix: 'spec.decryption: ', reason }))
  const request = async (): Promise<CloudRequest> => ({
    serviceAccount: name === '' ? undefined : await account(),
    signal: ctx.signal,
  })
  return {
    aws: async (region) => cloud.aws({ ...(await request()), region }),
    gcp: async () => (await cloud.gcp(await request())).token,
    azure: async (scope) => (await cloud.azure(await request(), scope)).token,
    vault: async (address) => {
      const instance = settings.sopsVaults.find((one) => isSameAddress(one.address, address))
      if (instance === undefined || name === '') return undefined
      const jwt = await (await account()).token(instance.address)
      return loginToVault(services, instance, { role: `${namespace}_${name}`, jwt })
    },
  }
}

function isSameAddress(a: string, b: string): boolean {
  return a.replace(/\/+$/, '') === b.replace(/\/+$/, '')
}
