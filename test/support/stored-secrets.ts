import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { Canaries } from './canaries.ts'

const unpackers = [gunzipSync, inflateSync, inflateRawSync, zstdDecompressSync, brotliDecompressSync]
const maxUnpacked = 64 << 20

/** Bytes as text, and what they unpack to where they are packed. */
function readings(bytes: Uint8Array, depth = 0): readonly string[] {
  const own = [Buffer.from(bytes).toString('utf8')]
  if (depth === 2) return own
  return [
    ...own,
    ...unpackers.flatMap((unpack) => {
      try {
        return readings(unpack(bytes, { maxOutputLength: maxUnpacked }), depth + 1)
      } catch {
        return [] // It is packed in another way, or not at all.
      }
    }),
  ]
}

/**
 * Looks at everything that a deployment on Node has stored: every value of every table of its database, and every file of its folder as it is and unpacked.
 *
 * @returns how many values and files there were.
 */
export function seeStored(canaries: Canaries, directory: string): number {
  let seen = 0
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, entry)
    if (!statSync(path).isFile()) continue
    for (const text of readings(readFileSync(path))) canaries.see(`file ${entry}`, text)
    seen++
    if (!entry.endsWith('.db')) continue
    const database = new DatabaseSync(path, { readOnly: true })
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[]
    for (const { name } of tables)
      for (const row of database.prepare(`select * from "${name}"`).all())
        for (const value of Object.values(row)) {
          const bytes = value instanceof Uint8Array ? value : Buffer.from(String(value))
          for (const text of readings(bytes))
            canaries.see(`table ${name}: ${JSON.stringify(Object.values(row)[0])}`, text)
          seen++
        }
    database.close()
  }
  return seen
}
