/**
 * GET and POST /login, POST /logout on the operations port: a browser gives its key once, and keeps it in a cookie that no
 * script can read and no other site can send. The dashboard, its stream of events, Bull Board and the documents work with it
 * as they are. A revoked key ends the session, because the cookie is the key.
 */
import { createHash } from 'node:crypto';

import { Router, type Express, type Response } from 'express';

import { html, type Html } from '../openapi/html.ts';
import type { Caller } from './caller.ts';
import { KEY_COOKIE, NAME_COOKIE, type Entrance, type Entry } from './guard.ts';
import { readSmallBody } from './read-body.ts';
import { sendBytes } from './respond.ts';
const BODY_LIMIT = 2_048;
const KEPT_S = 12 * 3_600;

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1c2733}
input,button{font:inherit;padding:.5rem .7rem;border:1px solid #9aa7b4;border-radius:.4rem}
input{width:100%;box-sizing:border-box;margin:.3rem 0 .8rem}button{background:#1f5fa8;border-color:#1f5fa8;color:#fff}
@media(prefers-color-scheme:dark){body{background:#11161c;color:#dde5ec}input{background:#1a222b;color:inherit}}`;
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

const form = (said: string): Html =>
  html`<form method="post" action="/login">
    <label for="key">API key, or the operations token</label>
    <input id="key" name="key" type="password" autocomplete="current-password" autofocus required />
    <p role="alert">${said}</p>
    <button>Sign in</button>
  </form>`;
const farewell = (name: string): Html =>
  html`<form method="post" action="/logout">
    <p>Signed in with ${name}. <a href="/">To the dashboard</a></p>
    <button>Sign out</button>
  </form>`;

function sendPage(response: Response, status: number, body: Html): void {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Batchyard: sign in</title>
        <style>
          ${{ html: STYLE }}
        </style>
      </head>
      <body>
        <h1>Batchyard</h1>
        ${body}
      </body>
    </html>`;
  sendBytes(response, status, Buffer.from(page.html), {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    // Without any referrer browsers would send the form with an origin of null.
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  });
}

export function mountLogin(
  app: Express,
  entrance: Entrance,
  { wrongKeys, secure }: Pick<Entry, 'wrongKeys' | 'secure'>,
): void {
  const cookies = (key: string, name: string, seconds: number): string[] => {
    const rest = `; Path=/; Max-Age=${seconds}`;
    const site = `; SameSite=Strict${secure ? '; Secure' : ''}`;
    return [`${KEY_COOKIE}=${key}${rest}; HttpOnly${site}`, `${NAME_COOKIE}=${encodeURIComponent(name)}${rest}${site}`];
  };
  const nameOf = ({ name, key }: Caller): string => name ?? key ?? '';

  const pages = Router();
  pages.get('/login', (request, response) => {
    const known = entrance.ofCookie(request);
    sendPage(response, 200, known ? farewell(nameOf(known)) : form(''));
  });
  pages.post('/login', async (request, response) => {
    const body = (await readSmallBody({ request, response }, BODY_LIMIT)).toString();
    const key = new URLSearchParams(body).get('key')?.trim() ?? '';
    const caller = entrance.find(key);
    if (caller !== undefined) {
      response.setHeader('set-cookie', cookies(key, nameOf(caller), KEPT_S));
      response.redirect(303, '/');
      return;
    }
    const tooMany = wrongKeys(request.socket.remoteAddress ?? '', performance.now());
    if (tooMany) throw tooMany;
    sendPage(response, 401, form('This key is not known.'));
  });
  pages.post('/logout', (_request, response) => {
    response.setHeader('set-cookie', cookies('', '', 0));
    response.redirect(303, '/login');
  });
  // As a family of pages, like Bull Board: they are no part of the interface that the document describes.
  app.use(pages);
}
