// Plays the frames of an animation: one stage with keys of its own, and a control for everything that a key does.

const GROUNDS = ["checker", "light", "dark", "own"];
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const SHOWN_EDGE = 320; // CSS pixels that a small frame is enlarged to, at most
const GHOSTS = [[-1, "#e53935"], [1, "#1e88e5"]]; // onion skin: before in red, after in blue

/** CSS width of the stage: pixel art is enlarged by a whole number, so that its pixels stay alike. */
const stageWidth = (width, height, pixelated) =>
  pixelated ? width * Math.max(1, Math.floor(SHOWN_EDGE / Math.max(width, height))) : Math.min(width, SHOWN_EDGE * 1.5);

/** A frame as a faint shape of one colour. */
function ghost(image, colour) {
  const layer = new OffscreenCanvas(image.width, image.height);
  const pen = layer.getContext("2d");
  pen.drawImage(image, 0, 0);
  pen.globalCompositeOperation = "source-atop";
  pen.globalAlpha = 0.6;
  pen.fillStyle = colour;
  pen.fillRect(0, 0, layer.width, layer.height);
  return layer;
}

/** Calls `advance()`, which gives back the next frame's milliseconds or 0 at the end, whenever a frame's time is over. */
function clock(advance) {
  let due = 0, request = 0;
  const tick = (now) => {
    if (now - due > 1000) due = now; // the page was hidden
    while (now >= due) {
      const next = advance();
      if (!next) return;
      due += next;
    }
    request = requestAnimationFrame(tick);
  };
  const stop = () => cancelAnimationFrame(request);
  const start = (first) => {
    stop();
    due = performance.now() + first;
    request = requestAnimationFrame(tick);
  };
  return { start, stop };
}

