import type { KubeTransport } from '../ports/index.ts'
import type { ClusterLogins } from './logins.ts'

/**
 * A transport that logs in for each request. One that is answered with 401 is sent once more where its login has become stale, as after the keys of the issuer were lost: an API server that answers so
 * has done nothing.
 *
 * @param inner carries requests without credentials of its own.
 */
export function createLoginTransport(inner: KubeTransport, logins: ClusterLogins): KubeTransport {
  return {
    cluster: inner.cluster,
    send: async (request) => {
      const { as, ...rest } = request
      for (let attempt = 1; ; attempt++) {
        const { token, impersonate, isStale } = await logins(as)
        const response = await inner.send({
          ...rest,
          headers: { ...request.headers, authorization: `Bearer ${token}` },
          ...(impersonate === undefined ? {} : { as: impersonate }),
        })
        const isRefused = response.status === 401 && attempt === 1
        if (!isRefused || isStale === undefined || !(await isStale())) return response
        await response.body?.cancel()
      }
    },
  }
}
