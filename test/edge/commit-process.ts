// Replaces a file as the daemon does: `node commit-process.js table|state PATH TEXT`. It is killed on the way.
import { replaceFile } from './replace-file.ts';

const [what, path = '', text = ''] = process.argv.slice(2);
await replaceFile(what === 'table' ? 'table' : 'state', path, text);
