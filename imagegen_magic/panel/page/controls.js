// The settings: what the kernel describes, as controls; what the model can't do is not there.

/** Gives { el, update() }: model, size, quality, count, format, background, name, and More settings. */
function settings(ui) {
  const size = sizeControl(ui);
  const model = make("select", { onchange: (event) => ui.set("model", event.target.value) });
  const use = make("span", { class: "igp-quiet" });
  const quality = chips({ legend: "Quality", values: [], chosen: (value) => ui.set("quality", value) });
  const format = chips({ legend: "Format", values: [], chosen: (value) => ui.set("output_format", value) });
  const behind = chips({ legend: "Background", values: [], chosen: (value) => ui.put({ background: value }) });
  const count = make("input", { type: "number", min: "1", value: "1", inputmode: "numeric", onchange: (event) => ui.set("n", event.target.value === "1" ? "" : event.target.value) });
  const name = make("input", { type: "text", placeholder: "hero", oninput: (event) => ui.put({ name: event.target.value.trim() }) });
  const rest = make("div", { class: "igp-more" });
  const more = make("details", { class: "igp-advanced" }, make("summary", {}, "More settings"), rest);
  const look = profiles(ui);
  const el = make("section", { class: "igp-settings", "aria-label": "settings" },
    look.el, labelled("Model", model, use), size.el, quality.el,
    make("div", { class: "igp-pair" }, labelled("Images", count), labelled("Name", name)),
    format.el, behind.el, more);
  let drawn = "";

  const update = () => {
    look.update();
    const { models = [], defaults = {}, qualities = [], formats = [], backgrounds = [], max_n = 10, more: rows = [] } = ui.controls();
    const chosen = ui.controls().model;
    fill(model, models.map(({ id }) => id), chosen);
    use.textContent = models.find(({ id }) => id === chosen)?.use ?? "";
    size.update();
    quality.offer(qualities);
    quality.set(ui.form.values.quality ?? defaults.quality ?? "auto");
    format.offer(formats);
    format.set(ui.form.values.output_format ?? defaults.output_format ?? "png");
    behind.offer(backgrounds);
    behind.set(ui.form.background);
    count.max = max_n;
    if (count !== el.getRootNode().activeElement) count.value = ui.form.values.n ?? 1;
    if (name !== el.getRootNode().activeElement) name.value = ui.form.name;
    const key = JSON.stringify(rows);
    if (key !== drawn) rest.replaceChildren(...groups(ui, rows));
    drawn = key;
    for (const row of rest.querySelectorAll("[data-option]")) refresh(ui, row);
  };
  return { el, update };
}

/** The profile, and a way to keep the form's settings as one. Gives { el, update() }. */
function profiles(ui) {
  const select = make("select", { onchange: (event) => ui.set("profile", event.target.value) });
  const sets = make("span", { class: "igp-quiet" });
  const name = make("input", { type: "text", placeholder: "brand", "aria-label": "name of the profile" });
  const keep = () => {
    if (!name.value.trim()) return name.focus();
    ui.remember();
    ui.send("keep_profile", { form: ui.form, name: name.value.trim() });
    name.value = "";
    save.open = false;
  };
  name.addEventListener("keydown", (event) => event.key === "Enter" && keep());
  const save = disclosure("Save as profile…", make("div", { class: "igp-line" }, name, button("Save", keep)));
  const el = make("div", { class: "igp-look" }, labelled("Profile", select, sets), save);
  const update = () => {
    const known = ui.controls().profiles ?? [];
    const chosen = ui.form.values.profile ?? ui.controls().defaults?.profile ?? "";
    fill(select, known.map((profile) => profile.name), chosen, "none");
    sets.textContent = known.find((profile) => profile.name === chosen)?.sets ?? "";
  };
  return { el, update };
}

const labelled = (text, control, ...more) => {
  control.id = unique("field");
  return make("div", { class: "igp-field igp-labelled" }, make("label", { for: control.id }, text), control, ...more);
};

