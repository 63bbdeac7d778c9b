// The panel: the form beside the stage. The page owns what is typed; the kernel checks it, runs it and finds images.

const CHECK_AFTER = 200; // milliseconds after the last change
const UNDOS = 30;
const EMPTY = { task: "generate", prompt: "", name: "", values: {}, background: "auto", images: [], mask: "", boxes: "", lines: false, wildcards: false, grid: {} };

function render({ model, el }) {
  const root = make("div", { class: "igp", role: "region", "aria-label": "imagegen panel" });
  const ui = { model, form: structuredClone({ ...EMPTY, ...model.get("form") }), chosen: "", following: true, other: null, editor: null };
  const asked = new Map();
  const past = [];
  let timer = 0, painted = "", maskTimer = 0, sending = 0, announced = "", seen = "";

  // what the parts share
  ui.controls = () => model.get("controls") ?? {};
  ui.checked = () => model.get("checked") ?? {};
  ui.link = link(model, { onMessage, turned });
  ui.send = (what, more) => ui.link.send(what, more);
  ui.ask = (what, more, then) => {
    const n = ui.link.send(what, more);
    if (n) asked.set(n, then);
  };
  ui.say = (text, alarm = false) => {
    live.textContent = text;
    status.textContent = text;
    status.classList.toggle("igp-bad", alarm);
  };
  ui.put = (change) => {
    Object.assign(ui.form, change);
    ui.changed();
    draw();
  };
  ui.set = (name, value) => {
    const values = { ...ui.form.values };
    value === "" || (Array.isArray(value) && !value.length) ? delete values[name] : (values[name] = value);
    ui.put({ values });
  };
  ui.remember = () => {
    past.push(JSON.stringify(ui.form));
    if (past.length > UNDOS) past.shift();
  };
  ui.changed = () => {
    model.set("form", { ...ui.form, by: ui.link.id });
    clearTimeout(timer);
    timer = setTimeout(() => ui.link.send("check", { form: ui.form }), CHECK_AFTER);
  };
  ui.focusPrompt = () => prompt.focus();
  ui.masked = () => Boolean(ui.form.mask || ui.form.boxes || (ui.editor && !ui.editor.empty()));

  // images
  ui.addImage = (ref) => {
    ui.remember();
    ui.put({ images: [...ui.form.images, { ref, role: "" }] });
  };
  ui.removeImage = (index) => {
    ui.remember();
    if (index === 0) closeMask();
    ui.put({ images: ui.form.images.filter((_, i) => i !== index) });
    (parts.inputs.el.querySelector("button") ?? parts.inputs.open.querySelector("summary")).focus();
  };
  ui.setRole = (index, role) => ui.put({ images: ui.form.images.map((image, i) => (i === index ? { ...image, role } : image)) });
  ui.edit = (ref) => {
    ui.remember();
    closeMask();
    ui.put({ task: "edit", images: [{ ref, role: "" }] });
    ui.stage.show("image");
    prompt.focus();
  };
  ui.choose = (ref) => {
    ui.chosen = ref;
    ui.following = false;
    ui.other = (model.get("recent") ?? []).some((tile) => tile.ref === ref) ? null : { ref, label: ref, prompt: "", width: 0, height: 0, star: false };
    if (ui.other) ui.link.send("history", { page: 1, word: ref, starred: false });
    ui.stage.show("image");
  };
  ui.remix = (ref) => ui.link.send("remix", { ref });
  ui.compare = (ref) => ui.link.send("compare", { ref });
  ui.cutout = (ref) => {
    ui.send("cutout", { ref });
    ui.choose(ref);
  };
  ui.again = (ref, how) => {
    ui.following = true;
    ui.send("again", { ref, how });
  };
  ui.star = (ref, on) => {
    ui.send("star", { ref, on });
    if (ui.stage.view() === "history") ui.stage.history.again();
  };
  ui.open = (ref) => ui.link.send("original", { ref, then: "open" });
  ui.download = (ref) => ui.link.send("original", { ref, then: "download" });
  ui.copyCell = (ref) => ui.ask("details", { ref }, async ({ details }) => {
    const done = await copied(details.cell);
    ui.say(done ? "the cell is copied; paste it into the notebook" : "the browser does not let us copy; the cell stands in Details");
    ui.stage.details.el.open ||= !done;
  });

  // mask and frame
  const closeMask = () => {
    ui.editor?.destroy();
    ui.editor = null;
    painted = "";
    ui.form.mask = "";
    ui.stage?.maskView.replaceChildren();
    ui.link.send("check", { form: ui.form, mask: "none" });
    if (["mask", "frame"].includes(ui.stage?.view())) ui.stage.show("image");
  };
  ui.openMask = (pixels = null) => {
    const first = ui.form.images[0];
    if (!first) return ui.say("add the image to edit first", true);
    if (ui.editor) return ui.stage.show("mask");
    ui.ask("input", { ref: first.ref }, ({ width, height }) => {
      ui.editor = maskEditor({ width, height, label: first.ref, changed: maskChanged });
      ui.link.image(first.ref, LARGE).then((address) => address && ui.editor?.show(address));
      const saved = make("select", { hidden: "", "aria-label": "load a mask painted before", onchange: (event) => event.target.value && ui.link.send("mask", { ref: event.target.value }) });
      ui.link.send("masks");
      ui.savedMasks = saved;
      ui.stage.maskView.replaceChildren(ui.editor.el,
        make("div", { class: "igp-line" }, saved, button("Extend or crop…", () => openFrame(width, height)), button("Remove the mask", () => (closeMask(), ui.put({})))));
      ui.stage.show("mask");
      if (pixels) ui.editor.load(pixels);
      ui.editor.canvas.focus();
      draw();
    });
  };
  const maskChanged = () => {
    painted = "new";
    draw();
    clearTimeout(maskTimer);
    maskTimer = setTimeout(async () => ui.link.send("check", { form: ui.form, ...(await maskNow()).more }, (await maskNow()).buffers), 300);
  };
  /** The mask as it goes with a message: nothing new, empty, or a PNG. */
  const maskNow = async () => {
    if (!ui.editor || ui.form.task !== "edit") return { more: {}, buffers: [] };
    if (ui.editor.empty()) return { more: { mask: "none" }, buffers: [] };
    return { more: { mask: "png" }, buffers: [new DataView(await asPng(ui.editor.mask))] };
  };
  const openFrame = (width, height) => {
    const ref = ui.form.images[0].ref;
    const step = ui.controls().sizes?.rule?.multiple ?? 1;
    const frame = frameEditor({ width, height, step, cancel: () => (ui.stage.maskView.replaceChildren(...kept), ui.stage.show("mask")), apply: (edges) => ui.link.send("reframe", { ref, ...edges }) });
    const kept = [...ui.stage.maskView.children];
    ui.link.image(ref, LARGE).then((address) => address && frame.show(address));
    ui.stage.maskView.replaceChildren(frame.el);
    ui.stage.show("frame");
  };

  // generate
  const go = make("button", { type: "button", class: "igp-go", onclick: (event) => event.detail < 2 && generate() });
  const generate = async (agreed = []) => {
    if (sending || ui.link.state() === "gone") return;
    clearTimeout(timer);
    clearTimeout(maskTimer);
    sending = -1;
    const { more, buffers } = await maskNow();
    const nothing = ui.stage.view() === "mask" && ui.editor?.empty() && ui.form.task === "edit";
    ui.following = true;
    sending = ui.link.send("generate", { form: ui.form, agreed, ...more, ...(nothing ? { mask: "empty" } : {}) }, buffers);
    turned();
  };
  ui.generate = generate;

  // the parts
  const task = chips({ legend: "task", values: ["generate", "edit"], label: (value) => (value === "edit" ? "Edit" : "Generate"), quiet: true, chosen: (value) => ui.put({ task: value }) });
  const spent = make("span", { class: "igp-quiet" });
  const banner = make("div", { class: "igp-banner", role: "alert", hidden: "" });
  const prompt = make("textarea", { class: "igp-prompt", rows: "3", dir: "auto", "aria-label": "prompt", placeholder: "A ceramic mug on a walnut desk, soft window light from the left.", oninput: () => (ui.form.prompt = prompt.value, ui.changed(), grow()) });
  const grow = () => {
    prompt.style.height = "auto";
    prompt.style.height = `${Math.min(420, Math.max(84, prompt.scrollHeight + 2))}px`;
  };
  const undo = button("Undo", () => {
    if (past.length) Object.assign(ui.form, JSON.parse(past.pop()));
    if (ui.form.task !== "edit" || !ui.form.images.length) closeMask();
    ui.put({});
  }, { title: "what the form held before" });
  const price = make("span", { class: "igp-price" });
  const status = make("span", { class: "igp-status igp-quiet" });
  const reasons = make("ul", { class: "igp-reasons", "aria-label": "what is wrong and what to know" });
  const question = make("div", { class: "igp-question", role: "group", "aria-label": "confirm", hidden: "" });
  const notice = make("div", { class: "igp-notice", role: "alert", hidden: "" });
  const live = make("div", { class: "igp-hidden", role: "status" });
  const parts = { fields: promptFields(ui), prompts: promptHistory(ui), inputs: inputs(ui), queue: queueList(ui), settings: settings(ui), many: manyView(ui) };
  ui.stage = stage(ui);
  const compose = make("section", { class: "igp-compose", "aria-label": "prompt" },
    prompt,
    make("div", { class: "igp-line igp-tools" }, parts.prompts.el, parts.fields.add, parts.inputs.open, parts.many.el, undo),
    parts.fields.el, parts.inputs.el,
    make("div", { class: "igp-act" }, go, price, status),
    question, reasons, notice, parts.queue.el);
  root.append(make("div", { class: "igp-head" }, task.el, spent), banner, make("div", { class: "igp-body" }, compose, ui.stage.el, parts.settings.el), live);
  go.setAttribute("aria-describedby", (reasons.id = unique("reasons")));
  dropping(root, { files: (files) => parts.inputs.take(files), ref: (ref) => ui.addImage(ref) });

  // keys
  const own = (event) => !(event.ctrlKey || event.metaKey) || ["Enter", "z", "y", "a", "c", "v", "x"].includes(event.key);
  const release = ownKeys(root, own);
  root.addEventListener("keydown", (event) => event.stopPropagation()); // the notebook's single keys are not meant here
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.shiftKey) {
      event.preventDefault();
      if (!event.repeat) generate();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      parts.prompts.step(event.key === "ArrowUp" ? 1 : -1);
    }
  });
  root.addEventListener("click", (event) => {
    if (ui.link.state() !== "gone" || !event.target.closest("button")) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // drawing
  const heading = () => {
    if (ui.form.task !== "edit") return (ui.checked().jobs ?? 1) > 1 ? `Generate ${ui.checked().jobs}` : "Generate";
    if (ui.editor && !ui.editor.empty()) return `Edit ${(100 * ui.editor.share()).toFixed(1)} % of the image`;
    return ui.form.mask || ui.form.boxes ? "Edit inside the mask" : "Edit";
  };
  const draw = () => {
    const { ok, problems = [], notes = [], price: cost = "", images = 1, previews = 0 } = ui.checked();
    task.set(ui.form.task);
    if (prompt.value !== ui.form.prompt) (prompt.value = ui.form.prompt), grow();
    go.textContent = heading();
    price.replaceChildren(...(cost ? [make("b", {}, cost), make("small", {}, ` estimate${images > 1 ? ` for ${images} images` : ""}${previews ? `, with ${previews} live preview${previews > 1 ? "s" : ""}${images > 1 ? " each" : ""}` : ""}`)] : []));
    undo.hidden = !past.length;
    spent.textContent = model.get("spent");
    reasons.replaceChildren(...problems.map(problem), ...(ok ? notes.map((text) => make("li", { class: "igp-note" }, text)) : []));
    for (const part of Object.values(parts)) part.update?.();
    ui.stage.update();
    turned();
  };
  const problem = ({ label, text, buttons, field }) => {
    const empty = field === "prompt" && !ui.form.prompt.trim();
    return make("li", { class: "igp-problem" }, empty ? "write a prompt first" : `${label ? label + ": " : ""}${text}`, ...buttons.map((item) => button(item.label, () => fix(item.set))));
  };
  /** Does what a button of a problem or a card offers. */
  const fix = (set) => {
    ui.remember();
    for (const [name, value] of Object.entries(set)) {
      if (name === "background" || name === "transparent") ui.form.background = { opaque: "opaque", chroma: "cut-out", true: "cut-out", difference: "two backdrops", native: "native alpha" }[value] ?? "auto";
      else if (name === "mask_box") ui.form.boxes = value;
      else ui.set(name, value);
    }
    ui.put({});
    go.focus();
  };
  const drawQuestion = () => {
    const { text, yes, names } = model.get("question") ?? {};
    question.hidden = !text;
    if (!text) return question.replaceChildren();
    question.replaceChildren(make("p", {}, text), make("div", { class: "igp-line" }, button(yes, () => generate(names), { class: "igp-primary" }), button("Back", () => (ui.send("dismiss"), go.focus()))));
    live.textContent = text;
  };
  const drawNotice = () => {
    const { title, lines = [], buttons = [] } = model.get("notice") ?? {};
    notice.hidden = !title;
    if (!title) return notice.replaceChildren();
    notice.replaceChildren(make("b", {}, title), ...lines.map((line) => make("p", {}, line)), make("div", { class: "igp-line" }, ...buttons.map((item) => button(item.label, () => fix(item.set))), button("Close", () => ui.send("dismiss"))));
  };
  const follow = () => {
    const recent = model.get("recent") ?? [];
    const active = parts.queue.active().length;
    if (ui.following && !active) (ui.chosen = model.get("newest") || recent[0]?.ref || ""), (ui.other = null);
    if (ui.editor && ui.form.task === "edit" && recent[0]?.ref !== seen) ui.link.send("masks");
    seen = recent[0]?.ref;
    ui.link.poll(parts.queue.awaits() || Object.values(model.get("cutouts") ?? {}).some(({ status: state }) => state === "running"));
    const now = model.get("status");
    if (now && now !== announced) ui.say(now);
    announced = now;
    draw();
  };
  const adopt = () => {
    const reply = model.get("form") ?? {};
    if (reply.by === ui.link.id) return;
    Object.assign(ui.form, structuredClone({ ...EMPTY, ...reply }));
    draw();
  };

  /** Called when the kernel's state, or what waits for it, has changed. */
  function turned() {
    if (!ui.link || !ui.stage) return;
    const state = ui.link.state(), gone = state === "gone";
    root.dataset.kernel = state;
    banner.hidden = !gone;
    if (gone) banner.textContent = `This panel is not connected: ${ui.link.why()}. Run this cell again; images and history are kept.`;
    if (sending > 0 && !ui.link.waiting("generate")) sending = 0;
    const off = gone || sending !== 0 || !ui.checked().ok;
    go.setAttribute("aria-disabled", String(Boolean(off)));
    for (const item of root.querySelectorAll("button:not(.igp-go)")) gone ? item.setAttribute("aria-disabled", "true") : item.removeAttribute("aria-disabled");
    const busy = state === "busy" ? "the kernel is busy with a cell: queued" : "";
    if (root.dataset.busy !== busy) status.textContent = busy || model.get("status");
    root.dataset.busy = busy;
  }

  /** A message of the kernel. */
  function onMessage(reply, buffers) {
    const then = asked.get(reply.done ?? reply.n);
    asked.delete(reply.done ?? reply.n);
    if (then && !reply.done) then(reply);
    else if (reply.details) ui.stage.details.receive(reply.details);
    else if (reply.prompts) parts.prompts.receive(reply);
    else if (reply.history) {
      ui.stage.history.receive(reply);
      const found = reply.history.find(({ ref }) => ref === ui.other?.ref || ref === `${ui.other?.ref}.1`);
      if (ui.other && found) (ui.other = found), (ui.chosen = found.ref), draw();
    } else if (reply.remix) ui.remember(), ui.put({ ...EMPTY, ...reply.remix, images: [], task: "generate" }), prompt.focus();
    else if (reply.compare) ui.stage.compare(reply.compare, reply.with);
    else if (reply.masks) ui.savedMasks && (fill(ui.savedMasks, reply.masks, "", "Load a saved mask…"), (ui.savedMasks.hidden = !reply.masks.length));
    else if (reply.mask) loadMask(reply, buffers[0]);
    else if (reply.painted) ui.restored = buffers[0];
    else if (reply.framed) framed(reply, buffers);
    else if (reply.zipped) ui.download(reply.zipped);
    else if (reply.original) original(reply, buffers[0]);
  }
  const loadMask = async (reply, data) => {
    const pixels = ui.editor && (await maskFrom(data, ui.editor.mask.width, ui.editor.mask.height));
    pixels ? ui.editor.load(pixels) : ui.say(`${reply.mask} has ${reply.width} x ${reply.height} pixels, not those of the image`, true);
    if (ui.savedMasks) ui.savedMasks.value = "";
  };
  const framed = async (reply, buffers) => {
    ui.remember();
    closeMask();
    ui.put({ images: [{ ref: reply.framed, role: "" }, ...ui.form.images.slice(1)] });
    ui.openMask(buffers.length ? await maskFrom(buffers[0], reply.width, reply.height) : null);
  };
  const original = ({ name, then }, data) => {
    const svg = /\.svg$/i.test(name); // opened as a page of its own it could run scripts: it is saved
    const types = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", webp: "image/webp", gif: "image/gif" };
    const address = URL.createObjectURL(new Blob([data], { type: types[name.split(".").pop().toLowerCase()] ?? "application/octet-stream" }));
    if (then === "open" && !svg) window.open(address, "_blank", "noopener");
    else make("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  };

  const watched = { "change:form": adopt, "change:question": drawQuestion, "change:notice": drawNotice };
  for (const name of ["controls", "checked", "spent"]) watched[`change:${name}`] = draw;
  for (const name of ["queue", "recent", "newest", "cutouts", "status"]) watched[`change:${name}`] = follow;
  for (const [name, act] of Object.entries(watched)) model.on(name, act);
  el.append(root);
  follow();
  drawQuestion();
  drawNotice();
  requestAnimationFrame(grow);
  return () => {
    for (const [name, act] of Object.entries(watched)) model.off(name, act);
    clearTimeout(timer);
    clearTimeout(maskTimer);
    release();
    ui.editor?.destroy();
    for (const part of [...Object.values(parts), ui.stage, ui.link]) part.destroy?.();
  };
}

export default { render };
