// The door: what a bundler would write as remoteEntry.js, by hand. JupyterLab loads this file, calls `init` with the
// modules that it shares, then asks for "./plugin". The other files here are ordinary ES modules beside it.
(() => {
  const here = document.currentScript.src;
  let shared;

  // One of JupyterLab's own modules: the version that the page has loaded, else the one that it offers.
  const borrow = async (name) => {
    const offers = Object.values(shared[name] ?? {});
    const offer = offers.find((each) => each.loaded) ?? offers.at(-1);
    if (!offer) throw new Error(`imagegen-magic: the page shares no ${name}`);
    return (await offer.get())();
  };

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["imagegen-magic"] = {
    init: (scope) => {
      shared ??= scope;
    },
    get: async () => {
      const { makePlugin } = await import(new URL("plugin.js", here));
      const { unfold } = await import(new URL("prose.js", here));
      const names = ["@codemirror/view", "@codemirror/state", "@jupyterlab/codemirror", "@jupyterlab/settingregistry", "@jupyterlab/notebook"];
      const [view, state, codemirror, settings, notebook] = await Promise.all(names.map(borrow));
      const flags = unfold(await (await fetch(new URL("flags.json", here))).json());
      const plugin = makePlugin({ view, state, codemirror, settings, notebook, flags });
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
