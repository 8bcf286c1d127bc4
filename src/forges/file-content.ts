import { z } from 'zod'
import { EngineError, fromBase64 } from '../base/index.ts'
import { parseAnswer } from './answer.ts'
import { maxFileBytes } from './pull-call.ts'

const content = z.union([
  z.array(z.unknown()),
  z.object({
    type: z.string().nullish(),
    encoding: z.string().nullish(),
    content: z.string().nullish(),
    size: z.number().nullish(),
  }),
])

/**
 * The bytes of a file as the contents APIs of GitHub, GitLab and Gitea give it, in base64.
 *
 * @throws EngineError `forge-file` for a directory, a submodule, a link, or a file that is too large.
 */
export function decodeContent(title: string, path: string, json: unknown): Uint8Array {
  const found = parseAnswer(title, content, json)
  if (Array.isArray(found)) throw noFile(path, 'is a directory')
  const { type, encoding, size } = found
  if (typeof type === 'string' && type !== 'file') throw noFile(path, `is a ${type.slice(0, 20)}`)
  if ((size ?? 0) > maxFileBytes) throw noFile(path, 'is larger than a megabyte')
  const bytes = encoding === 'base64' ? fromBase64((found.content ?? '').replace(/\s+/g, '')) : undefined
  if (bytes === undefined) throw noFile(path, 'comes in an encoding that is not known, or is too large')
  if (bytes.length > maxFileBytes) throw noFile(path, 'is larger than a megabyte')
  return bytes
}

function noFile(path: string, why: string): EngineError {
  return new EngineError(`${path} ${why}: it is not read`, { code: 'forge-file' })
}
