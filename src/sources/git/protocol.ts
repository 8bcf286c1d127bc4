import { concatBytes } from '../../base/index.ts'
import { gitDataError, gitError, gitUnsupported } from './errors.ts'
import { isObjectId } from './object-id.ts'
import type { Packet } from './pkt-line.ts'
import { encodePackets, packetText } from './pkt-line.ts'

/** Name under which the engine shows itself to forges. Some answer only to agents that start with `git/`. */
export const gitAgent = 'git/2.0 (sluice)'

/** What a server says about itself before the first command. */
export interface ServerCapabilities {
  readonly version: 1 | 2
  /** Commands and features with their values: `fetch` -> `shallow filter`. */
  readonly features: ReadonlyMap<string, string>
  /** Version 1 sends the references with its capabilities, version 2 has `ls-refs` for it. */
  readonly refs?: readonly RemoteRef[]
}

/** A reference of the remote. */
export interface RemoteRef {
  readonly name: string
  readonly id: string
  /** Commit (or whatever else) at the end of an annotated tag. */
  readonly peeled?: string
  /** For HEAD: the branch that it stands for. */
  readonly target?: string
}

/** A fetch of protocol v2, stateless: everything the server must know is in it. */
export interface FetchRequest {
  readonly wants: readonly string[]
  /** Commits that are at hand with all their trees; the server leaves out what they reach. */
  readonly haves?: readonly string[]
  /** Commits at hand whose parents are not. */
  readonly shallow?: readonly string[]
  readonly depth?: number
  /** `blob:none` or `tree:0`; only where the server offers filters. */
  readonly filter?: string
}

/** Decodes the answer to `GET info/refs?service=git-upload-pack`, of version 2, 1 or 0. */
export async function readCapabilities(packets: AsyncIterable<Packet>): Promise<ServerCapabilities> {
  const lines: string[] = []
  let isWhole = false
  for await (const packet of packets) {
    isWhole = packet.kind === 'flush'
    if (packet.kind === 'data') lines.push(packetText(packet.data))
  }
  if (!isWhole && lines.every((line) => !line.startsWith('ERR '))) {
    throw gitDataError('the answer does not speak the Git protocol, or was cut off')
  }
  if (lines[0]?.startsWith('# service=') === true) lines.shift()
  throwOnError(lines[0])
  if (lines[0] === 'version 2') {
    const features = lines.slice(1).map((line): [string, string] => {
      const [name = '', ...value] = line.split('=')
      return [name, value.join('=')]
    })
    refuseOtherHash(features.find(([name]) => name === 'object-format')?.[1])
    return { version: 2, features: new Map(features) }
  }
  if (lines[0]?.startsWith('version ') === true) lines.shift()
  return readVersion1(lines)
}

function readVersion1(lines: readonly string[]): ServerCapabilities {
  const first = lines[0]?.split('\0')
  if (first?.length !== 2) throw gitDataError('the answer does not speak the Git protocol')
  const features = new Map<string, string>()
  const symrefs = new Map<string, string>()
  for (const feature of (first[1] ?? '').split(' ')) {
    const [name = '', ...value] = feature.split('=')
    features.set(name, value.join('='))
    const [from, to] = value.join('=').split(':')
    if (name === 'symref' && from !== undefined && to !== undefined) symrefs.set(from, to)
  }
  refuseOtherHash(features.get('object-format'))
  const refs = new Map<string, RemoteRef>()
  for (const line of [first[0] ?? '', ...lines.slice(1)]) {
    const [id = '', name = ''] = line.split(' ')
    if (!isObjectId(id) || name === 'capabilities^{}') continue
    const target = symrefs.get(name)
    const base = name.endsWith('^{}') ? refs.get(name.slice(0, -3)) : undefined
    if (base !== undefined) refs.set(base.name, { ...base, peeled: id })
    else refs.set(name, target === undefined ? { name, id } : { name, id, target })
  }
  return { version: 1, features, refs: [...refs.values()] }
}

/** Throws EngineError `git-unsupported` for a repository whose object ids are not SHA-1. */
function refuseOtherHash(format: string | undefined): void {
  if (format === undefined || format === 'sha1') return
  throw gitUnsupported(
    `a repository with ${format.slice(0, 20)} object ids`,
    'use a repository with SHA-1 object ids; no large forge offers others yet',
  )
}

