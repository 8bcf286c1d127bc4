import { z } from 'zod'
import type { ReadSetting } from './config.ts'

/** Who may read, and where what is known is sent besides. */
export interface ReadingConfig {
  /** Bearer tokens of those who may read and do nothing else. A trigger token also reads. */
  readonly tokens: readonly string[]
  /** Bearer tokens for `/metrics` alone. */
  readonly metricsTokens: readonly string[]
  /** Everybody who reaches the deployment may read. */
  readonly isPublic: boolean
  /** Sign the cookies of those who have signed in: the first makes them, all are believed. Empty: a key is derived from the tokens. */
  readonly sessionKeys: readonly string[]
}

/** How `loadConfig` reads single variables, noting what is wrong. */
export interface ConfigReader {
  readonly read: ReadSetting
  readonly parse: <T>(name: string, schema: z.ZodType<T>, fallback: T) => T
  readonly secrets: (name: string) => readonly string[]
  readonly complain: (field: string, message: string) => void
}

/** Shorter keys can be guessed from one cookie. */
const minKeyLength = 32

/** Reads `READ_TOKEN`, `METRICS_TOKEN`, `PUBLIC_READ` and `SESSION_KEY`. */
export function loadReadingConfig({ parse, secrets, complain }: ConfigReader): ReadingConfig {
  const sessionKeys = secrets('SESSION_KEY')
  if (sessionKeys.some((key) => key.length < minKeyLength))
    complain('SESSION_KEY', `needs at least ${minKeyLength} characters (openssl rand -base64 32)`)
  return {
    tokens: secrets('READ_TOKEN'),
    metricsTokens: secrets('METRICS_TOKEN'),
    isPublic: parse('PUBLIC_READ', z.boolean({ error: 'must be true or false' }), false),
    sessionKeys,
  }
}
