import { readFileSync } from 'node:fs'
import { EngineError } from '../../src/base/index.ts'

/** What a deployment needs to know of infra/wrangler/wrangler.jsonc, for one environment of it. */
export interface WranglerConfig {
  readonly worker: string
  /** Every queue that it sends to, takes from, or gives up to. */
  readonly queues: readonly string[]
  /** Bindings through which clusters are reached. */
  readonly vpcBindings: readonly string[]
  readonly crons: readonly string[]
  /** The tag of the last migration of Durable Objects. */
  readonly migration: string
}

interface Section {
  readonly name?: string
  readonly queues?: {
    readonly producers?: readonly { readonly queue: string }[]
    readonly consumers?: readonly { readonly queue: string; readonly dead_letter_queue?: string }[]
  }
  readonly vpc_services?: readonly { readonly binding: string }[]
  readonly triggers?: { readonly crons?: readonly string[] }
  readonly migrations?: readonly { readonly tag: string }[]
}

/**
 * Reads wrangler's configuration for an environment (undefined: the main one). As with wrangler, an environment has its own queues and
 * bindings, and takes over migrations and, where it names none, the schedule.
 *
 * @throws EngineError `wrangler-config-invalid`.
 */
export function readWranglerConfig(path: string, environment: string | undefined): WranglerConfig {
  let main: Section & { readonly env?: { readonly [name: string]: Section } }
  try {
    main = JSON.parse(withoutComments(readFileSync(path, 'utf8'))) as typeof main
  } catch (caught) {
    throw new EngineError(`${path} cannot be read: ${caught instanceof Error ? caught.message : String(caught)}`, {
      code: 'wrangler-config-invalid',
      cause: caught,
    })
  }
  const own = environment === undefined ? main : main.env?.[environment]
  if (own === undefined) {
    const known = Object.keys(main.env ?? {}).join(', ')
    throw new EngineError(`${path} has no environment ${environment}; it has: ${known === '' ? 'none' : known}`, {
      code: 'wrangler-config-invalid',
    })
  }
  const { producers = [], consumers = [] } = own.queues ?? {}
  const queues = [
    ...producers.map((one) => one.queue),
    ...consumers.flatMap((one) => [one.queue, one.dead_letter_queue]),
  ]
  return {
    worker: own.name ?? (environment === undefined ? (main.name ?? '') : `${main.name}-${environment}`),
    queues: [...new Set(queues.filter((name) => name !== undefined))],
    vpcBindings: (own.vpc_services ?? []).map((one) => one.binding),
    crons: own.triggers?.crons ?? main.triggers?.crons ?? [],
    migration: (own.migrations ?? main.migrations ?? []).at(-1)?.tag ?? '',
  }
}

/** JSON with comments and commas before closing brackets, as JSON. Exported for tests. */
export function withoutComments(text: string): string {
  // Strings first, so that what looks like a comment inside of one stays.
  const bare = text.replaceAll(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string?: string) => string ?? '')
  return bare.replaceAll(/("(?:\\.|[^"\\])*")|,(?=\s*[\]}])/g, (_, string?: string) => string ?? '')
}
