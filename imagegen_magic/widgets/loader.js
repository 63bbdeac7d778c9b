// The page's source comes as a message: notebooks save widget state, and would hold it once for every widget.

const sources = (globalThis.imagegenSources ??= new Map()); // by digest: a second widget of a page needs no message

const moduleOf = async (code) => {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    return (await import(address)).default;
  } finally {
    URL.revokeObjectURL(address);
  }
};

/** The page's module and style sheet, asked of the kernel if no widget of this page has them yet. */
function sourceOf(model) {
  const digest = model.get("page");
  if (sources.has(digest)) return sources.get(digest);
  return new Promise((resolve, reject) => {
    const message = async (reply, buffers) => {
      if (reply.page !== digest) return;
      model.off("msg:custom", message);
      const [code, style] = buffers.map((data) => new TextDecoder().decode(data));
      sources.set(digest, { page: await moduleOf(code), style });
      resolve(sources.get(digest));
    };
    model.on("msg:custom", message);
    try {
      model.send({ page: digest });
    } catch (error) {
      reject(error);
    }
  });
}

async function render({ model, el, signal }) {
  const note = document.createElement("p");
  note.setAttribute("role", "status");
  const soon = setTimeout(() => (note.textContent = "This opens when the kernel answers. Was it restarted? Then run the cell again."), 600);
  el.append(note);
  let source;
  try {
    source = await sourceOf(model);
  } catch {
    note.textContent = "The kernel does not know this widget any more: run its cell again.";
    return undefined;
  } finally {
    clearTimeout(soon);
  }
  if (signal?.aborted) return undefined;
  const sheet = document.createElement("style");
  sheet.textContent = source.style;
  el.replaceChildren(sheet);
  return source.page.render({ model, el, signal });
}

export default { render };
