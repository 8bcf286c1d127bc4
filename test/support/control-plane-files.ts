import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A user of the test cluster besides the administrator. */
export interface ClusterUser {
  readonly name: string
  readonly groups?: readonly string[]
  /** Chosen where left out. */
  readonly token?: string
}

/** Files that the components read. */
export interface ControlPlaneFiles {
  readonly token: string
  /** Tokens of the other users, by name. */
  readonly userTokens: { readonly [name: string]: string }
  readonly tokenFile: string
  readonly serviceAccountKey: string
  readonly auditPolicy: string
  readonly auditLog: string
  readonly certificates: string
}

/** Writes keys, tokens and the audit policy into `directory`. The administrator is in the group `system:masters`. */
export async function writeControlPlaneFiles(
  directory: string,
  users: readonly ClusterUser[],
): Promise<ControlPlaneFiles> {
  const token = newToken()
  const userTokens = Object.fromEntries(users.map((user) => [user.name, user.token ?? newToken()]))
  const lines = [
    `${token},admin,admin,"system:masters"`,
    ...users.map((user) => `${userTokens[user.name]},${user.name},${user.name},"${(user.groups ?? []).join(',')}"`),
  ]
  const files: ControlPlaneFiles = {
    token,
    userTokens,
    tokenFile: join(directory, 'tokens.csv'),
    serviceAccountKey: join(directory, 'service-accounts.pem'),
    auditPolicy: join(directory, 'audit-policy.json'),
    auditLog: join(directory, 'audit.log'),
    certificates: join(directory, 'certificates'),
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const policy = {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived', 'ResponseStarted'],
    rules: [{ level: 'Metadata' }],
  }
  await Promise.all([
    writeFile(files.tokenFile, `${lines.join('\n')}\n`, { mode: 0o600 }),
    writeFile(files.serviceAccountKey, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 }),
    writeFile(files.auditPolicy, JSON.stringify(policy)),
    writeFile(files.auditLog, ''),
  ])
  return files
}

/** A kubeconfig (JSON is YAML) for one user. */
export function kubeconfig(server: string, caPem: string, token: string): string {
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'test', cluster: { server, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
      ],
      users: [{ name: 'test', user: { token } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
      'current-context': 'test',
    },
    undefined,
    2,
  )
}

function newToken(): string {
  return randomBytes(24).toString('hex')
}
