// The MaskEditor widget: one editor, whose mask goes to the kernel after each change.

const SEND_AFTER = 120; // milliseconds after the last change

function render({ model, el }) {
  let timer = 0, address = null;
  const send = () => {
    clearTimeout(timer);
    timer = setTimeout(async () => model.send({ mask: "png" }, undefined, [await asPng(editor.mask)]), SEND_AFTER);
  };
  const editor = maskEditor({ width: model.get("width"), height: model.get("height"), label: model.get("label"), changed: send });
  const message = (reply, buffers) => {
    if (reply.fault) editor.report(reply.fault);
    if (!reply.picture) return;
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([buffers[0]], { type: reply.picture }));
    editor.show(address);
  };
  model.on("msg:custom", message);
  model.send({ ask: "picture" });
  el.append(editor.el);
  return () => {
    clearTimeout(timer);
    editor.destroy();
    model.off("msg:custom", message);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
