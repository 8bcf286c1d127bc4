import type { Json } from '../base/index.ts'

/** Time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after `ms`, or rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Cryptographically strong randomness. */
export interface Random {
  bytes(length: number): Uint8Array
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Structured log. Field values must not carry secrets. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: { readonly [key: string]: Json | undefined }): void
  /** A logger that adds `fields` to every line. */
  with(fields: { readonly [key: string]: Json | undefined }): Logger
}
