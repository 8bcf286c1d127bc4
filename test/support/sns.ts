import { createSign, randomUUID } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HttpClient, HttpRequest } from '../../src/ports/index.ts'

export const snsTopic = 'arn:aws:sns:eu-west-1:123456789012:commits'
const certificateUrl =
  'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem'

/** Amazon SNS on this machine: signs messages, gives its certificate to whoever asks for it, confirms subscriptions. */
export interface SnsFake {
  readonly http: HttpClient
  /** URLs that were asked for. */
  readonly requests: string[]
  readonly certificate: string
  /** A signed message. `change` replaces fields before it is signed, `tamper` after. */
  message(change?: object, tamper?: object): { readonly [field: string]: unknown }
}

/** Makes a key with its certificate, by openssl. */
export function makeSnsFake(): SnsFake {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-sns-'))
  const flags = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=sns.amazonaws.com']
  execFileSync('openssl', ['req', '-x509', ...flags, '-keyout', 'key.pem', '-out', 'cert.pem'], {
    cwd: directory,
    stdio: 'ignore',
  })
  const key = readFileSync(join(directory, 'key.pem'), 'utf8')
  const certificate = readFileSync(join(directory, 'cert.pem'), 'utf8')
  rmSync(directory, { recursive: true })
  const requests: string[] = []
  const http: HttpClient = {
    send: async ({ url }: HttpRequest) => {
      requests.push(url)
      const isCertificate = url === certificateUrl
      const isConfirmation = url.startsWith('https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription')
      const text = isCertificate ? certificate : '<ConfirmSubscriptionResponse/>'
      return {
        status: isCertificate || isConfirmation ? 200 : 404,
        headers: {},
        body: new Blob([text]).stream() as ReadableStream<Uint8Array>,
      }
    },
  }
  return {
    http,
    requests,
    certificate,
    message: (change = {}, tamper = {}) => {
      const message: { [field: string]: unknown } = {
        Type: 'Notification',
        MessageId: randomUUID(),
        TopicArn: snsTopic,
        Message: JSON.stringify(codeCommitTrigger()),
        Timestamp: new Date().toISOString(),
        SignatureVersion: '2',
        SigningCertURL: certificateUrl,
        ...change,
      }
      const names =
        message['Type'] === 'Notification'
          ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
          : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type']
      const text = names
        .filter((name) => message[name] !== undefined)
        .map((name) => `${name}\n${String(message[name])}\n`)
        .join('')
      const hash = message['SignatureVersion'] === '1' ? 'RSA-SHA1' : 'RSA-SHA256'
      const signature = createSign(hash).update(text).sign(key, 'base64')
      return { ...message, Signature: signature, ...tamper }
    },
  }
}

/** What a trigger of a CodeCommit repository says. */
export function codeCommitTrigger(
  references: readonly object[] = [{ ref: 'refs/heads/main', commit: 'a'.repeat(40) }],
): object {
  return {
    Records: [
      {
        awsRegion: 'eu-west-1',
        eventSourceARN: 'arn:aws:codecommit:eu-west-1:123456789012:app',
        eventName: 'ReferenceChanges',
        userIdentityARN: 'arn:aws:iam::123456789012:user/jane',
        codecommit: { references },
      },
    ],
  }
}
