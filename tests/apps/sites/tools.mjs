// What builds of apps share.
import { execFile } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const MODULES = join(HERE, '..', 'node_modules');

// Copies files as they are.
export async function copy(source, out, files) {
  for (const file of files) await copyFile(join(source, file), join(out, file));
}

// What every page has.
export function shared(out) {
  return copy(join(HERE, 'shared'), out, ['ui.js', 'style.css']);
}

// Copies a file of a package as its authors published it.
export async function library(file, out, name) {
  await mkdir(dirname(join(out, name)), { recursive: true });
  await copyFile(join(MODULES, file), join(out, name));
}

// Runs a program of a package in a folder.
export async function run(program, args, cwd) {
  await promisify(execFile)(process.execPath, [join(MODULES, program), ...args], { cwd });
}