/** A select's options, and the one that is chosen; one that is not offered is added. */
function fill(select, values, chosen, empty = null) {
  const all = [...(empty === null ? [] : [""]), ...values];
  if (chosen && !all.includes(chosen)) all.push(chosen);
  if (select.options.length !== all.length || [...select.options].some((option, i) => option.value !== all[i]))
    select.replaceChildren(...all.map((value) => make("option", { value }, value || empty)));
  select.value = chosen ?? "";
}

function groups(ui, rows) {
  const names = [...new Set(rows.map((row) => row.group))];
  return names.map((name) => make("fieldset", { class: "igp-group" }, make("legend", {}, name), ...rows.filter((row) => row.group === name).map((row) => control(ui, row))));
}

/** One control of More settings, as its kind asks for. */
function control(ui, row) {
  const start = row.default === null ? row.hint : `${row.default} · ${row.hint}`;
  const inputs = {
    flag: () => make("input", { type: "checkbox", onchange: (event) => ui.set(row.name, event.target.checked === Boolean(row.default) ? "" : event.target.checked) }),
    choice: () => make("select", { onchange: (event) => ui.set(row.name, event.target.value) }),
    lines: () => make("textarea", { rows: "2", dir: "auto", placeholder: `${row.hint} · one a line`, oninput: (event) => ui.set(row.name, event.target.value.split("\n").filter(Boolean)) }),
    text: () => make("input", { type: "text", dir: "auto", placeholder: start, oninput: (event) => ui.set(row.name, event.target.value) }),
  };
  const input = inputs[row.kind]();
  if (row.kind === "choice") fill(input, row.choices, "", row.default === null ? "default" : `default: ${row.default}`);
  input.title = row.hint;
  const el = labelled(row.label, input);
  el.dataset.option = row.name;
  el.dataset.kind = row.kind;
  el.dataset.when = row.when;
  el.dataset.default = JSON.stringify(row.default);
  return el;
}

/** Shows a control's value, and hides it while it means nothing. */
function refresh(ui, el) {
  const input = el.querySelector("input, select, textarea"), value = ui.form.values[el.dataset.option];
  const form = ui.form.values.output_format ?? ui.controls().defaults?.output_format ?? "png";
  const edits = ui.form.task === "edit";
  const shown = {
    cutout: ["cut-out", "two backdrops"].includes(ui.form.background), edit: edits, mask: edits && ui.masked(),
    compressed: ["jpeg", "webp"].includes(form), gif: form === "gif", svg: form === "svg",
  };
  el.hidden = el.dataset.when in shown && !shown[el.dataset.when];
  if (input === el.getRootNode().activeElement) return;
  if (el.dataset.kind === "flag") input.checked = value === undefined ? Boolean(JSON.parse(el.dataset.default)) : value === true;
  else input.value = Array.isArray(value) ? value.join("\n") : value ?? "";
}

/** The prompt's labelled fields: added one by one, so that the form stays short. Gives { el, add, update }. */
function promptFields(ui) {
  const add = make("select", { "aria-label": "add a prompt field", onchange: (event) => open(event.target.value) });
  const el = make("div", { class: "igp-fields" });
  const shown = new Set();
  const open = (name) => {
    shown.add(name);
    update();
    el.querySelector(`[data-option="${name}"]`)?.querySelector("input, select, textarea").focus();
  };
  const update = () => {
    const fields = ui.controls().fields ?? [];
    for (const { name } of fields) if (ui.form.values[name] !== undefined) shown.add(name);
    for (const field of fields)
      if (shown.has(field.name) && !el.querySelector(`[data-option="${field.name}"]`))
        el.append(control(ui, { ...field, default: null, group: "", when: "" }));
    for (const row of el.querySelectorAll("[data-option]")) refresh(ui, row);
    add.replaceChildren(make("option", { value: "" }, "+ Field"), ...fields.filter(({ name }) => !shown.has(name)).map(({ name, label }) => make("option", { value: name }, label)));
    add.value = "";
  };
  return { el, add, update };
}
