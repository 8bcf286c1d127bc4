import { EngineError } from '../base/index.ts'

/** The error for a delivery that is not authentic, or not allowed. `reason` goes into the record of deliveries and must carry nothing secret. */
export function refuse(reason: string): EngineError {
  return new EngineError(reason, { code: 'delivery-refused' })
}
