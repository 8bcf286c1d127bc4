import type { GoFunction } from '../template/index.ts'
import { cryptoFunctions } from './crypto.ts'
import { dateFunctions } from './dates.ts'
import { dictFunctions } from './dicts.ts'
import { encodingFunctions } from './encoding.ts'
import { flowFunctions, reflectFunctions } from './flow.ts'
import { hashFunctions } from './hashes.ts'
import { jsonFunctions } from './json.ts'
import { listFunctions } from './lists.ts'
import { mathFunctions } from './math.ts'
import { pathFunctions } from './paths.ts'
import { randomFunctions } from './random.ts'
import { regexFunctions } from './regex.ts'
import { semverFunctions } from './semver.ts'
import { stringFunctions } from './strings.ts'
import { urlFunctions } from './urls.ts'

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
  ...dateFunctions,
  ...semverFunctions,
  ...pathFunctions,
  ...urlFunctions,
  ...randomFunctions,
  ...hashFunctions,
  ...cryptoFunctions,
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
