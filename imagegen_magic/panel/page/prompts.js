// The last hundred prompts: a searchable list, and Alt with arrows in the prompt.

/** Gives { el, receive(message), step(by) }. */
function promptHistory(ui) {
  let found = [], timer = 0, steps = null, at = 0;
  const search = make("input", { type: "search", placeholder: "search the last hundred prompts", "aria-label": "search prompts", oninput: () => { clearTimeout(timer); timer = setTimeout(load, 150); } });
  const list = make("ul", { class: "igp-prompts", "aria-label": "earlier prompts" });
  const el = disclosure("Prompts", search, list);
  const load = () => ui.link.send("prompts", { word: search.value, for: "list" });
  el.addEventListener("toggle", () => el.open && (load(), search.focus()));
  const take = (prompt) => {
    ui.remember();
    ui.put({ prompt });
    el.open = false;
    ui.focusPrompt();
  };
  const receive = (message) => {
    if (message.for === "steps") {
      steps = message.prompts;
      return go(1);
    }
    found = message.prompts;
    list.replaceChildren(...found.map((prompt) => make("li", {}, button(prompt, () => take(prompt), { dir: "auto" }))));
    if (!found.length) list.append(make("li", { class: "igp-quiet" }, "nothing found"));
  };
  const go = (by) => {
    const to = Math.max(0, Math.min(steps.length - 1, at + by));
    if (to === at) return;
    at = to;
    ui.put({ prompt: steps[at] });
  };
  /** Older (1) or newer (-1); beyond the newest comes back what was typed. */
  const step = (by) => {
    if (steps && steps[at] === ui.form.prompt) return go(by);
    if (by < 0) return;
    steps = null;
    at = 0;
    ui.link.send("prompts", { word: "", for: "steps" });
  };
  const withTyped = (message) => receive(message.for === "steps" ? { ...message, prompts: [ui.form.prompt, ...message.prompts.filter((p) => p !== ui.form.prompt)] } : message);
  return { el, receive: withTyped, step, destroy: () => clearTimeout(timer) };
}
