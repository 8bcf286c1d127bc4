export { fromBase64, fromBase64Url, toBase64, toBase64Url, utf8Text } from '../base/index.ts'
