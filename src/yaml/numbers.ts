/** A float as Go's `strconv.FormatFloat(f, 'g', -1, 64)` prints it: `1e+06`, `0.5`, `1.5e-07`; infinities and NaN as YAML spells them. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent >= -4 && exponent < 6) return decimal(value)
  return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** A float as Go's encoding/json prints it: decimal between 1e-6 and 1e21, else with an exponent. */
export function formatJsonNumber(value: number): string {
  const magnitude = Math.abs(value)
  if (value !== 0 && (magnitude < 1e-6 || magnitude >= 1e21)) return value.toExponential()
  return Object.is(value, -0) ? '-0' : decimal(value)
}

/** Decimal digits without an exponent. */
function decimal(value: number): string {
  const text = String(value)
  if (!text.includes('e')) return text
  if (Math.abs(value) >= 1) return BigInt(value).toString()
  const [mantissa = '', exponent = '0'] = text.split('e')
  const digits = mantissa.replace('-', '').replace('.', '')
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(-Number(exponent) - 1)}${digits}`
}

/**
 * A JSON number in YAML as sigs.k8s.io/yaml writes it: it goes through JSON and is read again, so a float without a fraction becomes an
 * integer where 64 bits hold it, and a float in Go's 'g' form else.
 */
export function formatYamlNumber(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '0' : String(value)
  const json = formatJsonNumber(value)
  if (/^-?\d+$/.test(json)) {
    const integer = BigInt(json)
    if (integer >= -(2n ** 63n) && integer < 2n ** 64n) return json
  }
  return formatFloat(value)
}
