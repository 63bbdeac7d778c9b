// Many at once: a prompt a line, {red|blue} in the prompt, a grid of sizes, qualities and models; the whole price comes first.

/** Gives { el, update() }. */
function manyView(ui) {
  const lines = make("input", { type: "checkbox", onchange: () => ui.put({ lines: lines.checked }) });
  const words = make("input", { type: "checkbox", onchange: () => ui.put({ wildcards: words.checked }) });
  const grids = { size: "Sizes", quality: "Qualities", model: "Models" };
  const rows = Object.fromEntries(Object.entries(grids).map(([name, text]) => [name, make("fieldset", { class: "igp-field", "data-grid": name }, make("legend", {}, text), make("div", { class: "igp-checks" }))]));
  const total = make("p", { class: "igp-quiet", role: "status" });
  const el = disclosure("Many",
    make("label", { class: "igp-check" }, lines, "each line is a prompt"),
    make("label", { class: "igp-check" }, words, "{red|blue} stands for each word"),
    make("p", { class: "igp-quiet" }, "Grid: every combination of what is ticked."),
    ...Object.values(rows), total);

  const offered = () => {
    const { sizes = {}, qualities = [], models = [] } = ui.controls();
    return { size: sizes.rule ? sizes.ratios : sizes.fixed ?? [], quality: qualities, model: models.map(({ id }) => id) };
  };
  const box = (name, value) => {
    const input = make("input", { type: "checkbox", value, onchange: () => toggle(name, value, input.checked) });
    return make("label", { class: "igp-check" }, input, value);
  };
  const toggle = (name, value, on) => {
    const before = ui.form.grid[name] ?? [];
    const grid = { ...ui.form.grid, [name]: on ? [...before, value] : before.filter((other) => other !== value) };
    if (!grid[name].length) delete grid[name];
    ui.put({ grid });
  };
  const update = () => {
    lines.checked = ui.form.lines;
    words.checked = ui.form.wildcards;
    for (const [name, values] of Object.entries(offered())) {
      const list = rows[name].querySelector(".igp-checks");
      if (list.dataset.values !== values.join()) list.replaceChildren(...values.map((value) => box(name, value)));
      list.dataset.values = values.join();
      for (const input of list.querySelectorAll("input")) input.checked = (ui.form.grid[name] ?? []).includes(input.value);
    }
    const { jobs = 0, price = "" } = ui.checked();
    const many = jobs > 1;
    total.textContent = many ? `${jobs} requests · ${price} in all` : "";
    el.classList.toggle("igp-on", many);
  };
  return { el, update };
}
