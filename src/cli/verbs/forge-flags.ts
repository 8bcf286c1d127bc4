import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { toEngineError } from '../../base/index.ts'
import { createForge, forgeHosts, type Forge, type ForgeKind, type ForgeTarget } from '../../forges/index.ts'
import type { HttpClient } from '../../ports/index.ts'
import { usageError } from '../exit-codes.ts'

/** Flags that name a repository at a forge. */
export interface ForgeFlags {
  readonly owner?: string
  readonly repository?: string
  readonly hostname?: string
  readonly forgeTokenFile?: string
}

/** Where the token of each forge is, as with flux. */
export const tokenVariables: { readonly [kind in ForgeKind]: string } = {
  github: 'GITHUB_TOKEN',
  gitlab: 'GITLAB_TOKEN',
  gitea: 'GITEA_TOKEN',
}

/** Adds the flags; `kind` undefined: of any forge. */
export function addForgeFlags(command: Command, kind: ForgeKind | undefined): Command {
  const token = kind === undefined ? '$GITHUB_TOKEN, $GITLAB_TOKEN or $GITEA_TOKEN' : `$${tokenVariables[kind]}`
  const host = kind === undefined ? "the forge's own" : (forgeHosts[kind] ?? 'none: it has to be given')
  return command
    .option('--owner <name>', 'organisation, group or user that has the repository')
    .option('--repository <name>', 'its name')
    .option('--hostname <host>', `host of the forge, or its URL; default: ${host}`)
    .option('--forge-token-file <file>', `file with the token for the forge; default: the token in ${token}`)
}

/** The token of a forge from the file of the flag or the environment; undefined where there is none. @throws EngineError `usage`. */
export function readForgeToken(variable: string, file: string | undefined): string | undefined {
  if (file === undefined) return process.env[variable]?.trim() || undefined
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch (error) {
    throw usageError(`the token file ${file} cannot be read: ${toEngineError(error).message}`)
  }
}

/** The repository that the flags name. @throws EngineError `usage`. */
export function forgeTargetOf(kind: ForgeKind, flags: ForgeFlags): Omit<ForgeTarget, 'token'> {
  const { owner = '', repository: name = '' } = flags
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(owner) || !/^[\w.-]+$/.test(name))
    throw usageError('name the repository with --owner and --repository')
  if (kind !== 'gitlab' && owner.includes('/'))
    throw usageError('--owner is one name; only GitLab has groups in groups')
  const given = flags.hostname ?? ownHost(kind) ?? forgeHosts[kind]
  if (given === undefined) throw usageError('give the host of the forge with --hostname')
  const host = given.includes('://') ? given : `https://${given}`
  if (!URL.canParse(host) || !/^https?:$/.test(new URL(host).protocol))
    throw usageError('--hostname must be a host such as git.example.com, or its URL')
  return { host: new URL(host).origin, owner, name }
}

/** The forge whose job this runs in, as it says itself. */
function ownHost(kind: ForgeKind): string | undefined {
  const variable = kind === 'github' ? 'GITHUB_SERVER_URL' : kind === 'gitlab' ? 'CI_SERVER_URL' : undefined
  return variable === undefined ? undefined : process.env[variable] || undefined
}

/** The forge, reached as whoever runs this may reach it. Over plain http only on this machine. @throws EngineError `usage`. */
export function openForge(kind: ForgeKind, target: ForgeTarget, http: HttpClient, signal: AbortSignal): Forge {
  return createForge(kind, { http, egress: forgeEgress(target.host), signal }, target)
}

/** Private hosts are the caller's own affair; a token in the clear is nobody's. @throws EngineError `usage`. */
export function forgeEgress(host: string): { readonly allowPrivate: true } {
  const url = new URL(host)
  if (url.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(url.hostname))
    throw usageError('a token is not sent over plain http; give the https URL of the forge')
  return { allowPrivate: true }
}
