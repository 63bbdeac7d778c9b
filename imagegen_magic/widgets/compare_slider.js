// Two pictures over each other, with a line between them that a range input moves: pointer, touch and keys for free.

function render({ model, el }) {
  const [first, second] = model.get("labels");
  const before = make("img", { alt: first, class: "ig-before", draggable: "false" });
  const after = make("img", { alt: second, class: "ig-after", draggable: "false" });
  const line = make("div", { class: "ig-line", "aria-hidden": "true" });
  const slider = make("input", { type: "range", min: "0", max: "100", step: "1", class: "ig-range", "aria-label": `how much of ${first} is shown, the rest is ${second}` });
  const stage = make("div", { class: "ig-stage" }, before, after, line, slider);
  const names = make("div", { class: "ig-names" }, make("span", {}, first), make("span", {}, second));
  const note = make("p", { class: "ig-say", role: "status" }, "waiting for the pictures: they come from the kernel");
  const addresses = [];

  const show = () => {
    const position = model.get("position");
    after.style.clipPath = `inset(0 0 0 ${position}%)`;
    line.style.left = `${position}%`;
    slider.value = String(position);
    slider.setAttribute("aria-valuetext", `${Math.round(position)} % ${first}`);
  };
  const release = ownKeys(slider); // else arrows fold the notebook's headings
  slider.addEventListener("input", () => {
    model.set("position", Number(slider.value));
    show();
  });
  slider.addEventListener("change", () => model.save_changes());
  const message = (told, buffers) => {
    if (told.fault) note.textContent = told.fault;
    if (!told.pictures) return;
    told.pictures.forEach((type, i) => {
      addresses.push(URL.createObjectURL(new Blob([buffers[i]], { type })));
      [before, after][i].src = addresses.at(-1);
    });
    note.hidden = true;
  };
  model.on("msg:custom", message);
  model.on("change:position", show);
  el.classList.add("ig-compare");
  el.append(make("div", { class: "ig-pair" }, names, stage), note);
  show();
  model.send({ ask: "pictures" });
  return () => {
    release();
    model.off("msg:custom", message);
    model.off("change:position", show);
    addresses.forEach((address) => URL.revokeObjectURL(address));
  };
}

export default { render };