function render({ model, el }) {
  const durations = model.get("durations"), count = durations.length, title = model.get("title");
  const width = model.get("width"), height = model.get("height"), pixelated = model.get("pixelated");
  let frames = [], frame = Math.min(model.get("frame"), count - 1);

  const save = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const toggle = (name) => save({ frame, [name]: !model.get(name) });
  const wrapped = (number) => (number + count) % count;
  const go = (number) => save({ playing: false, frame: wrapped(number) });
  const chooseGround = (name) => save({ background: name === "own" ? own.value : name });
  const faster = (by) => save({ speed: SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(model.get("speed")) + by))] });

  const button = (attributes, ...children) => make("button", { type: "button", ...attributes }, ...children);
  const choice = (names) => make("select", {}, ...names.map(([value, text]) => make("option", { value }, text)));
  const canvas = make("canvas", { role: "img", "aria-label": `${title}: an animation of ${count} frames, ${width} by ${height} pixels` });
  const stage = make("div", { class: "ig-player-stage", tabindex: "0", role: "group", "aria-label": `${title}: Space plays, arrows step` }, canvas);
  const say = make("div", { class: "ig-say", role: "status" }, "waiting for the frames: they come from the kernel");
  const back = button({ "aria-label": "one frame back", onclick: () => go(frame - 1) }, "‹");
  const play = button({ class: "ig-play", onclick: () => toggle("playing") });
  const on = button({ "aria-label": "one frame on", onclick: () => go(frame + 1) }, "›");
  const slider = make("input", { type: "range", min: "1", max: String(count), step: "1", "aria-label": "frame" });
  const loop = button({ onclick: () => toggle("loops") }, "Loop");
  const onion = button({ title: "the frame before in red, the one after in blue", onclick: () => toggle("onion") }, "Onion skin");
  const speed = choice(SPEEDS.map((times) => [String(times), `${times}×`]));
  const ground = choice(GROUNDS.map((name) => [name, name]));
  const own = make("input", { type: "color", "aria-label": "own background colour", value: "#7f7f7f" });

  const near = (by) => (model.get("loops") ? wrapped(frame + by) : frame + by);
  const draw = () => {
    slider.value = String(frame + 1);
    if (!frames.length) return;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.globalAlpha = 0.5;
    for (const [by, colour] of model.get("onion") ? GHOSTS : []) if (frames[near(by)]) pen.drawImage(ghost(frames[near(by)], colour), 0, 0);
    pen.globalAlpha = 1;
    pen.drawImage(frames[frame], 0, 0);
  };
  const show = () => {
    const playing = model.get("playing"), background = model.get("background"), colour = background.startsWith("#");
    play.textContent = playing ? "Pause" : "Play";
    loop.setAttribute("aria-pressed", String(model.get("loops")));
    onion.setAttribute("aria-pressed", String(model.get("onion")));
    speed.value = String(model.get("speed"));
    ground.value = colour ? "own" : background;
    stage.dataset.ground = ground.value;
    stage.style.backgroundColor = colour ? background : "";
    own.hidden = !colour;
    if (colour) own.value = background;
    // While it plays the text stands still: a screen reader could never finish one that changes with the frames.
    const sentence = `frame ${frame + 1} of ${count}, ${durations[frame]} ms`;
    say.textContent = playing ? `playing ${count} frames in ${durations.reduce((sum, ms) => sum + ms, 0)} ms at 1×` : sentence;
    if (!playing) slider.setAttribute("aria-valuetext", sentence);
    draw();
  };

  const shownFor = () => durations[frame] / model.get("speed");
  const timer = clock(() => {
    if (frame + 1 === count && !model.get("loops")) {
      save({ playing: false, frame });
      return 0;
    }
    frame = wrapped(frame + 1);
    draw();
    return shownFor();
  });
  const run = () => {
    timer.stop();
    if (!model.get("playing") || !frames.length) return show();
    if (!model.get("loops") && frame + 1 === count) frame = 0;
    show();
    return timer.start(shownFor());
  };
  const follow = () => {
    frame = Math.max(0, Math.min(count - 1, model.get("frame")));
    show();
  };
  const message = async (content, buffers) => {
    if (content.fault) say.textContent = content.fault;
    if (!content.frames) return;
    frames = await Promise.all(buffers.map((data) => createImageBitmap(new Blob([data], { type: "image/png" }))));
    [canvas.width, canvas.height] = [frames[0].width, frames[0].height];
    el.classList.add("ig-ready");
    run();
  };

  const act = (key) => {
    if (key === " ") toggle("playing");
    else if (key === "ArrowRight") go(frame + 1);
    else if (key === "ArrowLeft") go(frame - 1);
    else if (key === "Home") go(0);
    else if (key === "End") go(count - 1);
    else if (key === "o") toggle("onion");
    else if (key === "l") toggle("loops");
    else if (key === "b") chooseGround(GROUNDS[(GROUNDS.indexOf(ground.value) + 1) % GROUNDS.length]);
    else if (key === "-") faster(-1);
    else if (key === "+" || key === "=") faster(1);
    else return false;
    return true;
  };
  stage.addEventListener("keydown", (event) => {
    if (!plainKey(event) || !act(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  slider.addEventListener("input", () => go(Number(slider.value) - 1));
  speed.addEventListener("change", () => save({ speed: Number(speed.value) }));
  ground.addEventListener("change", () => chooseGround(ground.value));
  own.addEventListener("input", () => save({ background: own.value }));
  const releases = [stage, slider, speed, ground].map((element) => ownKeys(element));
  const listeners = [["msg:custom", message], ["change:playing", run], ["change:frame", follow],
    ...["speed", "loops", "onion", "background"].map((name) => [`change:${name}`, show])];
  for (const [name, act] of listeners) model.on(name, act);

  Object.assign(canvas.style, { width: `${stageWidth(width, height, pixelated)}px`, aspectRatio: `${width} / ${height}`, imageRendering: pixelated ? "pixelated" : "auto" });
  const tools = (label, ...children) => make("div", { class: "ig-tools", role: "group", "aria-label": label }, ...children);
  el.classList.add("ig-player");
  el.append(stage,
    tools("play", make("div", { class: "ig-group" }, back, play, on), slider, loop, onion),
    tools("view", make("label", {}, "Speed ", speed), make("label", {}, "Background ", ground), own),
    say, make("p", { class: "ig-keys" }, "On the animation: Space plays, arrows step, O onion skin, L loop, B background, - and + speed."));
  if (model.get("playing") && matchMedia("(prefers-reduced-motion: reduce)").matches) save({ playing: false });
  show();
  model.send({ ask: "frames" });
  return () => {
    timer.stop();
    releases.forEach((release) => release());
    for (const [name, act] of listeners) model.off(name, act);
    frames.forEach((image) => image.close());
  };
}

export default { render };
