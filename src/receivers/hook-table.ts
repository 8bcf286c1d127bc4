import type { ReceiverType } from '../api/index.ts'
import { acrHook } from './acr.ts'
import { bitbucketHook } from './bitbucket.ts'
import { cdEventsHook } from './cd-events.ts'
import { dockerHubHook } from './docker-hub.ts'
import { gcrHook } from './gcr.ts'
import { genericHmacHook } from './generic-hmac.ts'
import { genericOidcHook } from './generic-oidc.ts'
import { genericHook } from './generic.ts'
import { githubHook } from './github.ts'
import { gitlabHook } from './gitlab.ts'
import { harborHook } from './harbor.ts'
import type { HookType } from './hook-types.ts'
import { nexusHook } from './nexus.ts'
import { quayHook } from './quay.ts'

/** The types of Receiver objects. */
export const hookTypes = {
  generic: genericHook,
  'generic-hmac': genericHmacHook,
  'generic-oidc': genericOidcHook,
  github: githubHook,
  gitlab: gitlabHook,
  bitbucket: bitbucketHook,
  harbor: harborHook,
  dockerhub: dockerHubHook,
  quay: quayHook,
  gcr: gcrHook,
  nexus: nexusHook,
  acr: acrHook,
  cdevents: cdEventsHook,
} as const satisfies { readonly [type in ReceiverType]: HookType }

/** The type of a Receiver object; undefined for one that is not known. */
export function hookTypeOf(type: string): HookType | undefined {
  return Object.hasOwn(hookTypes, type) ? hookTypes[type as ReceiverType] : undefined
}
