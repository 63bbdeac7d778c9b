// The queue: what waits, runs and has ended, each with its price and a way to stop it.

/** Gives { el, update(), active() }. */
function queueList(ui) {
  const list = make("ol", { class: "igp-queue", "aria-label": "queue" });
  const clear = button("Clear", () => ui.send("clear"), { class: "igp-plain" });
  const el = make("section", { "aria-label": "queue", hidden: "" }, make("div", { class: "igp-line igp-spread" }, make("h4", {}, "Queue"), clear), list);
  const rows = new Map();
  let ticking = 0;

  const entries = () => ui.model.get("queue") ?? [];
  const active = () => entries().filter(({ state }) => state === "waiting" || state === "running");
  const row = (entry) => {
    const title = make("span", { class: "igp-title", dir: "auto" });
    const state = make("span", { class: "igp-quiet" });
    const price = make("span", { class: "igp-quiet" });
    const stop = button("Cancel", () => ui.send("cancel", { id: entry.id }));
    const item = make("li", {}, title, state, price, stop);
    rows.set(entry.id, { item, title, state, price, stop, started: performance.now() - 1000 * entry.seconds });
    return item;
  };
  const update = () => {
    const all = entries(), ids = new Set(all.map(({ id }) => id));
    for (const [id, { item }] of rows) if (!ids.has(id)) item.remove(), rows.delete(id);
    for (const entry of all) if (!rows.has(entry.id)) list.prepend(row(entry));
    for (const entry of all) paint(entry);
    el.hidden = !all.length;
    clear.hidden = all.length === active().length;
    clearInterval(ticking);
    if (active().length) ticking = setInterval(() => active().forEach(paint), 1000);
  };
  const paint = (entry) => {
    const { item, title, state, price, stop, started } = rows.get(entry.id) ?? {};
    if (!item) return;
    const running = entry.state === "running";
    item.dataset.state = entry.state;
    title.textContent = entry.title;
    const seconds = running ? ` · ${Math.round((performance.now() - started) / 1000)} s` : "";
    state.textContent = entry.error || ((entry.state === "waiting" ? "" : entry.phase) || entry.state) + seconds;
    price.textContent = running || entry.state === "waiting" ? entry.price : "";
    stop.hidden = !(running || entry.state === "waiting");
    stop.setAttribute("aria-label", `Cancel ${entry.title.slice(0, 60)}`);
  };
  /** True while something may still come. */
  const awaits = () => entries().some(({ state }) => state !== "failed");
  return { el, update, active, awaits, destroy: () => clearInterval(ticking) };
}
