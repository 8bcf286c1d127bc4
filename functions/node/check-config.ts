import { DiagnosticsError, type Diagnostic } from '../../src/base/index.ts'
import { createEnvironmentReader } from '../../src/platforms/node/index.ts'
import { loadConfig, type Config } from '../config.ts'
import { isConfigError } from '../config-errors.ts'
import { isKnownSetting, isSecretSetting, nodeVariables } from '../setting-names.ts'

/** Where a configuration is meant for. */
export type ConfigPlatform = 'node' | 'cloudflare'

/** One variable or secret that is given. */
export interface GivenSetting {
  readonly name: string
  readonly value: string
  readonly isSecret: boolean
}

/** What was found out about a configuration. */
export interface CheckedConfig {
  /** Everything that is wrong; empty where a deployment would start. */
  readonly errors: readonly Diagnostic[]
  /** What is probably not meant: names that nobody reads. */
  readonly warnings: readonly Diagnostic[]
  /** Absent where something is wrong. */
  readonly config?: Config
  /** What is given, by name, values of `NAME_FILE` under `NAME`; nothing that is unknown. */
  readonly settings: readonly GivenSetting[]
}

/** Largest variable or secret of a Worker. */
const maxWorkerBytes = 5 * 1024

/**
 * Reads a configuration as a deployment does when it starts, and what the platform asks for besides. Never throws for what is wrong in it;
 * values never appear in findings.
 *
 * @param env the variables and secrets, and nothing else: a name that no part of the configuration reads is warned of.
 */
export function checkConfig(
  env: { readonly [name: string]: string | undefined },
  platform: ConfigPlatform,
): CheckedConfig {
  const errors: Diagnostic[] = []
  const warnings: Diagnostic[] = []
  const complain = (field: string, message: string): void => void errors.push(finding('error', field, message))
  const readNames = new Set<string>()
  const reader = createEnvironmentReader(env)
  const read = (name: string): string | undefined => {
    readNames.add(name)
    return reader(name)
  }
  let config: Config | undefined
  try {
    config = loadConfig(read)
    checkNamedSecrets(config, read, complain)
  } catch (caught) {
    if (!isConfigError(caught)) throw caught
    errors.push(...caught.diagnostics)
  }
  const isKnown = (name: string): boolean => readNames.has(name) || isKnownSetting(name)
  const names = Object.keys(env).filter((name) => (env[name] ?? '') !== '')
  const settings: GivenSetting[] = []
  for (const name of names.toSorted()) {
    const target = isKnown(name) || !name.endsWith('_FILE') ? name : name.slice(0, -'_FILE'.length)
    if (!isKnown(target)) {
      warnings.push(finding('warning', name, 'nothing reads it: is the name misspelt?'))
      continue
    }
    const value = reader(target)
    if (value === undefined) complain(name, 'the file that it names cannot be read')
    else if (!settings.some((one) => one.name === target))
      settings.push({ name: target, value, isSecret: isSecretSetting(target) })
  }
  if (platform === 'node') checkForNode(reader, complain)
  else checkForWorkers({ config, settings }, complain, (field, text) => warnings.push(finding('warning', field, text)))
  return { errors, warnings, settings, ...(config === undefined || errors.length > 0 ? {} : { config }) }
}

/** The same where it must be right: what a deployment on Node starts with. Throws a DiagnosticsError `config-invalid` with every error. */
export function loadNodeConfig(env: { readonly [name: string]: string | undefined }): Config {
  const { config, errors } = checkConfig(env, 'node')
  if (config === undefined) throw new DiagnosticsError(errors, { code: 'config-invalid' })
  return config
}

function finding(severity: 'error' | 'warning', field: string, message: string): Diagnostic {
  return { code: 'config-invalid', severity, field, message }
}

type Complain = (field: string, message: string) => void

function checkNamedSecrets(config: Config, read: (name: string) => string | undefined, complain: Complain): void {
  for (const { tokenSecret } of config.githubRedelivery)
    if ((read(tokenSecret) ?? '') === '') complain('GITHUB_REDELIVERY.tokenSecret', `there is no secret ${tokenSecret}`)
}

function checkForNode(read: (name: string) => string | undefined, complain: Complain): void {
  const port = read('PORT')
  if (port !== undefined && !(/^\d{1,5}$/.test(port.trim()) && Number(port) <= 65_535))
    complain('PORT', 'must be a number from 0 to 65535')
}

/** What only a Worker cannot do, or does not need. */
function checkForWorkers(
  { config, settings }: { readonly config: Config | undefined; readonly settings: readonly GivenSetting[] },
  complain: Complain,
  warn: Complain,
): void {
  for (const { name, value } of settings) {
    const bytes = new TextEncoder().encode(value).length
    if (bytes > maxWorkerBytes)
      complain(name, `has ${bytes} bytes; a variable or secret of a Worker has at most ${maxWorkerBytes}`)
    if (nodeVariables.includes(name)) warn(name, 'is for Node; it is not set')
  }
  for (const { name, kubeconfig, clientCertSecret, insecureSkipVerify, ca } of config?.clusters ?? []) {
    const at = `CLUSTERS.${name}`
    if (kubeconfig !== undefined) complain(`${at}.kubeconfig`, 'is for Node; give server and tokenSecret')
    if (clientCertSecret !== undefined)
      complain(`${at}.clientCertSecret`, 'a client certificate belongs to the VPC service that binding names')
    if (insecureSkipVerify === true)
      complain(`${at}.insecureSkipVerify`, 'how a certificate is verified is chosen at the VPC service')
    if (ca !== undefined)
      warn(`${at}.ca`, 'is not used: a private certificate authority belongs to the VPC service that binding names')
  }
}

/** Strings shorter than this may stand in a secret by chance. */
const minHidden = 8

/** The configuration as it would be used, for people to read: every string that is a secret, or part of one, is replaced by `***`. */
export function redactedConfig({ config, settings }: CheckedConfig): unknown {
  const secrets = settings.filter((one) => one.isSecret && one.value !== '').map((one) => one.value)
  const texts = secrets.flatMap((value) => [value, decoded(value)])
  const isSecret = (text: string): boolean =>
    texts.some((secret) => secret === text || (text.length >= minHidden && secret.includes(text)))
  const redact = (value: unknown): unknown => {
    if (typeof value === 'string') return isSecret(value) ? '***' : value
    if (Array.isArray(value)) return value.map(redact)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, redact(one)]))
  }
  return redact(config)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // A percent sign that encodes nothing is meant as it is.
  }
}
