// What the text of a cell means to %%imagegen: where its head ends, which words are flags, what is filled in.
// Pure functions of text; nothing here knows an editor. Positions count UTF-16 units from the cell's start.

const MAGIC = /^(?:\s*\n)?[ \t]*%%(imagegen(?:_edit|_batch|_sprites)?)(?=[ \n]|$)/; // IPython ends the name at a blank only
const COMMANDS = { imagegen: "generate", imagegen_edit: "edit", imagegen_batch: "batch", imagegen_sprites: "sprites" };
const DASHES = "-\u2010-\u2015\u2212"; // typographic ones too, as a word processor makes them of two hyphens
const WORD = new RegExp(`^([${DASHES}]*)([A-Za-z][\\w-]*)(?:([=:])(.*))?$`, "s");
const SPELLING = "a flag has two dashes, one before a single letter, and its value after a blank";

/**
 * "generate", "edit", "batch" or "sprites" for a cell of ours; null for any other. A cell magic is the first line of a cell:
 * IPython drops empty lines above it, and its indentation.
 */
export function commandOf(text) {
  return COMMANDS[MAGIC.exec(text)?.[1]] ?? null;
}

/** The position where the prompt begins: after the first line, and those below it that go on with its flags. */
export function bodyStart(text, flags) {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.trim());
  let count = first + 1;
  const isRaw = () => /(^|\s)--raw(\s|$)/.test(lines.slice(first, count).join("\n")); // what follows is sent as it is typed
  const goesOn = () => /\\\s*$/.test(lines[count - 1]) || (!isRaw() && isFlagLine(lines[count], known(text, flags)));
  while (count < lines.length && goesOn()) count += 1;
  return lines.slice(0, count).join("\n").length;
}

/** `flags.json` as this file reads it: command to its flags, and below `hints` to its hints. There each stands once, for all cells or `only` some. */
export function unfold({ flags, hints }) {
  const of = (facts, magic, command) => {
    const said = Object.entries(facts).map(([name, { every, only = [command], ...own }]) => [name, own[command] ?? (only.includes(command) ? every : null)]);
    return Object.fromEntries(said.filter(([, its]) => its).map(([name, its]) => [name, its.replace?.("{cell}", `%%${magic}`) ?? its]));
  };
  const all = { hints: {} };
  for (const [magic, command] of Object.entries(COMMANDS)) {
    all[command] = of(flags, magic, command);
    all.hints[command] = of(hints, magic, command);
  }
  return all;
}

/** The flags of a cell's command, and the hints for words that are none. */
function known(text, flags) {
  const command = commandOf(text);
  return { flags: flags[command], hints: flags.hints[command] };
}

/** Whether a line goes on with flags; behind a typographic dash only with one that there is: else it is speech. */
function isFlagLine(line, { flags, hints }) {
  const word = line.trim().split(/\s/)[0];
  return /^--?[a-z]/i.test(word) || (/^[\u2012-\u2015\u2212]/.test(word) && Boolean(respelled(word, flags) || hints[bare(word)]));
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
  const end = bodyStart(text, flags);
  return [...headMarks(text.slice(0, end), known(text, flags)), ...bodyMarks(text.slice(end), end, command)];
}

function headMarks(head, known) {
  const [magic, ...rest] = words(head);
  const found = [{ ...magic, kind: "magic" }];
  let owner = null, last = "";
  for (const word of rest) {
    const isGrid = last === "--grid" && /^[a-z][\w-]*=/i.test(word.text); // its parts stand one after the other
    if (isFlag(word.text, known) || (!owner?.metavar && !isGrid && respelled(word.text, known.flags))) {
      owner = markFlag(word, known, found);
      last = word.text;
    } else {
      found.push({ from: word.from, to: word.to, kind: owner?.metavar || isGrid ? "value" : "name" });
      owner = null;
    }
  }
  return found;
}

/** Whether a word of the head is meant as a flag. */
function isFlag(word, { flags, hints }) {
  if (/^-\D/.test(word)) return word !== "--";
  return new RegExp(`^[${DASHES}]`).test(word) && Boolean(respelled(word, flags) || hints[bare(word)]);
}

const bare = (word) => word.split(/[=:]/)[0].replace(new RegExp(`^[${DASHES}]+`), "").replaceAll("_", "-");

/** The flag that a word stands for in another spelling (`-size`, `size=square`, `—size`); null for a flag as it should be, and for what is none. */
function respelled(word, flags) {
  const [, dashes, name, sign] = WORD.exec(word) ?? [];
  if (!name || !(dashes || sign)) return null;
  const flag = name.length === 1 ? `-${name}` : `--${name.toLowerCase().replaceAll("_", "-")}`;
  return flag in flags && !(dashes + name in flags && sign !== ":") ? flag : null;
}

/** Marks one flag, and a value that is joined to it; returns the flag's facts, which say if the next word is its value, or null. */
function markFlag(word, { flags, hints }, found) {
  const meant = respelled(word.text, flags);
  const head = word.text.split(meant ? /[=:]/ : "=")[0];
  const short = !meant && /^-[^-]/.test(word.text) ? word.text.slice(0, 2) : head;
  const facts = meant ? null : flags[short];
  const to = word.from + (facts ? short : head).length;
  const title = facts ? facts.help : meant ? `${SPELLING}: ${meant}` : hints[bare(head)] ?? hint(head, Object.keys(flags));
  found.push({ from: word.from, to, kind: facts ? "flag" : "unknown", title });
  if (to === word.to) return facts ?? flags[meant] ?? { metavar: "what an unknown flag may want" };
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
