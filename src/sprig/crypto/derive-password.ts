import { hmac } from '@noble/hashes/hmac.js'
import { scrypt } from '@noble/hashes/scrypt.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { byteLength, toBytes } from '../../template/index.ts'
import { joinBytes } from './der.ts'

const SCOPE = 'com.lyndir.masterpassword'

// The Master Password algorithm, version of sprig 3.3: templates of character classes, chosen and filled by the seed.
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  maximum: ['anoxxxxxxxxxxxxxxxxx', 'axxxxxxxxxxxxxxxxxno'],
  long: (
    'CvcvnoCvcvCvcv CvcvCvcvnoCvcv CvcvCvcvCvcvno CvccnoCvcvCvcv CvccCvcvnoCvcv CvccCvcvCvcvno CvcvnoCvccCvcv ' +
    'CvcvCvccnoCvcv CvcvCvccCvcvno CvcvnoCvcvCvcc CvcvCvcvnoCvcc CvcvCvcvCvccno CvccnoCvccCvcv CvccCvccnoCvcv ' +
    'CvccCvccCvcvno CvcvnoCvccCvcc CvcvCvccnoCvcc CvcvCvccCvccno CvccnoCvcvCvcc CvccCvcvnoCvcc CvccCvcvCvccno'
  ).split(' '),
  medium: ['CvcnoCvc', 'CvcCvcno'],
  short: ['Cvcn'],
  basic: ['aaanaaan', 'aannaaan', 'aaannaaa'],
  pin: ['nnnn'],
}

const CLASSES: Readonly<Record<string, string>> = {
  V: 'AEIOU',
  C: 'BCDFGHJKLMNPQRSTVWXYZ',
  v: 'aeiou',
  c: 'bcdfghjklmnpqrstvwxyz',
  A: 'AEIOUBCDFGHJKLMNPQRSTVWXYZ',
  a: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz',
  n: '0123456789',
  o: "@&%?,=[]_:-+*$#!'^~;()/.",
  x: 'AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()',
}

/** What a password is derived from. */
export interface PasswordInputs {
  readonly counter: number
  readonly type: string
  readonly password: string
  readonly user: string
  readonly site: string
}

function uint32(n: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

/** The Master Password of a site; the text says so where the type is unknown. Costs a scrypt over 32 MiB. */
export function derivePassword({ counter, type, password, user, site }: PasswordInputs): string {
  const templates = Object.hasOwn(TEMPLATES, type) ? TEMPLATES[type] : undefined
  if (templates === undefined) return `cannot find password template ${type}`
  const salt = joinBytes(toBytes(SCOPE), uint32(byteLength(user)), toBytes(user))
  const key = scrypt(toBytes(password), salt, { N: 32_768, r: 8, p: 2, dkLen: 64 })
  const message = joinBytes(toBytes(SCOPE), uint32(byteLength(site)), toBytes(site), uint32(counter))
  const seed = hmac(sha256, key, message)
  const template = templates[seed[0]! % templates.length]!
  return Array.from(template, (name, i) => {
    const characters = CLASSES[name]!
    return characters[seed[i + 1]! % characters.length]!
  }).join('')
}
