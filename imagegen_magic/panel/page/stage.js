// The stage: the newest image or live preview large beside the form, its thumbnails, its actions; mask, frame, compare, history.

const LARGE = 1536;
const SMALL = 160;
const VIEWS = { image: "Image", mask: "Mask", history: "History" };

/** Gives { el, update(), show(view), receive(message) } and what is chosen. */
function stage(ui) {
  let view = "image", drawn = "", previews = "", cutShown = "";
  const recent = () => ui.model.get("recent") ?? [];
  const tile = () => recent().find(({ ref }) => ref === ui.chosen) ?? ui.other;
  const id = unique("stage");
  const tabs = Object.entries(VIEWS).map(([name, text]) => button(text, () => show(name), { role: "tab", "data-view": name, "aria-controls": id }));
  const bar = make("div", { class: "igp-tabs", role: "tablist", "aria-label": "what the stage shows" }, ...tabs);
  const picture = make("img", { class: "igp-large", alt: "", draggable: "true" });
  const empty = make("div", { class: "igp-empty" }, make("p", {}, "Your image appears here."), make("p", { class: "igp-quiet" }, "Write a prompt and press Ctrl+Enter. Drop or paste an image to edit it."));
  const progress = make("div", { class: "igp-progress", "aria-hidden": "true" }, make("span", {}), make("i", {}));
  const cancel = make("figure", { class: "igp-shown" }, picture, empty, progress);
  const caption = make("p", { class: "igp-caption" });
  const acts = actions(ui, () => tile());
  const verdict = make("div", { class: "igp-verdict", role: "status", hidden: "" });
  const strip = make("div", { class: "igp-strip", role: "listbox", "aria-label": "newest images", "aria-orientation": "horizontal" });
  const details = detailsView(ui);
  const imageView = make("div", {}, cancel, caption, strip, acts.el, verdict, details.el);
  const maskView = make("div", { class: "igp-mask-view" });
  const compareView = make("div", { class: "igp-compare ig-compare" });
  const past = historyView(ui);
  const body = make("div", { id, role: "tabpanel", tabindex: "-1" }, imageView, maskView, compareView, past.el);
  const el = make("section", { class: "igp-stage", "aria-label": "stage" }, bar, body);

  const live = () => (ui.following ? (ui.model.get("queue") ?? []).find(({ state }) => state === "running") : null);

  picture.addEventListener("dragstart", (event) => ui.chosen && event.dataTransfer.setData(DRAGGED, ui.chosen));
  bar.addEventListener("keydown", (event) => {
    const seen = tabs.filter((tab) => !tab.hidden), at = seen.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const tab = seen[(to + seen.length) % seen.length];
    show(tab.dataset.view);
    tab.focus();
  });
  walkable(strip, { count: () => recent().length, index: () => recent().findIndex(({ ref }) => ref === ui.chosen), pick: (index) => (ui.choose(recent()[index].ref), strip.querySelector('[tabindex="0"]')?.focus()) });
  quickKeys(strip, ui, () => tile());

  const show = (name) => {
    if (name === "mask" && !ui.editor) return ui.openMask();
    view = name;
    for (const tab of tabs) {
      const its = tab.dataset.view === ({ compare: "image", frame: "mask" }[name] ?? name);
      tab.setAttribute("aria-selected", String(its));
      tab.tabIndex = its ? 0 : -1;
    }
    imageView.hidden = name !== "image";
    maskView.hidden = name !== "mask" && name !== "frame";
    compareView.hidden = name !== "compare";
    past.el.hidden = name !== "history";
    if (name === "history") past.open();
    update();
  };
  const update = () => {
    tabs[1].hidden = !(ui.form.task === "edit" && ui.form.images.length);
    const running = live(), shown = running ? null : tile();
    empty.hidden = Boolean(running || shown);
    picture.hidden = Boolean(empty.hidden === false || (running && !running.previews));
    el.classList.toggle("igp-blank", !running && !shown && view === "image");
    progress.hidden = !running;
    if (running) paintLive(running);
    else if (shown) paintImage(shown);
    else drawn = "";
    acts.el.hidden = !shown;
    details.update(shown?.ref);
    paintVerdict(shown?.ref);
    paintStrip();
    past.update();
  };
  const paintLive = (entry) => {
    progress.firstChild.textContent = `${entry.phase || "sending"}`;
    const size = PIXELS.exec(entry.shape);
    cancel.style.setProperty("--igp-ratio", size ? `${size[1]} / ${size[2]}` : "1 / 1");
    cancel.classList.add("igp-running");
    caption.textContent = entry.title;
    const key = `live:${entry.id}:${entry.previews}`;
    if (key === previews || !entry.previews) return;
    previews = drawn = key;
    picture.alt = `live preview of: ${entry.title}`;
    ui.link.image(key, LARGE).then((address) => address && drawn === key && (picture.src = address, (picture.hidden = false)));
  };
  const paintImage = (shown) => {
    cancel.classList.remove("igp-running");
    const size = shown.width ? `, ${shown.width} x ${shown.height}` : "";
    caption.replaceChildren(make("b", {}, shown.label), make("span", { class: "igp-quiet" }, `${shown.label === shown.ref ? "" : " · " + shown.ref}${size.replace(", ", " · ")}${shown.simulated ? " · simulated" : ""}`));
    if (drawn === shown.ref) return;
    drawn = shown.ref;
    ui.link.image(shown.ref, LARGE).then((address) => {
      if (drawn !== shown.ref) return;
      picture.alt = `${shown.prompt || "image"} — ${shown.label}${size}`;
      picture.src = address ?? "";
      picture.hidden = !address;
      if (!address) caption.append(" · its file can't be shown");
    });
  };
  const paintVerdict = (ref) => {
    const found = (ui.model.get("cutouts") ?? {})[ref], key = JSON.stringify([ref, found]);
    if (key === cutShown) return;
    cutShown = key;
    verdict.hidden = !found;
    if (!found) return;
    verdict.dataset.status = found.status;
    if (found.status === "running") return verdict.replaceChildren("Cutting out …");
    const words = { pass: "The cut-out is good.", warn: "The cut-out has weak points.", fail: "The cut-out failed." };
    const open = found.rows.filter(([status]) => status !== "pass");
    const image = make("img", { class: "igp-cut", alt: `cut-out on a checkerboard, ${found.path}` });
    if (found.path) ui.link.image(found.path, 512).then((address) => (image.src = address ?? ""));
    verdict.replaceChildren(
      ...(found.path ? [image] : []),
      make("div", {}, make("b", {}, words[found.status]), ...(found.path ? [make("p", {}, "Saved as ", make("code", {}, found.path))] : []),
        make("ul", {}, ...open.map(([status, name, sentence]) => make("li", { "data-status": status }, `${name}: ${sentence}`))),
        make("details", {}, make("summary", {}, `${found.rows.length} checks`), make("ul", {}, ...found.rows.map(([status, name, sentence]) => make("li", { "data-status": status }, `${status} · ${name}: ${sentence}`)))),
        make("div", { class: "igp-line" }, ...(found.path ? [button("Use as input image", () => ui.addImage(found.path)), button("Download cut-out", () => ui.download(found.path))] : []),
          ...(found.buttons ?? []).map(({ how, label }) => button(label, () => ui.again(ref, how))))));
  };
  let stripKey = "";
  const paintStrip = () => {
    const tiles = recent(), key = JSON.stringify([tiles, ui.chosen]);
    strip.hidden = tiles.length < 2;
    if (key === stripKey) return;
    stripKey = key;
    const focused = strip.contains(strip.getRootNode().activeElement);
    const selected = tiles.some(({ ref }) => ref === ui.chosen) ? ui.chosen : tiles[0]?.ref;
    strip.replaceChildren(...tiles.map((item) => thumbnail(ui, item, SMALL, item.ref === selected, () => ui.choose(item.ref))));
    const now = strip.querySelector('[tabindex="0"]');
    if (focused) now?.focus();
    if (now) strip.scrollLeft = Math.max(0, now.offsetLeft - strip.clientWidth / 2);
  };
  /** Shows both images with a line between them. */
  const compare = (ref, other) => {
    const pair = comparison({ labels: [other, ref], position: 50, moved: () => {} });
    [other, ref].forEach((name, side) => ui.link.image(name, LARGE).then((address) => address && pair.show(side, address)));
    compareView.replaceChildren(button("Close comparison", () => show("image")), pair.el);
    show("compare");
    pair.slider.focus();
  };
  show("image");
  return { el, show, update, compare, maskView, tile, view: () => view, history: past, details, destroy: past.destroy };
}

