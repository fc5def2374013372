import { PathExt } from '@jupyterlab/coreutils';
import { Contents } from '@jupyterlab/services';

/** Where the project keeps its workbench, seen from the root of the server. */
const SHIPPED = 'notebooks/workbench.ipynb';

/** The notebook made where none is found: a title, a lab, and everything it can show. */
const CELLS = [
  {
    cell_type: 'markdown',
    id: 'title',
    metadata: {},
    source:
      '# AlphaForge workbench\n\nRun all cells. The engine runs in a thread of this kernel, so the next cell stays free to use.'
  },
  {
    cell_type: 'code',
    id: 'lab',
    metadata: {},
    execution_count: null,
    outputs: [],
    source: 'import alphaforge as af\n\nlab = af.Lab()'
  },
  {
    cell_type: 'code',
    id: 'workbench',
    metadata: {},
    execution_count: null,
    outputs: [],
    source: 'lab.workbench()'
  }
];

const NOTEBOOK = {
  cells: CELLS,
  metadata: {
    kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' },
    language_info: { name: 'python' }
  },
  nbformat: 4,
  nbformat_minor: 5
};

/**
 * The path of the workbench notebook, created where there is none.
 *
 * Looks at the project's own place first, then in `folder`, the one the file browser shows.
 */
export async function workbenchNotebook(
  contents: Contents.IManager,
  folder: string
): Promise<string> {
  const own = PathExt.join(folder, 'workbench.ipynb');
  for (const path of [SHIPPED, PathExt.join(folder, SHIPPED), own]) {
    if (await exists(contents, path)) {
      return path;
    }
  }
  await contents.save(own, { type: 'notebook', format: 'json', content: NOTEBOOK });
  return own;
}

/**
 * Whether the server has a file at `path`.
 *
 * Walks the listings from the root: asking for a missing file directly would leave a 404 in the
 * browser's console every time.
 */
async function exists(contents: Contents.IManager, path: string): Promise<boolean> {
  let folder = '';
  const names = path.split('/');
  for (const [depth, name] of names.entries()) {
    const listing: Contents.IModel[] = (await contents.get(folder)).content;
    const found = listing.find(item => item.name === name);
    const last = depth === names.length - 1;
    if (!found || (!last && found.type !== 'directory')) {
      return false;
    }
    folder = PathExt.join(folder, name);
  }
  return true;
}
