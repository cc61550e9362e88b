import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../e2e/program.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

interface Package {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
}

const manifest = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Package> };

describe('what screenpass is made of', () => {
  it('is named by exact version, and locked by hash', () => {
    const wanted: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [name, version] of Object.entries(wanted)) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(lock.packages[`node_modules/${name}`]?.version).toBe(version);
    }
    const others = Object.entries(lock.packages).filter(([path]) => path !== '');
    expect(others.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
    // From wherever the packages come, they must be these.
    expect(others.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  it('is installed without a script of anybody else', () => {
    expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
    expect(read('Dockerfile')).toContain('npm ci --ignore-scripts');
  });

  it('is told by one command, in CycloneDX', async () => {
    const { code, stdout } = await run('npm', ['run', '--silent', 'sbom', '--prefix', root]);
    expect(code).toBe(0);
    const { bomFormat, components } = JSON.parse(stdout) as {
      bomFormat: string;
      components: { name: string; version: string; hashes: { alg: string; content: string }[] }[];
    };
    expect(bomFormat).toBe('CycloneDX');
    const told = new Map(components.map(({ name, version }) => [name, version]));
    for (const [name, version] of Object.entries(manifest.dependencies)) expect(told.get(name)).toBe(version);
    // Also what builds it: that decides as much.
    expect(told.get('esbuild')).toBe(manifest.devDependencies.esbuild);
    for (const { hashes } of components)
      expect(hashes).toEqual([expect.objectContaining({ alg: 'SHA-512' })]);
  });

  it('is packed whole: the bundle, and the pages with what they lead to', async () => {
    const { code, stdout } = await run('npm', ['pack', '--dry-run', '--json', '--prefix', root, root]);
    expect(code).toBe(0);
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const other = files.map(({ path }) => path).filter((path) => !path.startsWith('docs/'));
    expect(other.sort()).toEqual([
      ...['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md'],
      ...['dist/screenpass.js', 'docker-compose.yml', 'package.json'],
    ]);
  });

  it('has one version and one description, in the package and on the image', () => {
    expect(read('Dockerfile')).toContain(`ARG VERSION=${manifest.version}\n`);
    expect(read('Dockerfile')).toContain(`image.description="${manifest.description}"`);
    expect(lock.packages['']?.version).toBe(manifest.version);
    const newest = /^## (\S+)(?: \(\d{4}-\d\d-\d\d\))?$/m.exec(read('CHANGELOG.md'))?.[1];
    expect(['Unreleased', manifest.version]).toContain(newest);
  });
});
