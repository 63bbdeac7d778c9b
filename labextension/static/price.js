// The estimated price of a cell, at the right edge of its first line. It is asked of the kernel over a comm of its own: no code
// runs for it, a busy kernel is never asked, and an answer for a text that has changed since is thrown away.

import { commandOf } from "./prose.js";

const TARGET = "imagegen_magic.price";
const QUIET = 700; // milliseconds without a key before the kernel is asked
const BUSY = 2000; // milliseconds until a busy kernel is looked at again

/**
 * The extensions of one editor.
 *
 * `notebooks.kernelOf(dom)` is the kernel of the notebook that holds the editor, or null; `notebooks.onExecuted(dom, call)` calls after
 * each run of a cell of that notebook, and returns what ends that.
 */
export function priceTag({ view, state }, notebooks, settings) {
  const { Decoration, EditorView, ViewPlugin, WidgetType } = view;
  const setPrice = state.StateEffect.define();

  class Tag extends WidgetType {
    constructor(answer) {
      super();
      this.answer = answer;
    }
    eq(other) {
      return other.answer.price === this.answer.price && other.answer.title === this.answer.title;
    }
    toDOM() {
      const tag = document.createElement("span");
      Object.assign(tag, { className: "cm-imagegen-price", textContent: this.answer.price, title: this.answer.title });
      return tag;
    }
    ignoreEvent() {
      return true;
    }
  }

  const shown = state.StateField.define({
    create: () => Decoration.none,
    update(value, transaction) {
      for (const effect of transaction.effects) if (effect.is(setPrice)) value = tagOf(transaction.state, effect.value);
      return transaction.docChanged && !transaction.effects.length ? Decoration.none : value;
    },
    provide: (field) => EditorView.decorations.from(field),
  });
  const tagOf = (of, answer) =>
    answer ? Decoration.set([Decoration.widget({ widget: new Tag(answer), side: 1 }).range(of.doc.line(1).to)]) : Decoration.none;

  class Asking {
    constructor(editor) {
      this.editor = editor;
      this.stopListening = notebooks.onExecuted(editor.dom, () => this.askAgain());
      this.schedule(QUIET);
    }
    update(change) {
      if (change.docChanged || (change.focusChanged && change.view.hasFocus)) this.schedule(QUIET);
    }
    destroy() {
      clearTimeout(this.timer);
      this.stopListening();
      this.editor = null;
    }
    schedule(wait) {
      clearTimeout(this.timer);
      if (settings.price && commandOf(this.editor.state.doc.sliceString(0, 40)) !== null) this.timer = setTimeout(() => void this.ask(), wait);
    }
    // After a run of any cell, which may have changed a setting: cells out of sight wait until they are used.
    askAgain() {
      const { top, bottom } = this.editor.dom.getBoundingClientRect();
      if (bottom > 0 && top < window.innerHeight) this.schedule(QUIET);
      else this.show(null);
    }
    async ask() {
      const text = this.editor.state.doc.toString();
      const kernel = notebooks.kernelOf(this.editor.dom);
      if (kernel?.status !== "idle") return this.schedule(BUSY);
      const answer = await questionsOf(kernel).ask(text);
      if (this.editor?.state.doc.toString() === text) this.show(answer?.price ? answer : null);
    }
    show(answer) {
      if (answer || this.editor.state.field(shown).size) this.editor.dispatch({ effects: setPrice.of(answer) });
    }
  }
  return [shown, ViewPlugin.fromClass(Asking), EditorView.baseTheme({ ".cm-imagegen-price": LOOK })];
}

const LOOK = {
  float: "right",
  paddingLeft: "1em",
  color: "var(--jp-content-font-color2, #666)",
  fontFamily: "var(--jp-ui-font-family, sans-serif)",
  fontSize: "var(--jp-ui-font-size1, 13px)",
};

const kernels = new WeakMap();

/** The questions of all cells of one kernel, over one comm. */
function questionsOf(kernel) {
  if (!kernels.has(kernel)) kernels.set(kernel, new Questions(kernel));
  return kernels.get(kernel);
}

class Questions {
  constructor(kernel) {
    this.kernel = kernel;
    this.waiting = new Map();
    this.last = 0;
    kernel.statusChanged.connect((_, status) => /restarting|terminating|dead/.test(status) && this.forget());
  }

  /** {price, title} of a cell's text; null if the kernel does not know the extension, or is gone. */
  async ask(text) {
    if (!(await this.open())) return null;
    const id = (this.last += 1);
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.comm.send({ id, text });
    });
  }

  /** True if the comm is open: only a kernel that has loaded the extension is asked to open one. */
  async open() {
    this.opening ??= this.connect().finally(() => (this.opening = null));
    return this.comm ? true : this.opening;
  }

  async connect() {
    if (this.comm) return true;
    const known = await this.kernel.requestInspect({ code: "%%imagegen", cursor_pos: 5, detail_level: 0 });
    if (known.content.status !== "ok" || !known.content.found) return false;
    this.comm = this.kernel.createComm(TARGET);
    this.comm.onMsg = ({ content: { data } }) => {
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    };
    this.comm.onClose = () => this.forget();
    this.comm.open({});
    return true;
  }

  forget() {
    this.comm = null;
    for (const resolve of this.waiting.values()) resolve(null);
    this.waiting.clear();
  }
}
