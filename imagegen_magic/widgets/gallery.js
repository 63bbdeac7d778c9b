// Thumbnails with one tab stop: arrows walk, Enter opens, E edits, . stars.

function render({ model, el }) {
  const id = `ig-gallery-${Math.random().toString(36).slice(2)}`;
  const filter = make("input", { type: "search", placeholder: "filter by name or prompt", "aria-label": "filter the pictures", "aria-controls": id });
  const only = make("input", { type: "checkbox" });
  const list = make("div", { class: "ig-grid", role: "listbox", id, "aria-label": model.get("label") });
  const say = make("div", { class: "ig-say", role: "status" });
  const open = make("button", { type: "button", onclick: () => tell("open") }, "Open");
  const edit = make("button", { type: "button", onclick: () => tell("edit") }, "Edit this");
  const star = make("button", { type: "button", onclick: () => toggle() }, "Star");
  const addresses = new Map();

  const items = () => model.get("items");
  const starred = (item) => model.get("starred").includes(item.id);
  const shown = () => {
    const word = filter.value.trim().toLowerCase();
    return items().filter((item) => (!only.checked || starred(item)) && (!word || `${item.label} ${item.prompt}`.toLowerCase().includes(word)));
  };
  const chosen = () => items().find((item) => item.id === model.get("selected"));
  const tell = (what) => chosen() && model.send({ [what]: chosen().id });
  const save = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const toggle = () => {
    const item = chosen();
    if (!item) return;
    save("starred", starred(item) ? model.get("starred").filter((other) => other !== item.id) : [...model.get("starred"), item.id]);
    draw(true);
  };

  const tile = (item) => {
    const active = item.id === model.get("selected");
    const picture = make("img", { alt: "", draggable: "false" });
    if (addresses.has(item.id)) picture.src = addresses.get(item.id);
    const mark = starred(item) ? make("span", { class: "ig-star", "aria-hidden": "true" }, "★") : "";
    const name = `${item.label}${starred(item) ? ", starred" : ""}: ${item.prompt.slice(0, 80)}`;
    return make("div", { role: "option", tabindex: active ? "0" : "-1", "aria-selected": String(active), "aria-label": name, "data-id": item.id, class: "ig-tile", onclick: () => go(item, true), ondblclick: () => tell("open") },
      picture, mark, make("span", { class: "ig-name", "aria-hidden": "true" }, item.label));
  };
  const draw = (focus) => {
    const visible = shown();
    if (visible.length && !visible.some((item) => item.id === model.get("selected"))) model.set("selected", visible[0].id);
    list.replaceChildren(...visible.map(tile));
    const none = !visible.length;
    for (const button of [open, edit, star]) button.disabled = none;
    star.textContent = chosen() && starred(chosen()) ? "Unstar" : "Star";
    say.textContent = none ? "nothing matches" : `${visible.length} of ${items().length} · ${chosen().label}: ${chosen().prompt.slice(0, 90)}`;
    if (focus) list.querySelector('[tabindex="0"]')?.focus();
  };
  const go = (item, focus) => {
    save("selected", item.id);
    draw(focus);
  };

  /** The tile that a key leads to: rows are as wide as the grid makes them. */
  const step = (key, index, count) => {
    const tiles = [...list.children];
    const across = Math.max(1, tiles.filter((t) => t.offsetTop === tiles[0].offsetTop).length);
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, ArrowDown: index + across, ArrowUp: index - across, Home: 0, End: count - 1 }[key];
    return to === undefined ? null : Math.max(0, Math.min(count - 1, to));
  };
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.key === "Enter" && event.shiftKey)) return;
    const visible = shown(), index = visible.findIndex((item) => item.id === model.get("selected"));
    const to = step(event.key, index, visible.length);
    if (to !== null) go(visible[to], true);
    else if (event.key === "Enter") tell("open");
    else if (event.key === "e") tell("edit");
    else if (event.key === ".") toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const release = ownKeys(list);
  filter.addEventListener("input", () => draw(false));
  only.addEventListener("change", () => draw(false));

  const message = (reply, buffers) => {
    if (reply.fault) say.textContent = reply.fault;
    if (!reply.thumbnails) return;
    reply.thumbnails.forEach(([itemId, type], i) => {
      if (addresses.has(itemId)) URL.revokeObjectURL(addresses.get(itemId));
      addresses.set(itemId, URL.createObjectURL(new Blob([buffers[i]], { type })));
    });
    draw(false);
  };
  const redraw = () => draw(list.contains(document.activeElement));
  model.on("msg:custom", message);
  model.on("change:items", redraw);
  el.classList.add("ig-gallery");
  el.append(
    make("div", { class: "ig-tools" }, filter, make("label", {}, only, " Starred only"), make("div", { class: "ig-group" }, open, edit, star)),
    list, say, make("p", { class: "ig-keys" }, "On a picture: arrows walk, Enter opens, E edits, . stars."));
  draw(false);
  model.send({ ask: "thumbnails" });
  return () => {
    release();
    model.off("msg:custom", message);
    model.off("change:items", redraw);
    addresses.forEach((address) => URL.revokeObjectURL(address));
  };
}

export default { render };
