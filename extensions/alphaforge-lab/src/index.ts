import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { LabIcon } from '@jupyterlab/ui-components';

import iconSvg from '../style/icon.svg';
import { workbenchNotebook } from './notebook';

const OPEN = 'alphaforge:open-workbench';
const CATEGORY = 'AlphaForge';

const icon = new LabIcon({ name: 'alphaforge:workbench', svgstr: iconSvg });

const plugin: JupyterFrontEndPlugin<void> = {
  id: 'alphaforge-lab:workbench',
  description: 'Opens the AlphaForge workbench notebook from the Launcher and the palette.',
  autoStart: true,
  optional: [ILauncher, ICommandPalette, IDefaultFileBrowser],
  activate: (
    app: JupyterFrontEnd,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    browser: IDefaultFileBrowser | null
  ) => {
    app.commands.addCommand(OPEN, {
      // The Launcher puts its own category's title beside the tile; the palette has none.
      label: args => (args.isPalette ? 'Open the AlphaForge Workbench' : 'AlphaForge Workbench'),
      caption: 'Open the workbench notebook: chart, depth, orders, positions and risk, live',
      icon: args => (args.isPalette ? undefined : icon),
      execute: async () => {
        const folder = browser?.model.path ?? '';
        const path = await workbenchNotebook(app.serviceManager.contents, folder);
        return app.commands.execute('docmanager:open', { path });
      }
    });
    launcher?.add({ command: OPEN, category: CATEGORY, rank: 0 });
    palette?.addItem({ command: OPEN, category: CATEGORY, args: { isPalette: true } });
  }
};

export default plugin;
