// What a cell of ours would cost, at the right edge of its first line: asked of an idle kernel, while the cell is written.

import { commandOf } from "./prose.js";

const AFTER = 700; // milliseconds without a key after which the kernel is asked
const LONGEST = 40000; // characters of a cell that are sent to be priced
const SOURCE = "imagegen_magic.notebook";

/** The kernel's answer for a text, or null if nobody can be asked now. It runs no code of the cell, and leaves no trace in the history. */
async function ask(kernel, text) {
  if (!kernel || kernel.status !== "idle" || text.length > LONGEST) return null;
  const literal = JSON.stringify(text); // of JSON's escapes only the halves of a surrogate pair mean something else to Python
  const call = `__import__("json").loads(${JSON.stringify(literal)})`;
  const price = `__import__("${SOURCE}.price", fromlist=["edge_price"]).edge_price(${call}) if "${SOURCE}.magics" in __import__("sys").modules else None`;
  const future = kernel.requestExecute({ code: "", silent: true, store_history: false, allow_stdin: false, user_expressions: { price } });
  const answer = (await future.done).content.user_expressions?.price?.data?.["text/plain"];
  try {
    return JSON.parse(answer);
  } catch {
    return null; // the extension is not loaded in this kernel, or is older than this file
  }
}

/** The extension of one editor. `kernel()` gives the kernel of its notebook, or null; `executed` is called after any cell ran. */
export function priceEditor({ view }, settings, kernel, executed) {
  const { EditorView, ViewPlugin } = view;
  const plugin = ViewPlugin.define((editor) => {
    const label = Object.assign(document.createElement("span"), { className: "cm-imagegen-price", hidden: true });
    label.setAttribute("role", "note");
    editor.dom.append(label);
    let timer = 0, asked = "", gone = false;

    const show = (answer) => {
      label.hidden = !answer?.text;
      label.textContent = answer?.text ?? "";
      label.title = answer?.title ?? "";
      label.classList.toggle("cm-imagegen-wrong", Boolean(answer?.wrong));
      const end = answer?.text ? editor.coordsAtPos(editor.state.doc.length) : null; // a long last line must not lie below it
      editor.scrollDOM.style.paddingBottom = end && end.right > label.getBoundingClientRect().left ? "22px" : "";
      label.setAttribute("aria-label", answer?.text ? `this cell: ${answer.text}. ${answer.title}` : "");
    };
    const now = async () => {
      const text = editor.state.doc.toString();
      if (gone || !settings.price || commandOf(text) === null) return show(null);
      asked = text;
      const answer = await ask(kernel(), text).catch(() => null);
      if (!gone && asked === text) show(answer);
    };
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(now, AFTER);
    };
    const again = () => (label.hidden && !editor.hasFocus ? undefined : soon());
    const release = executed(again);
    return {
      update(change) {
        if (change.docChanged) show(null);
        if (change.docChanged || (change.focusChanged && editor.hasFocus && label.hidden)) soon();
      },
      destroy() {
        gone = true;
        clearTimeout(timer);
        release();
        label.remove();
      },
    };
  });
  return [
    plugin,
    EditorView.baseTheme({
      ".cm-imagegen-price": {
        position: "absolute", right: "6px", bottom: "2px", zIndex: "1", padding: "0 6px", borderRadius: "8px", cursor: "default",
        fontSize: "11px", lineHeight: "18px", fontFamily: "var(--jp-ui-font-family, sans-serif)",
        color: "var(--jp-ui-font-color2, #616161)", background: "var(--jp-layout-color2, #eee)",
      },
      ".cm-imagegen-price[hidden]": { display: "none" },
      ".cm-imagegen-wrong": { color: "#fff", background: "#b3261e" }, // read in light and dark themes
    }),
  ];
}
