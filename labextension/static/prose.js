// What the text of a cell means to %%imagegen: where its head ends, which words are flags, what is filled in.
// Pure functions of text; nothing here knows an editor. Positions count UTF-16 units from the cell's start.

const MAGIC = /^%%(imagegen(?:_edit|_batch|_sprites)?)(?=\s|$)/;
const COMMANDS = { imagegen: "generate", imagegen_edit: "edit", imagegen_batch: "batch", imagegen_sprites: "sprites" };

/** "generate", "edit", "batch" or "sprites" for a cell of ours; null for any other. A cell magic is the cell's first line. */
export function commandOf(text) {
  return COMMANDS[MAGIC.exec(text)?.[1]] ?? null;
}

/** The position where the prompt begins: the first line, and those after it that go on with its flags. */
export function bodyStart(text) {
  const lines = text.split("\n");
  let count = 1;
  while (count < lines.length && (/\\\s*$/.test(lines[count - 1]) || /^\s*--?[a-z]/i.test(lines[count]))) count += 1;
  return lines.slice(0, count).join("\n").length;
}

/** The words of `text` as the magic line is split: quotes group, and `{{ … }}` is one piece. */
export function words(text, offset = 0) {
  const found = [];
  const word = /(?:\{\{.*?\}\}|"[^"]*"?|'[^']*'?|[^\s"'])+/gs;
  for (const match of text.matchAll(word)) {
    if (match[0] !== "\\") found.push({ text: match[0], from: offset + match.index, to: offset + match.index + match[0].length });
  }
  return found;
}

/**
 * The marks of a cell: `{from, to, kind, title}`, in order and without overlap. `kind` is magic, name, flag, unknown,
 * value, variable or json; `title` is what a pointer over it shows.
 */
export function marks(text, flags) {
  const command = commandOf(text);
  if (command === null) return [];
  const end = bodyStart(text);
  return [...headMarks(text.slice(0, end), flags[command]), ...bodyMarks(text.slice(end), end, command)];
}

function headMarks(head, known) {
  const [magic, ...rest] = words(head);
  const found = [{ ...magic, kind: "magic" }];
  let owner = null;
  for (const word of rest) {
    if (/^-\D/.test(word.text)) {
      owner = markFlag(word, known, found);
    } else {
      found.push({ from: word.from, to: word.to, kind: owner?.metavar ? "value" : "name" });
      owner = null;
    }
  }
  return found;
}

/** Marks one flag, and a value that is joined to it; returns the flag's facts, which say if the next word is its value, or null. */
function markFlag(word, known, found) {
  const flag = /^-[^-]/.test(word.text) ? word.text.slice(0, 2) : word.text.split("=")[0];
  const facts = known[flag];
  const to = word.from + (facts ? flag.length : word.text.split("=")[0].length);
  const kind = facts ? "flag" : "unknown";
  found.push({ from: word.from, to, kind, title: facts ? facts.help : hint(word.text.split("=")[0], Object.keys(known)) });
  if (to === word.to) return facts ?? { metavar: "what an unknown flag may want" };
  found.push({ from: to, to: word.to, kind: "value" });
  return null;
}

function bodyMarks(body, offset, command) {
  const piece = command === "batch" ? /\{\{.*?\}\}|^[ \t]*\{.*\}[ \t]*$/gm : /\{\{.*?\}\}/g;
  return [...body.matchAll(piece)].map((match) => ({
    from: offset + match.index,
    to: offset + match.index + match[0].length,
    kind: match[0].startsWith("{{") ? "variable" : "json",
  }));
}

/** What the error card says about a flag that does not exist. */
export function hint(word, known) {
  const near = closest(word, known);
  return near.length ? `no such option: did you mean ${near.join(" or ")}?` : "no such option: %imagegen --help lists them";
}

/** At most two of `known` that are like `word`, as Python's difflib.get_close_matches(word, known, n=2, cutoff=0.7). */
export function closest(word, known) {
  return known
    .map((flag) => ({ flag, score: (2 * matching(flag, word)) / (flag.length + word.length) }))
    .filter((each) => each.score >= 0.7)
    .sort((a, b) => b.score - a.score || (a.flag < b.flag ? 1 : -1))
    .slice(0, 2)
    .map((each) => each.flag);
}

/** How many characters of two words match: the longest common piece, then the same to its left and right. */
function matching(a, b) {
  let [length, atA, atB] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    for (let j = 0; j < b.length; j += 1) {
      let run = 0;
      while (i + run < a.length && a[i + run] === b[j + run]) run += 1;
      if (run > length) [length, atA, atB] = [run, i, j];
    }
  }
  if (length === 0) return 0;
  return length + matching(a.slice(0, atA), b.slice(0, atB)) + matching(a.slice(atA + length), b.slice(atB + length));
}
