import { quote } from '../../template/index.ts'

/** What one name may be: gives everything that is wrong with it, nothing for a good one. */
type NameRule = (name: string) => string[]

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'
const subdomain = `${label}(\\.${label})*`
const serviceLabel = '[a-z]([-a-z0-9]*[a-z0-9])?'
const labelLength = 63
const subdomainLength = 253

/** Kinds whose names follow another rule than that of most, in lower case. */
const ruleOfKind: ReadonlyMap<string, NameRule> = new Map<string, NameRule>([
  ['service', serviceName],
  ['namespace', labelName],
  ['certificatesigningrequest', () => []],
  ['role', pathSegment],
  ['clusterrole', pathSegment],
  ['rolebinding', pathSegment],
  ['clusterrolebinding', pathSegment],
])

/**
 * What is wrong with the name of an object for its kind; undefined where nothing is (Helm v4 pkg/chart/v2/lint/rules validateMetadataName, with the
 * words of apimachinery's validation).
 */
export function nameProblem(kind: string, name: string): string | undefined {
  const rule = ruleOfKind.get(kind.toLowerCase()) ?? subdomainName
  const problems = rule(name).map((problem) => `metadata.name: Invalid value: ${quote(name)}: ${problem}`)
  if (problems.length === 0) return undefined
  const text = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`
  return `object name does not conform to Kubernetes naming requirements: ${quote(name)}: ${text}`
}

function subdomainName(name: string): string[] {
  const text =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
  return [
    ...tooLong(name, subdomainLength),
    ...(matches(name, subdomain) ? [] : [asked(text, subdomain, 'example.com')]),
  ]
}

function labelName(name: string): string[] {
  const problems = tooLong(name, labelLength)
  if (matches(name, label)) return problems
  if (matches(name, subdomain)) return [...problems, 'must not contain dots']
  const text =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character"
  return [...problems, asked(text, label, 'my-name', '123-abc')]
}

function serviceName(name: string): string[] {
  const text =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character"
  const problems = tooLong(name, labelLength)
  return matches(name, serviceLabel) ? problems : [...problems, asked(text, serviceLabel, 'my-name', 'abc-123')]
}

function pathSegment(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`]
  return ['/', '%'].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`)
}

function tooLong(name: string, most: number): string[] {
  return new TextEncoder().encode(name).length > most ? [`must be no more than ${most} characters`] : []
}

function matches(name: string, pattern: string): boolean {
  return new RegExp(`^${pattern}$`).test(name)
}

/** How apimachinery asks for a pattern, its odd commas included. */
function asked(text: string, pattern: string, ...examples: readonly string[]): string {
  return `${text} (e.g. ${examples.map((example) => `'${example}', `).join(' or ')}regex used for validation is '${pattern}')`
}
