import { readFileSync, statSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { EngineError } from '../../src/base/index.ts'

/** Most that a file with variables and secrets may have. */
const maxBytes = 4 * 1024 * 1024

/**
 * The variables and secrets in a file with lines of `NAME=value`, as systemd's EnvironmentFile and Node's `--env-file` have them: values may
 * stand in quotation marks, lines that begin with `#` are comments. Nothing is expanded.
 *
 * @throws EngineError `env-file-unreadable`, and `env-file-invalid` for a line that is none; the message has its number, never its text.
 */
export function readEnvFile(path: string): { readonly [name: string]: string } {
  const text = readText(path)
  const values = parseEnv(text) as { [name: string]: string }
  const wrong = linesWithoutName(text, values)
  if (wrong.length > 0) {
    throw new EngineError(
      `${path}: not of the form NAME=value: line ${wrong.join(', ')} (a value of several lines stands in quotation marks)`,
      {
        code: 'env-file-invalid',
      },
    )
  }
  return values
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxBytes)
      throw new EngineError(`${path} is larger than ${maxBytes} bytes`, { code: 'env-file-unreadable' })
    return readFileSync(path, 'utf8')
  } catch (caught) {
    if (caught instanceof EngineError) throw caught
    const why = caught instanceof Error && 'code' in caught ? String(caught.code) : 'unknown error'
    throw new EngineError(`${path} cannot be read: ${why}`, { code: 'env-file-unreadable', cause: caught })
  }
}

/** Numbers of the lines that the parser has passed over in silence: neither a comment nor an assignment nor part of a value in quotation marks. */
function linesWithoutName(text: string, values: { readonly [name: string]: string }): readonly number[] {
  const inside = new Set(
    Object.values(values).flatMap((value) =>
      value.includes('\n')
        ? value
            .split('\n')
            .slice(1)
            .map((line) => line.trim())
        : [],
    ),
  )
  return text.split('\n').flatMap((line, index) => {
    const shown = line.trim()
    if (shown === '' || shown.startsWith('#') || /^(?:export\s+)?[A-Za-z_][\w.-]*\s*=/.test(shown)) return []
    return inside.has(shown.replace(/["'`]\s*(?:#.*)?$/, '')) || inside.has(shown) ? [] : [index + 1]
  })
}
