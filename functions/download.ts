/** An answer that is a file: it is saved, not shown, no cache shared by others keeps it, and what is in it runs nowhere. `file` is a name of ours. */
export function download(
  body: string | Uint8Array<ArrayBuffer>,
  { type, file }: { readonly type: string; readonly file: string },
): Response {
  return new Response(body, {
    headers: {
      'content-type': type,
      'content-disposition': `attachment; filename="${file}"`,
      'cache-control': 'private, no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
    },
  })
}
