// The way to the kernel: messages out and their acknowledgements, what state the kernel is in, images by message.

const PATIENCE = 600; // milliseconds without an answer after which the kernel counts as busy
const LOST = 5000; // milliseconds that an idle kernel may leave a message without an answer
const POLL = 500;
const PART = 2e6; // bytes of an upload's part: a message above about 10 MB never arrives, and nobody is reply
const GREETINGS = [0, 400, 1500, 4000]; // milliseconds after which the kernel is greeted
const AT_ONCE = 4; // images asked for in one message

/**
 * Gives { send, image, upload, on, state, id, destroy }. `state()` is ready, busy or gone.
 * `onMessage(message, buffers)` is called with each message; `turned()` after a change of state.
 */
function link(model, { onMessage, turned }) {
  const id = unique("view");
  const pending = new Map();
  const images = new Map();
  let number = 0, state = "ready", why = "", polling = 0, wanted = [], asking = false;

  const become = (next, reason = "") => {
    if (state === "gone" || (state === next && why === reason)) return;
    state = next;
    why = reason;
    turned();
  };
  const send = (what, more = {}, buffers = []) => {
    if (state === "gone") return 0;
    const n = ++number;
    try {
      model.send({ do: what, n, by: id, ...more }, undefined, buffers);
    } catch {
      become("gone", "the kernel was restarted");
      return 0;
    }
    pending.set(n, { what, timer: setTimeout(() => late(n), PATIENCE) });
    return n;
  };
  /** No answer: the kernel is busy; or it is idle and does not know this panel any more. */
  const late = (n, waited = 0) => {
    if (!pending.has(n)) return;
    const idle = model.widget_manager?.kernel?.status === "idle";
    if (idle && waited >= LOST) return become("gone", "the kernel was restarted");
    become("busy");
    pending.get(n).timer = setTimeout(() => late(n, idle ? waited + PATIENCE : 0), PATIENCE);
  };
  const answered = (n) => {
    clearTimeout(pending.get(n)?.timer);
    const { what } = pending.get(n) ?? {};
    pending.delete(n);
    if (what === "images") (asking = false), ask();
    if (state === "busy" && ![...pending.keys()].some((other) => other < number)) become("ready");
    if (state === "busy" && !pending.size) become("ready");
    turned();
  };
  const message = (reply, buffers) => {
    if (reply.images) received(reply.images, buffers);
    onMessage(reply, buffers ?? []);
    if (reply.done) answered(reply.done);
  };

  // images: asked for a few at a time, kept as addresses
  const received = (found, buffers) => {
    for (const { id: name, edge, mime, at, why: reason } of found) {
      const entry = images.get(`${edge} ${name}`);
      if (!entry) continue;
      const address = mime ? URL.createObjectURL(new Blob([buffers[at]], { type: mime })) : null;
      entry.address = address;
      entry.resolve(address);
      if (!address) images.delete(`${edge} ${name}`), (entry.why = reason);
    }
  };
  const ask = () => {
    if (asking || !wanted.length) return;
    asking = true;
    const want = wanted.splice(0, AT_ONCE);
    if (!send("images", { want })) asking = false;
  };
  /** The address of an image, or null; `again` asks anew, for one that changes. */
  const image = (name, edge, again = false) => {
    const key = `${edge} ${name}`;
    if (again && images.has(key)) {
      const old = images.get(key).address;
      images.delete(key);
      setTimeout(() => old && URL.revokeObjectURL(old), 5000);
    }
    if (!images.has(key)) {
      const entry = {};
      entry.promise = new Promise((resolve) => (entry.resolve = resolve));
      images.set(key, entry);
      edge > 400 ? wanted.unshift({ id: name, edge }) : wanted.push({ id: name, edge });
      queueMicrotask(ask);
    }
    return images.get(key).promise;
  };

  // uploads: in parts, each acknowledged
  const uploads = new Map();
  const upload = async (file, progress) => {
    const key = unique("upload");
    const data = await file.arrayBuffer();
    const count = Math.max(1, Math.ceil(data.byteLength / PART));
    for (let part = 0; part < count; part++) {
      const answer = new Promise((resolve) => uploads.set(key, resolve));
      const piece = new DataView(data.slice(part * PART, (part + 1) * PART));
      if (!send("upload", { id: key, name: file.name, last: part === count - 1 }, [piece])) return { error: "no kernel" };
      const reply = await answer;
      progress((part + 1) / count);
      if (reply.uploaded) return reply;
    }
    return { error: "the upload ended early" };
  };
  const forUploads = (reply) => {
    const key = reply.got ?? reply.uploaded;
    if (key && uploads.has(key)) uploads.get(key)(reply);
  };

  /** Asks for the state while something runs; the kernel sends nothing that it was not asked for. */
  const poll = (needed) => {
    clearTimeout(polling);
    if (!needed || state === "gone") return;
    polling = setTimeout(() => {
      if (![...pending.values()].some(({ what }) => what === "poll")) send("poll");
      poll(true);
    }, POLL);
  };

  const custom = (reply, buffers) => {
    forUploads(reply);
    message(reply, buffers);
  };
  const releases = [watchKernel(model, become)];
  model.on("msg:custom", custom);
  // The front end opens the panel's subshell a moment after the panel; the kernel answers there from the first message
  // on that came from it. Greeted a few times, it answers while a cell runs before anybody has clicked.
  const greetings = GREETINGS.map((wait) => setTimeout(() => send(wait ? "poll" : "hello"), wait));
  return {
    id, send, image, upload, poll,
    state: () => state,
    why: () => why,
    waiting: (what) => [...pending.values()].some((entry) => entry.what === what),
    destroy: () => {
      clearTimeout(polling);
      greetings.forEach(clearTimeout);
      for (const { timer } of pending.values()) clearTimeout(timer);
      model.off("msg:custom", custom);
      releases.forEach((release) => release());
      for (const { address } of images.values()) if (address) URL.revokeObjectURL(address);
    },
  };
}

/** Follows the kernel, if the front end lets us see it: restart and death close no widget, so nobody else would tell. */
function watchKernel(model, become) {
  const kernel = model.widget_manager?.kernel;
  const lost = () => {
    if (model.comm_live === false) become("gone", "the kernel was restarted");
  };
  const status = (_, value) => {
    if (["restarting", "autorestarting", "starting"].includes(value)) become("gone", "the kernel was restarted");
    if (["dead", "terminating"].includes(value)) become("gone", "the kernel has ended");
  };
  model.on?.("comm_live_update", lost);
  kernel?.statusChanged?.connect?.(status);
  return () => {
    model.off?.("comm_live_update", lost);
    kernel?.statusChanged?.disconnect?.(status);
  };
}
