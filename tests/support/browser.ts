/**
 * A headless Chromium of the system. Where there is none and apt-get may install one (as root on Debian) it does; elsewhere
 * the tests that need one are skipped with the reason. Watches each page for errors and breaches of its policy.
 */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

import { chromium, type Browser, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const INSTALL_LIMIT_MS = 300_000;
const run = promisify(execFile);

function installed(): string | undefined {
  for (const name of NAMES) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // The next name.
    }
  }
  return undefined;
}

/** @returns the program, or why there is none */
export async function findBrowser(): Promise<{ readonly path: string } | { readonly missing: string }> {
  const found = process.env['CHROMIUM'] ?? installed();
  if (found) return { path: found };
  if (process.getuid?.() !== 0) return { missing: 'no Chromium on this machine: sudo apt-get install chromium' };
  const options = { timeout: INSTALL_LIMIT_MS, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const install = (): Promise<unknown> =>
    run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'], options);
  try {
    await install().catch(async () => {
      await run('apt-get', ['update'], options);
      await install();
    });
  } catch {
    return { missing: 'no Chromium on this machine, and apt-get could not install it' };
  }
  const path = installed();
  return path ? { path } : { missing: 'apt-get installed no Chromium' };
}

export const openBrowser = (path: string): Promise<Browser> =>
  chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-gpu'] });

/** Errors in the console, exceptions, and breaches of the content security policy (Chromium tells them as errors). */
export function troubleOf(page: Page): readonly string[] {
  const troubles: string[] = [];
  page.on('console', (message) => {
    // What the server refuses is shown on the page; Chromium also logs each such answer.
    const expected = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !expected) troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(error.message));
  return troubles;
}
