// The JupyterLab plugin: every code editor gets our extensions, and cells of ours are no Python to JupyterLab.

import { proseEditor } from "./editor.js";
import { priceEditor } from "./price.js";
import { commandOf } from "./prose.js";

const PLUGIN = "imagegen-magic:plugin";
const PYTHON = new Set(["text/x-ipython", "text/x-python"]);

export function makePlugin(modules) {
  const { IEditorExtensionRegistry, EditorExtensionRegistry } = modules.codemirror;
  const { ISettingRegistry } = modules.settings;
  const { INotebookTracker, NotebookActions } = modules.notebook;
  return {
    id: PLUGIN,
    autoStart: true,
    requires: [IEditorExtensionRegistry],
    optional: [ISettingRegistry, INotebookTracker],
    activate: (app, editors, registry, notebooks) => {
      const settings = { prose: true, price: true };
      void readSettings(registry, settings); // meanwhile editors may be made, which must not be missed
      const watched = new WeakSet();
      editors.addExtension({
        name: PLUGIN,
        factory: ({ model }) => {
          if (model.type !== "code") return null;
          if (!watched.has(model)) keepPlain(model, settings);
          watched.add(model);
          const kernel = () => kernelOf(notebooks, model);
          return EditorExtensionRegistry.createImmutableExtension([
            proseEditor(modules, modules.flags, settings),
            priceEditor(modules, settings, kernel, (act) => afterCells(NotebookActions, act)),
          ]);
        },
      });
    },
  };
}

/** The kernel of the notebook that a cell's model belongs to; null for any other editor, or without a kernel. */
function kernelOf(notebooks, model) {
  const panel = notebooks?.find((each) => each.content.widgets.some((cell) => cell.model === model));
  return panel?.sessionContext?.session?.kernel ?? null;
}

/** Calls `act` after any cell was run; gives the function that ends it. */
function afterCells(actions, act) {
  actions.executed.connect(act);
  return () => actions.executed.disconnect(act);
}

/** Keeps `values` as the user set them; they stay as they are if settings can't be read. */
async function readSettings(registry, values) {
  try {
    const loaded = await registry.load(PLUGIN);
    const read = () => Object.assign(values, loaded.composite);
    loaded.changed.connect(read);
    read();
  } catch (error) {
    console.warn("imagegen-magic: the settings could not be read", error);
  }
}

/**
 * Keeps a cell of ours plain text, which ends the colours of Python, and gives the type back if it is ours no longer.
 * JupyterLab sets the type of a new cell a moment after its editor is made: hence the second signal.
 */
function keepPlain(model, settings) {
  let python = null;
  const check = () => {
    const ours = settings.prose && commandOf(model.sharedModel.getSource()) !== null;
    if (ours && PYTHON.has(model.mimeType)) {
      python = model.mimeType;
      model.mimeType = "text/plain";
    } else if (!ours && python && model.mimeType === "text/plain") {
      model.mimeType = python;
    }
  };
  model.mimeTypeChanged.connect(check);
  model.sharedModel.changed.connect(check);
  check();
}
