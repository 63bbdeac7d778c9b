// Images in: by drop and paste anywhere, by a file chooser, from the stage and the history, by path, name or variable.

const DRAGGED = "application/x-imagegen-ref";
const BIG = 10e6; // bytes from which a person is asked whether to scale an image first
const SCALED = 2048; // pixels of the longest edge of a scaled image
const THUMB = 160;

/** Gives { el, update(), take(files) }. */
function inputs(ui) {
  const chooser = make("input", { type: "file", accept: "image/*", multiple: "", class: "igp-hidden", tabindex: "-1", "aria-label": "image files", onchange: () => take(chooser.files) });
  const word = make("input", { type: "text", placeholder: "path, @last, @hero or a variable", "aria-label": "image by path, history name or variable", onkeydown: (event) => event.key === "Enter" && (event.preventDefault(), typed()) });
  const list = make("ol", { class: "igp-inputs", "aria-label": "input images" });
  const waiting = make("div", { class: "igp-waiting", role: "status" });
  const open = disclosure("+ Image",
    make("div", { class: "igp-line" }, button("Choose files…", () => chooser.click()), chooser),
    make("div", { class: "igp-line" }, word, button("Add", () => typed())),
    make("p", { class: "igp-quiet" }, "Or drop and paste images anywhere on the panel, or drag one here from the stage or the history."));
  const el = make("div", { class: "igp-in" }, list, waiting);

  const typed = () => {
    const ref = word.value.trim();
    if (!ref) return;
    ui.ask("input", { ref }, (reply) => {
      ui.addImage(ref, reply);
      word.value = "";
    });
  };
  /** Takes files; big ones wait for a word, because scaling loses pixels and uploading takes time. */
  const take = (files) => {
    for (const file of files) {
      if (file.type && !file.type.startsWith("image/")) ui.say(`${file.name} is not an image`);
      else if (file.size <= BIG) send(file);
      else offer(file);
    }
    chooser.value = "";
  };
  const offer = (file) => {
    const row = make("div", { class: "igp-line igp-offer" }, make("span", {}, `${file.name} is ${megabytes(file.size)}.`),
      button("Upload as it is", () => (row.remove(), send(file))),
      button(`Scale to ${SCALED} px first`, async () => (row.remove(), send(await scaled(file)))),
      button("Cancel", () => row.remove()));
    waiting.append(row);
    row.querySelector("button").focus();
  };
  const send = async (file) => {
    const bar = make("progress", { max: "1", value: "0", "aria-label": `upload of ${file.name}` });
    const row = make("div", { class: "igp-line" }, make("span", {}, file.name), bar);
    waiting.append(row);
    const reply = await ui.link.upload(file, (share) => (bar.value = share));
    row.remove();
    if (reply.error) return ui.say(reply.error, true);
    ui.addImage(reply.ref, reply);
  };
  const row = ({ ref, role }, index) => {
    const picture = make("img", { alt: "", draggable: "false" });
    ui.link.image(ref, THUMB).then((address) => address && (picture.src = address));
    const what = ui.form.task === "edit" && index === 0 ? "edited" : "reference";
    const roles = make("input", { type: "text", value: role, dir: "auto", placeholder: "role: style, logo …", "aria-label": `role of image ${index + 1}`, onchange: (event) => ui.setRole(index, event.target.value.trim()) });
    return make("li", { "data-ref": ref }, make("span", { class: "igp-badge", "aria-hidden": "true" }, String(index + 1)), picture,
      make("span", { class: "igp-ref" }, make("span", { dir: "auto" }, shortened(ref)), make("small", {}, what)),
      roles,
      ...(index === 0 && ui.form.task === "edit" ? [button("Mask", () => ui.openMask(), { title: "paint what will change" })] : []),
      button("×", () => ui.removeImage(index), { "aria-label": `remove image ${index + 1}, ${ref}`, class: "igp-x" }));
  };
  let drawn = "";
  const update = () => {
    const key = JSON.stringify([ui.form.images, ui.form.task]);
    if (key === drawn) return;
    drawn = key;
    list.replaceChildren(...ui.form.images.map(row));
    el.classList.toggle("igp-none", !ui.form.images.length);
  };
  return { el, open, update, take };
}

const shortened = (ref) => (ref.length > 36 ? "…" + ref.slice(-34) : ref);

/** A copy of an image file whose longest edge is SCALED pixels, as PNG if it has alpha. */
async function scaled(file) {
  const bitmap = await createImageBitmap(file);
  const factor = Math.min(1, SCALED / Math.max(bitmap.width, bitmap.height));
  const canvas = make("canvas", { width: Math.round(bitmap.width * factor), height: Math.round(bitmap.height * factor) });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  const type = file.type === "image/jpeg" ? "image/jpeg" : "image/png";
  const blob = await new Promise((done) => canvas.toBlob(done, type, 0.92));
  return new File([blob], file.name.replace(/\.\w+$/, "") + (type === "image/jpeg" ? ".jpg" : ".png"), { type });
}

/** Drop and paste anywhere on the panel. */
function dropping(root, { files, ref }) {
  const wanted = (event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === DRAGGED);
  let depth = 0;
  const mark = (step) => {
    depth = Math.max(0, depth + step);
    root.classList.toggle("igp-dropping", depth > 0);
  };
  root.addEventListener("dragenter", (event) => wanted(event) && (event.preventDefault(), mark(1)));
  root.addEventListener("dragleave", (event) => wanted(event) && mark(-1));
  root.addEventListener("dragover", (event) => wanted(event) && event.preventDefault());
  root.addEventListener("drop", (event) => {
    if (!wanted(event)) return;
    event.preventDefault();
    event.stopPropagation();
    depth = 0;
    mark(0);
    const dragged = event.dataTransfer.getData(DRAGGED);
    dragged ? ref(dragged) : files(event.dataTransfer.files);
  });
  root.addEventListener("paste", (event) => {
    const found = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
    if (!found.length) return;
    event.preventDefault();
    event.stopPropagation();
    files(found);
  });
}
