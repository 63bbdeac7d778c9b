// The history: a tile for each image, the true count, pages, a search over all, one row of actions for what is chosen.

const TILE = 192;

/** Gives { el, open(), update(), receive(message) }. */
function historyView(ui) {
  let page = 1, tiles = [], chosen = "", timer = 0, answer = {};
  const search = make("input", { type: "search", placeholder: "search prompts, names, models", "aria-label": "search the history", oninput: () => { clearTimeout(timer); timer = setTimeout(() => load(1), 200); } });
  const only = make("input", { type: "checkbox", onchange: () => load(1) });
  const count = make("span", { class: "igp-quiet", role: "status" });
  const list = make("div", { class: "igp-tiles", role: "listbox", "aria-label": "images of the history" });
  const older = button("Older", () => load(page + 1)), newer = button("Newer", () => load(page - 1));
  const where = make("span", { class: "igp-quiet" });
  const zip = button("Zip the starred", () => ui.send("zip"));
  const acts = actions(ui, () => tiles.find(({ ref }) => ref === chosen));
  const label = make("p", { class: "igp-caption", dir: "auto" });
  const el = make("div", { class: "igp-history" },
    make("div", { class: "igp-line" }, search, make("label", { class: "igp-check" }, only, "starred only"), zip),
    count, list,
    make("div", { class: "igp-line igp-spread" }, newer, where, older), label, acts.el);

  const load = (wanted) => {
    page = Math.max(1, wanted);
    ui.link.send("history", { page, word: search.value, starred: only.checked });
  };
  const receive = (message) => {
    if (message.word !== search.value || message.starred !== only.checked) return; // an older question's answer
    answer = message;
    tiles = message.history;
    page = message.page;
    if (!tiles.some(({ ref }) => ref === chosen)) chosen = tiles[0]?.ref ?? "";
    draw();
  };
  const draw = () => {
    const focused = list.contains(list.getRootNode().activeElement);
    list.replaceChildren(...tiles.map((tile) => thumbnail(ui, tile, TILE, tile.ref === chosen, () => pick(tile.ref))));
    count.textContent = `${answer.count ?? 0} image${answer.count === 1 ? "" : "s"}${search.value || only.checked ? " found" : ""}`;
    where.textContent = answer.pages > 1 ? `page ${page} of ${answer.pages}` : "";
    newer.hidden = older.hidden = !(answer.pages > 1);
    newer.disabled = page <= 1;
    older.disabled = page >= answer.pages;
    const tile = tiles.find(({ ref }) => ref === chosen);
    label.textContent = tile ? `${tile.label}: ${tile.prompt}` : answer.count === 0 ? "Nothing here yet." : "";
    acts.update();
    if (focused) list.querySelector('[tabindex="0"]')?.focus();
  };
  const pick = (ref) => {
    chosen = ref;
    draw();
    list.querySelector('[tabindex="0"]')?.focus();
  };
  walkable(list, { count: () => tiles.length, index: () => tiles.findIndex(({ ref }) => ref === chosen), pick: (index) => pick(tiles[index].ref) });
  quickKeys(list, ui, () => tiles.find(({ ref }) => ref === chosen));
  list.addEventListener("dblclick", () => chosen && ui.choose(chosen));
  return { el, open: () => load(page), again: () => load(page), receive, update: () => acts.update(), destroy: () => clearTimeout(timer) };
}

/** A tile of a strip or the history; it can be dragged to the input images. */
function thumbnail(ui, tile, edge, selected, onclick) {
  const picture = make("img", { alt: "", draggable: "false" });
  ui.link.image(tile.ref, edge).then((address) => address && (picture.src = address));
  const name = `${tile.label}${tile.star ? ", starred" : ""}: ${tile.prompt.slice(0, 90)}`;
  return make("div", {
    role: "option", tabindex: selected ? "0" : "-1", "aria-selected": String(selected), "aria-label": name, "data-ref": tile.ref, class: "igp-tile", draggable: "true", title: name, onclick,
    ondragstart: (event) => event.dataTransfer.setData(DRAGGED, tile.ref),
  }, picture, ...(tile.star ? [make("span", { class: "igp-star", "aria-hidden": "true" }, "★")] : []), make("span", { class: "igp-name", "aria-hidden": "true" }, tile.label));
}

/** Single keys on a chosen tile: Enter shows, E edits, . stars. */
function quickKeys(list, ui, tile) {
  list.addEventListener("keydown", (event) => {
    const found = tile();
    if (!found || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key === "Enter") ui.choose(found.ref);
    else if (event.key === "e") ui.edit(found.ref);
    else if (event.key === ".") ui.star(found.ref, !found.star);
    else return;
    event.preventDefault();
  });
}

/** The row of actions for one image: { el, update() }. */
function actions(ui, tile) {
  const on = (text, act, title) => button(text, () => tile() && act(tile().ref), { title });
  const star = on("Star", (ref) => ui.star(ref, !tile().star), "keep it in sight");
  const el = toolbar("what to do with this image",
    on("Edit", (ref) => ui.edit(ref), "take this image, and nothing else, into an edit"),
    on("Cut out", (ref) => ui.cutout(ref), "take its flat backdrop away, on this machine; free"),
    on("Remix", (ref) => ui.remix(ref), "take the prompt and settings, without the image"),
    on("Compare", (ref) => ui.compare(ref), "beside the image it was made from, or the one before"),
    on("As reference", (ref) => ui.addImage(ref), "add it to the input images"),
    on("Copy as cell", (ref) => ui.copyCell(ref), "the cell that makes the same request"),
    on("Open", (ref) => ui.open(ref), "the file in a new tab"),
    on("Download", (ref) => ui.download(ref), "save the file"),
    star);
  const update = () => {
    el.hidden = !tile();
    star.textContent = tile()?.star ? "★ Unstar" : "☆ Star";
  };
  update();
  return { el, update };
}
