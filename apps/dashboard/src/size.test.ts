import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const MOST_BYTES = 150_000;
const FILES = ['index.html', 'dashboard.js', 'dashboard.css'];

test('the whole page is small, and asks nothing of anybody else', () => {
  const texts = FILES.map((name) => readFileSync(new URL(`../dist/${name}`, import.meta.url), 'utf8'));
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  assert.ok(bytes > 20_000 && bytes < MOST_BYTES, `${bytes} bytes`);
  for (const text of texts) assert.doesNotMatch(text, /(?:src|href|import|url\()\s*[=(]?\s*["']?https?:/);
});
