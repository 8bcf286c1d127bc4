declare const shown: unique symbol

/** Text without secrets. Plain strings are no such text: it comes from redaction, from {@link say}, or from a stored document. Escaping it for Markdown, HTML or a terminal is another matter. */
export type Shown = string & { readonly [shown]: true }

/** Text of ours with redacted parts in it: `say\`deletes ${name}\``. A plain string as a part does not compile. */
export function say(texts: TemplateStringsArray, ...parts: readonly (Shown | number)[]): Shown {
  return brand(String.raw({ raw: texts.map(String) }, ...parts))
}

/** Redacted texts, one after the other. */
export function joinShown(parts: readonly Shown[], separator: ', ' | '/' | ' ' | '\n'): Shown {
  return brand(parts.join(separator))
}

/** Declares a text to be without secrets. Only for redaction and for what was stored as redacted; not exported from the folder. */
export function brand(text: string): Shown {
  return text as Shown
}
