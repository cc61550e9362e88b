import { basename, dirname, join } from 'node:path';

/** The table in the container and on this machine. Only its directory is shared, as a mount shares it. */
export interface TablePath {
  readonly inContainer: string;
  readonly onHost: string;
}

/** Where a file of the container is on this machine: nothing but the table's directory is shared. */
export function hostPath(file: string, { inContainer, onHost }: TablePath): string {
  if (dirname(file) !== dirname(inContainer)) return join('/nonexistent', file);
  return file === inContainer ? onHost : join(dirname(onHost), basename(file));
}
