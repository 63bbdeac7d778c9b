// One small picture.

function render({ model, el }) {
  const picture = make("img", { alt: model.get("label"), draggable: "false" });
  let address = null;
  const message = (told, buffers) => {
    if (!told.picture) return;
    if (address) URL.revokeObjectURL(address);
    picture.src = address = URL.createObjectURL(new Blob([buffers[0]], { type: told.picture }));
  };
  model.on("msg:custom", message);
  el.classList.add("ig-thumb");
  el.append(picture);
  model.send({ ask: "picture" });
  return () => {
    model.off("msg:custom", message);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
