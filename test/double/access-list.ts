import { CidrTableError, readCidrTable } from './cidr-table.ts';
import { hostPath, type TablePath } from './table-path.ts';

/** A table as postscreen opened it when its process started. */
export type OpenedTable =
  | { readonly lookup: (address: string) => string | undefined; readonly warnings: readonly string[] }
  | CidrTableError;

/** What postscreen does after it went through its list (server_acl.c), and what it logs meanwhile. */
export interface Walk {
  readonly verdict: 'permit' | 'reject' | undefined;
  readonly warnings: readonly string[];
}

/** Items of a list; the double knows no braces within braces. */
export function itemsOf(list: string): string[] {
  return list.match(/(?:\{[^}]*\}|[^\s,{])+/g) ?? [];
}

/** `cidr:` files, `static:`, and any other type as a table whose file is not there. */
export function openTable(item: string, table: TablePath): OpenedTable {
  const [type = '', ...rest] = item.split(':');
  const name = rest.join(':');
  if (type === 'static') return { lookup: () => name, warnings: [] };
  if (type === 'hash') return new CidrTableError(`open database ${name}.db: No such file or directory`);
  if (type !== 'cidr') return new CidrTableError(`unsupported dictionary type: ${type}`);
  try {
    return readCidrTable(hostPath(name, table), name);
  } catch (error) {
    if (error instanceof CidrTableError) return error;
    throw error;
  }
}

/** Goes through the list. The double's clients are no members of mynetworks. */
export function walk(list: string, tables: ReadonlyMap<string, OpenedTable>, address: string): Walk {
  const warnings: string[] = [];
  const ignored = 'ignoring the remainder of this access list';

  /** Undefined: go on; null: end without a verdict. */
  function word(text: string, origin: string): 'permit' | 'reject' | null | undefined {
    const name = text.toLowerCase();
    if (name === 'permit' || name === 'reject') return name;
    if (name === 'permit_mynetworks') return undefined;
    if (name !== 'dunno') warnings.push(`${origin}: unknown command: ${text} -- ${ignored}`);
    return null;
  }

  function lookUp(item: string): 'permit' | 'reject' | null | undefined {
    const table = tables.get(item);
    if (table === undefined) throw new Error(`${item} was not opened`);
    if (table instanceof CidrTableError) {
      warnings.push(`${item} is unavailable. ${table.message}`);
      warnings.push(`postscreen_access_list: ${item}: table lookup error -- ${ignored}`);
      return null;
    }
    for (const one of itemsOf(table.lookup(address) ?? '')) {
      if (one.includes(':'))
        warnings.push(
          `table ${item}: lookup result "${one}" is not allowed -- ignoring remainder of access list`,
        );
      if (one.includes(':') || one.toLowerCase() === 'dunno') return undefined;
      const said = word(one, item);
      if (said !== undefined) return said;
    }
    return undefined;
  }

  for (const item of itemsOf(list)) {
    const said = item.includes(':') ? lookUp(item) : word(item, 'postscreen_access_list');
    if (said !== undefined) return { verdict: said ?? undefined, warnings };
  }
  return { verdict: undefined, warnings };
}
