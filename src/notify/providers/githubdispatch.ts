import { deliver } from '../deliver.ts'
import { eventFields } from '../event.ts'
import { tokenOf } from '../forge/commit-status.ts'
import { gitHubHeaders, gitHubRepositoryApi } from '../forge/github-api.ts'
import { postJson } from '../provider.ts'
import type { NotificationProvider } from '../types.ts'

/** GitHub: the event starts workflows that listen for `repository_dispatch` of the type `Kind/name.namespace`. */
export const githubdispatch: NotificationProvider = {
  isChat: false,
  format: (event, target) => {
    const { kind, name, namespace } = event.involvedObject
    const payload = { event_type: `${kind}/${name}.${namespace}`, client_payload: eventFields(event) }
    return [postJson(`${gitHubRepositoryApi(target.address)}/dispatches`, payload)]
  },
  send: async (context, event, target) => {
    const headers = gitHubHeaders(target, await tokenOf(context, target))
    for (const request of githubdispatch.format(event, target))
      await deliver(context, { ...request, headers: { ...request.headers, ...headers } })
  },
}
