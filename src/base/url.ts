/**
 * A URL as it may appear in messages, events and logs: without user name, password, query and fragment.
 * The only way in which URLs are printed. What does not parse is printed as `<invalid URL>`, because it may hide a credential anywhere.
 */
export function printUrl(url: string | URL): string {
  if (typeof url === 'string' && !URL.canParse(url)) return '<invalid URL>'
  const parsed = typeof url === 'string' ? new URL(url) : url
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`
}
