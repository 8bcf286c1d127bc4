import { azuredevops } from './azure-devops.ts'
import { bitbucket } from './bitbucket.ts'
import { codecommit } from './codecommit.ts'
import { gitea } from './gitea.ts'
import { github } from './github.ts'
import { gitlab } from './gitlab.ts'
import type { Receiver } from './types.ts'

/** The providers by the name that ends their path, `/hook/<name>`. A further provider is one file and one line here. */
export const receivers = { github, gitlab, gitea, bitbucket, azuredevops, codecommit } as const satisfies {
  readonly [name: string]: Receiver
}

/** Name of a provider. */
export type Provider = keyof typeof receivers

/** Whether there is a receiver of this name. */
export function isProvider(name: string): name is Provider {
  return Object.hasOwn(receivers, name)
}

/** Name of the variable that switches a provider on: what proves its deliveries. */
export function settingOf(provider: Provider): string {
  const receiver: Receiver = receivers[provider]
  return receiver.setting ?? `${provider.toUpperCase()}_WEBHOOK_SECRET`
}
