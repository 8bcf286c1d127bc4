import { EngineError } from '../base/index.ts'

/** What a database says of the tables in it. */
export interface StoredSchema {
  /** Counted up with every change of the tables or of what is in them. */
  readonly version: number
  /** The oldest version of the schema whose programs may still use it: a change that only adds leaves this as it is. */
  readonly readableFrom: number
}

/** The schema that this program writes. A program that finds an older one brings it up to this. */
export const currentSchema: StoredSchema = { version: 1, readableFrom: 1 }

/**
 * What a program that knows `known` does with a database that says `found` (undefined: it is empty, or older than versions are): `write` puts
 * down the program's own version, `keep` leaves a newer one that the program can use. Throws EngineError `state-newer` for one that it cannot
 * use: a program that was rolled back too far must not write into tables that it does not understand.
 */
export function decideSchema(found: StoredSchema | undefined, known: StoredSchema = currentSchema): 'write' | 'keep' {
  if (found === undefined || found.version < known.version) return 'write'
  if (found.readableFrom <= known.version) return 'keep'
  throw new EngineError(
    `the state was written by a newer version of Sluice (its schema is ${found.version}, usable from ${found.readableFrom} on; this version knows ${known.version}): ` +
      'run that version again, or start this one with an empty state, which is rebuilt from Git and the clusters; nothing was changed',
    { code: 'state-newer', disposition: 'stall' },
  )
}
