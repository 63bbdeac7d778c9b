// The frame: dragged outward it extends the canvas, and what is new becomes the mask; dragged inward it crops.

const EDGES = ["left", "top", "right", "bottom"];
const FRAME_RATIOS = ["free", "1:1", "3:2", "2:3", "16:9", "9:16"];

/** An editor for the frame around an image: { el, show(address) }; `apply({left, top, right, bottom})` gets pixels, outward above 0. */
function frameEditor({ width, height, step, apply, cancel }) {
  const added = { left: 0, top: 0, right: 0, bottom: 0 };
  const picture = make("img", { alt: "", draggable: "false", class: "igp-framed" });
  const handles = EDGES.map((edge) => make("div", { class: "igp-handle", "data-edge": edge, tabindex: "0", role: "slider", "aria-label": `${edge} edge of the frame, pixels added`, "aria-valuemin": String(-Math.max(width, height)), "aria-valuemax": String(2 * Math.max(width, height)) }));
  const frame = make("div", { class: "igp-frame" }, ...handles);
  const board = make("div", { class: "igp-board" }, picture, frame);
  const boxes = Object.fromEntries(EDGES.map((edge) => [edge, make("input", { type: "number", step: String(step), value: "0", onchange: (event) => set(edge, Number(event.target.value)) })]));
  const say = make("p", { class: "igp-quiet", role: "status" });
  const ratio = chips({ legend: "Fit the frame to", values: FRAME_RATIOS, chosen: (value) => fit(value) });
  const go = button("Apply", () => apply({ ...added }), { class: "igp-primary" });
  const el = make("div", { class: "igp-frame-editor" },
    make("p", { class: "igp-quiet" }, "Drag an edge outward to extend the image: what is new will be painted. Drag it inward to crop."),
    board, ratio.el,
    make("div", { class: "igp-line" }, ...EDGES.map((edge) => make("label", { class: "igp-check" }, edge, boxes[edge]))),
    say, make("div", { class: "igp-line" }, go, button("Back", () => cancel())));

  const whole = () => [width + added.left + added.right, height + added.top + added.bottom];
  const draw = () => {
    const [w, h] = whole(), room = Math.max(width, height) * 0.6;
    const scale = 100 / (width + 2 * room), tall = (height + 2 * room) * scale;
    board.style.aspectRatio = `${width + 2 * room} / ${height + 2 * room}`;
    place(picture, room, room, width, height, scale, 100 / tall, tall);
    place(frame, room - added.left, room - added.top, w, h, scale, 100 / tall, tall);
    for (const edge of EDGES) boxes[edge].value = added[edge];
    for (const handle of handles) handle.setAttribute("aria-valuenow", String(added[handle.dataset.edge]));
    say.textContent = `${width} x ${height} becomes ${w} x ${h}`;
    go.disabled = !EDGES.some((edge) => added[edge]);
  };
  const place = (item, x, y, w, h, scale, _, tall) => {
    item.style.left = `${x * scale}%`;
    item.style.width = `${w * scale}%`;
    item.style.top = `${((y * scale) / tall) * 100}%`;
    item.style.height = `${((h * scale) / tall) * 100}%`;
  };
  /** An edge in steps, so that a legal size comes out; at least one step of the image stays. */
  const set = (edge, pixels) => {
    const along = edge === "left" || edge === "right" ? width : height;
    const [w, h] = whole(), now = along === width && (edge === "left" || edge === "right") ? w : h;
    const odd = (now - added[edge]) % step;
    const wanted = Math.round((pixels + odd) / step) * step - odd;
    added[edge] = Math.max(step - (now - added[edge]), Math.min(2 * along, wanted));
    draw();
  };
  const fit = (value) => {
    ratio.set(value);
    const found = RATIO.exec(value);
    EDGES.forEach((edge) => (added[edge] = 0));
    if (found) {
      const wanted = Number(found[1]) / Number(found[2]);
      const [w, h] = width / height < wanted ? [height * wanted, height] : [width, width / wanted];
      const up = (pixels) => Math.ceil(pixels / step) * step;
      const across = up(w) - width, down = up(h) - height;
      added.left = Math.floor(across / 2), added.right = across - added.left;
      added.top = Math.floor(down / 2), added.bottom = down - added.top;
    }
    draw();
  };
  const scaleNow = () => width / picture.getBoundingClientRect().width;
  for (const handle of handles) {
    const edge = handle.dataset.edge, sign = edge === "left" || edge === "top" ? -1 : 1, along = edge === "left" || edge === "right" ? "clientX" : "clientY";
    let from = null;
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      from = { at: event[along], was: added[edge] };
    });
    handle.addEventListener("pointermove", (event) => from && (ratio.set("free"), set(edge, from.was + sign * (event[along] - from.at) * scaleNow())));
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (from = null));
    handle.addEventListener("keydown", (event) => {
      const out = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
      if (!out || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      ratio.set("free");
      set(edge, added[edge] + sign * out * step * (event.shiftKey ? 4 : 1));
    });
  }
  ratio.set("free");
  draw();
  return { el, show: (address) => (picture.src = address), fit };
}
