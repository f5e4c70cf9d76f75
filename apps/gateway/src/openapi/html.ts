/** Pieces of HTML. Whatever is put into one is escaped, unless it is a piece itself; attributes stand in double quotes. */
export type Html = { readonly html: string };
type Part = Html | string | number | undefined | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escaped = (text: string): string => text.replace(/[&<>"]/g, (found) => ESCAPES[found] ?? found);

function partOf(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return 'html' in part ? part.html : part.map((one) => one.html).join('');
}

/** Beside a tag. */
const INDENTATION = /(?<=>)\s*\n\s*|\s*\n\s*(?=<)/g;

/** The tag of template literals: html`<b>${text}</b>`. Their indentation is left out. */
export const html = (pieces: TemplateStringsArray, ...parts: readonly Part[]): Html => ({
  html: pieces.map((piece, i) => piece.replace(INDENTATION, '') + partOf(parts[i])).join(''),
});

/** Text with `code` in it, as descriptions have it. */
export const prose = (text: string): Html[] =>
  text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));

export const paragraphs = (text: string): Html[] => text.split('\n\n').map((one) => html`<p>${prose(one)}</p>`);
