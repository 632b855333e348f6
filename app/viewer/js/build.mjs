// Bundles the viewer into ../pcviewer.mjs. Its first line carries the digest of what it was made from, so that a test
// without node can tell when it is older than its sources: SHA-256 over name and content of each file, by name.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { build } from 'esbuild';

const files = readdirSync('.').filter((name) => /\.(js|css)$/.test(name) || name === 'package-lock.json').sort();
const digest = createHash('sha256');
for (const name of files) digest.update(name).update('\0').update(readFileSync(name));

await build({
  entryPoints: ['index.js'],
  outfile: '../pcviewer.mjs',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  loader: { '.css': 'text' },
  legalComments: 'inline', // the licence of three.js asks for its notice
  banner: { js: `// sources ${digest.digest('hex')}` },
});
