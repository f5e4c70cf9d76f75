/** An OpenAPI document as a page that is read without scripts and without anything from elsewhere. */
import { type Call, type Caller, curlOf } from './curl.ts';
import { type ApiDocument, type Contents, HEADERS, type JsonObject, type OperationObject } from './document.ts';
import { html, type Html, paragraphs, prose } from './html.ts';
import { METHODS } from './operation.ts';
import { PAGE_STYLE } from './page-style.ts';
import { exampleOf, fieldTable, schemaAnchor, typeOf } from './render-schema.ts';

const callsOf = ({ paths }: ApiDocument): Call[] =>
  Object.entries(paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method, path, operation }] : [];
    }),
  );

function parameterTable({ parameters = [] }: OperationObject): Html | undefined {
  if (parameters.length === 0) return undefined;
  const rows = parameters.map(
    ({ name, in: where, schema, description }) =>
      html`<tr>
        <td>${name} <i>${where}</i></td>
        <td>${typeOf(schema)}</td>
        <td>${prose(description)}</td>
      </tr>`,
  );
  return html`<h4>Parameters</h4>
    <table class="f">
      ${rows}
    </table>`;
}

/** What the data of each event of a stream is; those that have the same in one line. */
function eventLines(events: JsonObject): Html[] {
  const alike = new Map<string, string[]>();
  for (const [name, schema] of Object.entries(events)) {
    const written = JSON.stringify(schema);
    alike.set(written, [...(alike.get(written) ?? []), name]);
  }
  return [...alike].map(([written, names]) => {
    const schema = JSON.parse(written) as JsonObject;
    return html`<div>${names.join(', ')}: ${typeOf(schema)}${fieldTable(schema)}</div>`;
  });
}

/** Each form of a body; what is inside one that has no name of its own is told at once. */
function contentLines(content: Contents): Html[] {
  return Object.entries(content).map(([type, { schema, example, 'x-events': events = {} }]) => {
    const kind = schema === undefined ? 'bytes' : typeOf(schema);
    const fields = schema === undefined ? undefined : fieldTable(schema);
    return html`<div>
      <code>${type}</code>:
      ${kind}${fields}${eventLines(events)}${example === undefined ? undefined : exampleOf(example)}
    </div>`;
  });
}

function bodyOf({ requestBody }: OperationObject): Html | undefined {
  if (!requestBody) return undefined;
  const { required, description, content } = requestBody;
  return html`<h4>Body${required ? '' : ', optional'}</h4>
    <p>${prose(description)}</p>
    ${contentLines(content)}`;
}

/** Statuses that follow each other and have the same body share its cell. */
function answerTable({ responses }: OperationObject): Html {
  const answers = Object.entries(responses).map(([status, response]) => ({
    status,
    response,
    body: contentLines(response.content ?? {}),
  }));
  const textOf = (at: number): string | undefined => answers[at] && JSON.stringify(answers[at].body);
  const rows = answers.map(({ status, response: { description, headers }, body }, at) => {
    const names = Object.keys(headers ?? {});
    const told = names.length === 0 ? undefined : html`<br /><i>with ${names.join(', ')}</i>`;
    let span = 1;
    while (textOf(at + span) === textOf(at)) span += 1;
    const cell = textOf(at - 1) === textOf(at) ? undefined : html`<td rowspan="${span}">${body}</td>`;
    return html`<tr>
      <td><b>${status}</b> ${prose(description)}${told}</td>
      ${cell}
    </tr>`;
  });
  return html`<h4>Answers</h4>
    <table>
      ${rows}
    </table>`;
}

function operationHtml(call: Call, caller: Caller): Html {
  const { method, path, operation } = call;
  const { operationId, summary, description } = operation;
  return html`<section id="${operationId}">
    <h3><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code></h3>
    <p>${prose(summary)}</p>
    ${description === undefined ? undefined : paragraphs(description)}${parameterTable(operation)}${bodyOf(operation)}
    ${answerTable(operation)}
    <h4>With curl</h4>
    <pre>${curlOf(call, caller)}</pre>
  </section> `;
}

function schemaHtml(name: string, schema: JsonObject): Html {
  const { description, examples } = schema;
  const example = Array.isArray(examples) ? examples[0] : undefined;
  return html`<section id="${schemaAnchor(name)}">
    <h3>${name}</h3>
    ${typeof description === 'string' ? paragraphs(description) : undefined}${fieldTable(schema) ?? html`<p>${typeOf(schema)}</p>`}${example === undefined ? undefined : exampleOf(example)}
  </section> `;
}

const headerRows = (document: ApiDocument): Html[] =>
  Object.entries(document.components.headers).map(
    ([name, { description }]) =>
      html`<tr>
        <td><code id="${HEADERS.slice(2)}${name}">${name}</code></td>
        <td colspan="2">${prose(description)}</td>
      </tr>`,
  );

/** @returns the whole page */
export function renderPage(document: ApiDocument, caller: Caller): string {
  const { info, tags, components } = document;
  const calls = callsOf(document);
  const groups = tags.map((tag) => ({
    ...tag,
    anchor: `tag-${tag.name.replaceAll(' ', '-')}`,
    calls: calls.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const schemas = Object.entries(components.schemas).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const list = groups.map(
    (group) =>
      html`<h2><a href="#${group.anchor}">${group.name}</a></h2>
        <ul>
          ${group.calls.map(
            ({ operation: { operationId, summary } }) => html`<li><a href="#${operationId}">${prose(summary)}</a></li>`,
          )}
        </ul>`,
  );
  const sections = groups.map(
    (group) =>
      html`<h2 id="${group.anchor}">${group.name}</h2>
        <p>${prose(group.description)}</p>
        ${group.calls.map((call) => operationHtml(call, caller))}`,
  );
  // Its hash stands in the policy: no space beside it.
  const style = { html: `<style>${PAGE_STYLE}</style>` };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title} ${info.version}</title>
        ${style}
      </head>
      <body>
        <nav>
          ${list}
          <h2><a href="#headers">Headers</a></h2>
          <h2><a href="#schemas">Schemas</a></h2>
        </nav>
        <main>
          <h1>${info.title}</h1>
          <p>Version ${info.version}, <a href="openapi.json">as an OpenAPI document</a></p>
          ${paragraphs(info.description)}${sections}
          <h2 id="headers">Headers of answers</h2>
          <table>
            ${headerRows(document)}
          </table>
          <h2 id="schemas">Schemas</h2>
          ${schemas.map(([name, schema]) => schemaHtml(name, schema))}
        </main>
      </body>
    </html> `;
  return page.html;
}
