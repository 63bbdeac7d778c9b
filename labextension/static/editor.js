// How a cell of ours looks in CodeMirror: text that wraps, with spell check; brackets and quotes stay as they are typed.

import { bodyStart, commandOf, marks } from "./prose.js";

const LOOK = {
  ".cm-imagegen-magic": { fontWeight: "bold" },
  ".cm-imagegen-name": { color: "var(--jp-mirror-editor-def-color, #0550ae)" },
  ".cm-imagegen-flag": { color: "var(--jp-mirror-editor-keyword-color, #0a7d32)" },
  ".cm-imagegen-value": { color: "var(--jp-mirror-editor-string-color, #b3261e)" },
  ".cm-imagegen-variable": { color: "var(--jp-mirror-editor-property-color, #0550ae)", fontFamily: "var(--jp-code-font-family, monospace)" },
  ".cm-imagegen-json": { fontFamily: "var(--jp-code-font-family, monospace)" },
  ".cm-imagegen-unknown": { textDecoration: "underline wavy var(--jp-error-color1, #d32f2f)", textUnderlineOffset: "3px" },
  ".cm-imagegen-prose": {
    fontFamily: "var(--jp-content-font-family, sans-serif)",
    fontSize: "var(--jp-content-font-size1, 14px)",
    lineHeight: "1.5",
  },
};

/** The extensions of one editor; they do nothing while its text is no cell of ours, or `settings.prose` is off. */
export function proseEditor({ view, state }, flags, settings) {
  const { Decoration, EditorView, ViewPlugin } = view;
  const { EditorState, RangeSetBuilder } = state;
  const isProse = (of) => settings.prose && commandOf(of.doc.sliceString(0, 400)) !== null;

  const decorate = (of) => {
    const builder = new RangeSetBuilder();
    if (!isProse(of)) return builder.finish();
    const text = of.doc.toString();
    const found = marks(text, flags).map(({ from, to, kind, title }) => ({
      from, to, side: 1, look: Decoration.mark({ class: `cm-imagegen-${kind}`, attributes: title ? { title } : {} }),
    }));
    const lines = bodyLines(of.doc, bodyStart(text, flags)).map((from) => ({ from, to: from, side: 0, look: PROSE }));
    for (const each of [...found, ...lines].sort((a, b) => a.from - b.from || a.side - b.side)) builder.add(each.from, each.to, each.look);
    return builder.finish();
  };
  const PROSE = Decoration.line({ class: "cm-imagegen-prose", attributes: { dir: "auto" } });

  const decorations = ViewPlugin.define(
    (editor) => ({
      decorations: decorate(editor.state),
      update(change) {
        if (change.docChanged) this.decorations = decorate(change.state);
      },
    }),
    { decorations: (plugin) => plugin.decorations },
  );
  return [
    decorations,
    EditorView.baseTheme(LOOK),
    EditorView.perLineTextDirection.compute(["doc"], isProse),
    EditorView.contentAttributes.of((editor) => (isProse(editor.state) ? { spellcheck: "true", class: "cm-lineWrapping" } : {})),
    EditorState.languageData.of((of) => (isProse(of) ? [{ closeBrackets: { brackets: [] } }] : [])),
  ];
}

/** Where each line of the prompt begins. */
function bodyLines(doc, start) {
  const found = [];
  for (let number = doc.lineAt(start).number + 1; number <= doc.lines; number += 1) found.push(doc.line(number).from);
  return found;
}
