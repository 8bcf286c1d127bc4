import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** How a call of wrangler ended. */
export interface WranglerResult {
  readonly code: number
  /** Both of its outputs, without colours. */
  readonly output: string
}

/** Calls wrangler with arguments. Never rejects for what it answers. */
export type Wrangler = (args: readonly string[], env?: { readonly [name: string]: string }) => Promise<WranglerResult>

/** Most of its output that is kept. */
const maxOutput = 1024 * 1024

/**
 * The project's own wrangler, without questions: its standard input is empty. What it prints is kept, and every one of `secrets` is taken out of
 * it.
 */
export function createWrangler(
  cwd: string,
  env: { readonly [name: string]: string | undefined },
  secrets: readonly string[],
): Wrangler {
  const home = dirname(createRequire(import.meta.url).resolve('wrangler/package.json'))
  const program = join(home, 'bin/wrangler.js')
  return (args, more = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [program, ...args], {
        cwd,
        env: {
          ...env,
          WRANGLER_SEND_METRICS: 'false',
          WRANGLER_HIDE_BANNER: 'true',
          NO_COLOR: '1',
          FORCE_COLOR: '0',
          ...more,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => void (output = (output + text).slice(-maxOutput)))
      child.once('error', reject)
      child.once('close', (code) =>
        resolve({ code: code ?? 1, output: withoutSecrets(stripVTControlCharacters(output), secrets) }),
      )
    })
}

/** Longest first: one secret may be part of another. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length > 0)
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
}
