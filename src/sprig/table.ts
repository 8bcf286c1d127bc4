import type { GoFunction } from '../template/index.ts'
import { dictFunctions } from './dicts.ts'
import { encodingFunctions } from './encoding.ts'
import { flowFunctions, reflectFunctions } from './flow.ts'
import { jsonFunctions } from './json.ts'
import { listFunctions } from './lists.ts'
import { mathFunctions } from './math.ts'
import { regexFunctions } from './regex.ts'
import { stringFunctions } from './strings.ts'

/** Every function of sprig 3.3 that Helm offers. */
export const sprigFunctions: readonly GoFunction[] = [
  ...stringFunctions,
  ...listFunctions,
  ...dictFunctions,
  ...mathFunctions,
  ...flowFunctions,
  ...reflectFunctions,
  ...encodingFunctions,
  ...jsonFunctions,
  ...regexFunctions,
]

/** The functions whose result depends on the run's clock or random numbers. */
export const nonHermeticFunctions: ReadonlySet<string> = new Set([
  'ago',
  'bcrypt',
  'buildCustomCert',
  'date',
  'dateInZone',
  'date_in_zone',
  'durationRound',
  'encryptAES',
  'genCA',
  'genCAWithKey',
  'genPrivateKey',
  'genSelfSignedCert',
  'genSelfSignedCertWithKey',
  'genSignedCert',
  'genSignedCertWithKey',
  'htmlDate',
  'htmlDateInZone',
  'htpasswd',
  'now',
  'randAlpha',
  'randAlphaNum',
  'randAscii',
  'randBytes',
  'randInt',
  'randNumeric',
  'shuffle',
  'uuidv4',
])
