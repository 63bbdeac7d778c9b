// The CompareSlider widget: a comparison whose pictures come from the kernel.

function render({ model, el }) {
  const note = make("p", { class: "ig-say", role: "status" }, "waiting for the pictures: they come from the kernel");
  const addresses = [];
  const pair = comparison({
    labels: model.get("labels"),
    position: model.get("position"),
    moved: (position) => model.set("position", position),
    settled: () => model.save_changes(),
  });
  const follow = () => pair.set(model.get("position"));
  const message = (reply, buffers) => {
    if (reply.fault) note.textContent = reply.fault;
    if (!reply.pictures) return;
    reply.pictures.forEach((type, i) => {
      addresses.push(URL.createObjectURL(new Blob([buffers[i]], { type })));
      pair.show(i, addresses.at(-1));
    });
    note.hidden = true;
  };
  model.on("msg:custom", message);
  model.on("change:position", follow);
  el.classList.add("ig-compare");
  el.append(pair.el, note);
  model.send({ ask: "pictures" });
  return () => {
    pair.destroy();
    model.off("msg:custom", message);
    model.off("change:position", follow);
    addresses.forEach((address) => URL.revokeObjectURL(address));
  };
}

export default { render };
