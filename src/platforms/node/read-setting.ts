import { readFileSync } from 'node:fs'

/**
 * Reads a variable or secret `NAME` from the environment, or from the file that `NAME_FILE` names (as mounted secrets are), without the line
 * break at its end. A file is read each time, so that a rotated secret is found.
 */
export function createEnvironmentReader(env: {
  readonly [name: string]: string | undefined
}): (name: string) => string | undefined {
  return (name) => {
    const path = env[`${name}_FILE`]
    if (env[name] !== undefined || path === undefined || path === '') return env[name]
    try {
      return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    } catch {
      return undefined // The configuration then says that the setting is missing.
    }
  }
}
