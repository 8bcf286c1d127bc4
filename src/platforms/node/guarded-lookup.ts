import { lookup as resolveName, type LookupAddress, type LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { EgressPolicy } from '../../base/index.ts'
import { EngineError, isHostAllowed, isPrivateAddress } from '../../base/index.ts'

/** Resolves names as Node does, then drops the addresses that the policy does not allow. */
export function guardedLookup(policy: EgressPolicy, resolve: typeof resolveName = resolveName): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...(options as LookupOptions), all: true }, (error, addresses: LookupAddress[]) => {
      if (error !== null) {
        callback(error, '', 4)
        return
      }
      const allowed = isHostAllowed(hostname, policy)
        ? addresses
        : addresses.filter(({ address }) => !isPrivateAddress(address))
      const first = allowed[0]
      if (first === undefined) {
        const refusal = new EngineError(
          `${hostname} is refused: it resolves to a private address; allow it in the configuration of the deployment if it is meant`,
          { code: 'egress-refused', data: { host: hostname } },
        )
        callback(refusal as NodeJS.ErrnoException, '', 4)
      } else if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}