/** What is known of the chosen image, asked for when it is opened. */
function detailsView(ui) {
  const body = make("div", {});
  const el = make("details", { class: "igp-details" }, make("summary", {}, "Details"), body);
  let shown = "", wanted = "";
  const load = () => {
    if (!el.open || !wanted || shown === wanted) return;
    shown = wanted;
    ui.link.send("details", { ref: wanted });
  };
  el.addEventListener("toggle", load);
  const receive = ({ rows, parents, children, cell, ref }) => {
    if (ref !== wanted) return;
    const links = (label, refs) => (refs.length ? [make("dt", {}, label), make("dd", {}, ...refs.map((item) => (item.startsWith("@") ? button(item, () => ui.choose(item), { class: "igp-plain" }) : make("span", {}, item + " "))))] : []);
    body.replaceChildren(
      make("dl", {}, ...rows.flatMap(([label, value]) => [make("dt", {}, label), make("dd", { dir: "auto" }, value)]), ...links("made from", parents), ...links("used for", children)),
      make("textarea", { readonly: "", rows: String(Math.min(8, cell.split("\n").length + 1)), "aria-label": "the cell that makes the same request" }));
    body.lastChild.value = cell;
  };
  const update = (ref) => {
    el.hidden = !ref;
    wanted = ref ?? "";
    if (wanted !== shown) body.replaceChildren();
    if (shown !== wanted) shown = "", load();
  };
  return { el, receive, update };
}