/** The `ls-refs` command for references that start with one of `prefixes`. */
export function lsRefsRequest(prefixes: readonly string[]): Uint8Array {
  return encodePackets([
    'command=ls-refs',
    `agent=${gitAgent}`,
    { special: 'delimiter' },
    'peel',
    'symrefs',
    ...prefixes.map((prefix) => `ref-prefix ${prefix}`),
    { special: 'flush' },
  ])
}

/** Decodes the answer to {@link lsRefsRequest}. */
export async function readRefs(packets: AsyncIterable<Packet>): Promise<RemoteRef[]> {
  const refs: RemoteRef[] = []
  let isWhole = false
  for await (const packet of packets) {
    isWhole = packet.kind === 'flush'
    if (packet.kind !== 'data') continue
    const line = packetText(packet.data)
    throwOnError(line)
    const [id = '', name = '', ...attributes] = line.split(' ')
    if (id === 'unborn') continue
    if (!isObjectId(id) || name === '') {
      throw gitDataError('the list of references is damaged')
    }
    const value = (key: string): string | undefined =>
      attributes.find((attribute) => attribute.startsWith(`${key}:`))?.slice(key.length + 1)
    const peeled = value('peeled')
    const target = value('symref-target')
    refs.push({ name, id, ...(peeled === undefined ? {} : { peeled }), ...(target === undefined ? {} : { target }) })
  }
  // A list that ends early would make the highest of the tags that came look like the highest of all.
  if (!isWhole) throw gitDataError('the list of references was cut off on the way')
  return refs
}

/** The `fetch` command. */
export function fetchRequest(request: FetchRequest): Uint8Array {
  return encodePackets([
    'command=fetch',
    `agent=${gitAgent}`,
    { special: 'delimiter' },
    'ofs-delta',
    'no-progress',
    ...((request.haves ?? []).length > 0 ? ['thin-pack'] : []),
    ...(request.filter === undefined ? [] : [`filter ${request.filter}`]),
    ...request.wants.map((id) => `want ${id}`),
    ...(request.shallow ?? []).map((id) => `shallow ${id}`),
    ...(request.depth === undefined ? [] : [`deepen ${request.depth}`]),
    ...(request.haves ?? []).map((id) => `have ${id}`),
    'done',
    { special: 'flush' },
  ])
}

/**
 * Decodes the answer to {@link fetchRequest}: the bytes of the pack. `maxBytes` bounds them. What the server says on the side (progress) is dropped,
 * its error is thrown: EngineError `git-not-our-ref` where a wanted object is not there, `git-remote-error` for the rest.
 */
export async function readFetchedPack(packets: AsyncIterable<Packet>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let total = 0
  let isPack = false
  for await (const packet of packets) {
    if (packet.kind !== 'data') continue
    if (!isPack) {
      const line = packetText(packet.data)
      throwOnError(line)
      isPack = line === 'packfile'
      continue
    }
    const band = packet.data[0]
    if (band === 1) {
      total += packet.data.length - 1
      if (total > maxBytes) {
        throw gitError(`the repository sends more than the limit of ${maxBytes} bytes at once`, {
          code: 'git-too-large',
        })
      }
      // Copied, because the packet is a view of a buffer that may be much larger.
      parts.push(packet.data.slice(1))
    } else if (band === 3) throw remoteError(packetText(packet.data.subarray(1)))
    else if (band !== 2) throw gitDataError('the answer has an unknown side band')
  }
  if (!isPack) throw gitDataError('the answer has no pack')
  return concatBytes(parts)
}

function throwOnError(line: string | undefined): void {
  if (line?.startsWith('ERR ') === true) throw remoteError(line.slice(4))
}

/** The server's own words, shortened and without control characters and anything that looks like a login: they can hold anything. */
function remoteError(message: string): Error {
  const shown = message
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/\/\/[^/@\s]*@/g, '//')
    .trim()
    .slice(0, 300)
  const isMissing = /not our ref|no such (remote )?ref|bad object/i.test(message)
  return gitError(`the Git server refused: ${shown}`, {
    code: isMissing ? 'git-not-our-ref' : 'git-remote-error',
    disposition: 'retry',
  })
}
