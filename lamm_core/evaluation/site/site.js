// Benchmark runs side by side, without a server. data/board.js calls LAMM.board, data/samples-*.js call LAMM.samples.
// Words come from models and data sets: only ever set as text.
(() => {
  const at = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  };
  const SVG = "http://www.w3.org/2000/svg";
  const shape = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const words = (value) => (value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));
  const percent = (value) => (value * 100).toFixed(1);

  let board = null;
  let task = null;       // index of the task
  let picked = [];       // indices of series
  let cell = "";
  let find = "";
  let chosen = [];       // indices of samples
  let position = 0;
  const chunks = new Map();   // "task-chunk": samples
  const waiting = new Map();  // "task-chunk": functions

  window.LAMM = {
    board(value) { board = value; begin(); },
    samples(one, chunk, list) {
      chunks.set(`${one}-${chunk}`, list);
      for (const go of waiting.get(`${one}-${chunk}`) || []) go(list);
      waiting.delete(`${one}-${chunk}`);
    },
  };
  const chunk = (number) => new Promise((go) => {
    const name = `${task}-${number}`;
    if (chunks.has(name)) { go(chunks.get(name)); return; }
    const first = !waiting.has(name);
    waiting.set(name, [...(waiting.get(name) || []), go]);
    if (first) document.body.append(make("script", { src: `data/samples-${name}.js` }));
  });
  const sample = async (index) => (await chunk(Math.floor(index / board.chunk)))[index % board.chunk];

  // ---- cells
  const CELLS = { "": "all", both: "both right", a: "only A right", b: "only B right", neither: "neither right", unparsed: "not parsed" };
  const inCell = (name, index) => {
    const current = board.tasks[task];
    const right = picked.map((series) => current.right[series][index]);
    if (right.some((one) => one === null)) return false;
    const [first, second] = [right[0], right.length > 1 ? right[1] : 0];
    if (name === "both") return Boolean(first && second);
    if (name === "a") return Boolean(first && !second);
    if (name === "b") return Boolean(!first && second);
    if (name === "neither") return !first && !second;
    if (name === "unparsed") return picked.some((series) => current.scores[series][index] === null);
    return true;
  };
  const everyIndex = () => board.tasks[task].ids.map((_, index) => index);
  const difference = (index) => {
    const scores = picked.slice(0, 2).map((series) => board.tasks[task].scores[series][index] ?? 0);
    return Math.abs(scores[0] - (scores.length > 1 ? scores[1] : scores[0]));
  };
  const filter = async () => {
    let found = everyIndex().filter((index) => inCell(cell, index));
    if (find) {
      const kept = [];
      for (const index of found) {
        const one = await sample(index);
        const text = [one.id, one.prompt, words(one.target), ...one.answers.map((answer) => answer?.text ?? "")].join("\n");
        if (text.toLowerCase().includes(find)) kept.push(index);
      }
      found = kept;
    }
    chosen = found.sort((one, other) => difference(other) - difference(one) || one - other);
    position = 0;
    draw();
  };

  // ---- drawing
  const LETTERS = "ABCDEF";
  const who = (number) => ["a", "b"][number] || "other";
  const drawBoard = () => {
    const current = board.tasks[task];
    const all = [...current.metrics.map((metric) => metric.name), ...current.rows.flatMap((row) => Object.keys(row.values))];
    const names = [...new Set(all)].filter((name) => current.rows.some((row) => name in row.values));
    const higher = new Map(current.metrics.map((metric) => [metric.name, metric.higher_is_better]));
    const value = (row, name) => {
      const number = row.values[name];
      if (number === null || number === undefined) return "–";
      const told = higher.get(name) === false ? (one) => one.toFixed(2) : percent;
      const ends = row.intervals?.[name];
      return told(number) + (ends ? ` (${told(ends[0])}–${told(ends[1])})` : "");
    };
    document.querySelector("#board thead").replaceChildren(make("tr", {}, ...["Model", "How", "n", ...names, "Unparsed"].map((name) => make("th", { scope: "col", textContent: name }))));
    document.querySelector("#board tbody").replaceChildren(...current.rows.map((row) => make("tr", { className: row.kind === "quoted" ? "quoted" : "" },
      make("th", { scope: "row", textContent: row.title }), make("td", { textContent: row.kind }), make("td", { textContent: row.n ?? "–" }),
      ...names.map((name) => make("td", { textContent: value(row, name) })),
      make("td", { textContent: row.unparsed === null || row.unparsed === undefined ? "–" : `${percent(row.unparsed)} %` }))));
    at("series").replaceChildren(...current.series.map((series, index) => {
      const place = picked.indexOf(index);
      const button = make("button", { type: "button", className: place < 0 ? "" : who(place) },
        make("b", { textContent: place < 0 ? "" : LETTERS[place] }), `${series.title}${series.baseline ? `, ${series.baseline}` : ""} · ${series.run}`);
      button.setAttribute("aria-pressed", String(place >= 0));
      button.addEventListener("click", () => {
        picked = place >= 0 ? picked.filter((one) => one !== index) : [...picked, index].slice(-LETTERS.length);
        cell = "";
        drawBoard();
        filter();
      });
      return make("li", {}, button);
    }));
  };
  const drawCells = () => {
    const several = picked.length > 1;
    const names = Object.keys(CELLS).filter((name) => several || !["both", "b"].includes(name));
    at("cells").hidden = !picked.length;
    at("steps").hidden = !picked.length;
    at("cells").replaceChildren(...names.map((name) => {
      const count = everyIndex().filter((index) => inCell(name, index)).length;
      const told = several ? CELLS[name] : { a: "right", neither: "wrong" }[name] || CELLS[name];
      const button = make("button", { type: "button" }, make("b", { textContent: String(count) }), ` ${told}`);
      button.setAttribute("aria-pressed", String(name === cell));
      button.addEventListener("click", () => { cell = name; filter(); });
      return button;
    }));
  };
  const marks = (one, view) => {
    const groups = [["truth", "truth", one.truth], ...picked.map((series, number) => [who(number), LETTERS[number], one.answers[series] || {}])];
    const drawn = [];
    for (const [kind, letter, holder] of groups) {
      for (const box of holder.boxes || []) {
        const place = view ? inView(box.box, view) : box.box;
        if (!Array.isArray(place) || place.length !== 4 || !place.every(Number.isFinite)) continue;
        const [left, top, right, bottom] = place.map((number) => number * 1000);
        drawn.push([shape("rect", { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top), class: kind }),
          make("span", { className: kind, textContent: `${letter}${box.label ? `: ${box.label}` : ""}` }), left, kind === "truth" ? top : bottom]);
      }
      for (const point of holder.points || []) {
        const place = Array.isArray(point) ? point : point?.point;
        if (view || !Array.isArray(place) || place.length !== 2 || !place.every(Number.isFinite)) continue;
        drawn.push([shape("path", { d: `M${place[0] * 1000} ${place[1] * 1000}h0.01`, class: `${kind} dot` }),
          make("span", { className: kind, textContent: letter }), place[0] * 1000, place[1] * 1000]);
      }
    }
    return drawn;
  };
  const inView = (box, { axes, low, high }) => {
    if (!Array.isArray(box) || box.length !== 6) return null;
    const share = (axis, metres) => (metres - low[axis]) / (high[axis] - low[axis]);
    const [across, up] = axes;
    return [share(0, box[across] - box[across + 3] / 2), 1 - share(1, box[up] + box[up + 3] / 2),
      share(0, box[across] + box[across + 3] / 2), 1 - share(1, box[up] - box[up + 3] / 2)];
  };
  const picture = (file, width, height, drawn, title) => {
    const svg = shape("svg", { viewBox: "0 0 1000 1000", preserveAspectRatio: "none" });
    svg.append(...drawn.map(([mark]) => mark));
    const labels = drawn.map(([, tag, left, top]) => {
      tag.style.left = `${Math.min(100, Math.max(0, left / 10))}%`;
      tag.style.top = `${Math.min(100, Math.max(0, top / 10))}%`;
      return tag;
    });
    const frame = make("div", { className: "frame" }, make("img", { src: file, alt: title, className: Math.max(width, height) < 200 ? "crisp" : "" }), svg, ...labels);
    frame.style.setProperty("--ratio", width / height);
    return make("figure", {}, frame, make("figcaption", { textContent: title }));
  };
  const stage = (one) => {
    const media = one.media;
    if (!media) return [make("p", { textContent: "This question is about no picture." })];
    if (media.kind === "missing") return [make("p", { textContent: `${media.name} was not there when this was made.` })];
    if (media.kind === "cloud") return media.views.map((view) => picture(view.file, view.width, view.height, marks(one, view), `${media.name}, ${view.title.toLowerCase()}`));
    return [picture(media.file, media.width, media.height, marks(one, null), media.name)];
  };
  const field = (name, value) => [make("dt", { textContent: name }), make("dd", { textContent: value })];
  const verdict = (answer) => {
    if (["failed", "broken"].includes(answer.extraction)) return "no answer; counted apart";
    return answer.score === null ? "not parsed; counted apart" : `score ${Number(answer.score.toFixed(2))}`;
  };
  const draw = async () => {
    drawCells();
    at("place").textContent = chosen.length ? `${position + 1} of ${chosen.length}` : "no sample";
    if (!picked.length || !chosen.length) { at("stage").replaceChildren(); at("answers").replaceChildren(); return; }
    const index = chosen[position];
    const one = await sample(index);
    if (index !== chosen[position]) return;
    at("stage").replaceChildren(...stage(one));
    at("answers").replaceChildren(
      make("div", { className: "asked" }, make("p", { className: "words", textContent: one.prompt }),
        make("dl", {}, ...field("truth", words(one.target)), ...field("sample", one.id))),
      ...picked.map((series, number) => {
        const answer = one.answers[series];
        const name = board.tasks[task].series[series];
        return make("article", { className: who(number) },
          make("header", {}, make("b", { textContent: LETTERS[number] }), ` ${name.title}${name.baseline ? `, ${name.baseline}` : ""} `, make("span", { textContent: answer ? verdict(answer) : "" })),
          make("p", { className: "words", textContent: answer ? answer.text || "(no words)" : "not in this run" }),
          ...(answer ? [make("dl", {}, ...field("read as", words(answer.parsed) || "nothing"), ...field("by", answer.extraction), ...field("because", answer.reason))] : []));
      }));
  };

  const own = (index) => {
    const all = board.tasks[index].series.map((_, number) => number);
    return [...all.filter((number) => !board.tasks[index].series[number].baseline), ...all.filter((number) => board.tasks[index].series[number].baseline)];
  };
  const step = (by) => { position = Math.min(chosen.length - 1, Math.max(0, position + by)); draw(); };
  const open = (index) => { task = index; picked = own(index).slice(0, 2); cell = ""; drawBoard(); filter(); };
  function begin() {
    document.title = board.title;
    document.querySelector("h1").textContent = board.title;
    at("task").replaceChildren(...board.tasks.map((one, index) => make("option", { value: String(index), textContent: one.title })));
    at("task").addEventListener("change", () => open(Number(at("task").value)));
    let typed = null;
    at("find").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(() => { find = at("find").value.trim().toLowerCase(); filter(); }, 250); });
    document.querySelectorAll("[data-by]").forEach((button) => button.addEventListener("click", () => step(Number(button.dataset.by))));
    document.addEventListener("keydown", (event) => {
      if (event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "ArrowLeft") step(-1);
      if (event.key === "ArrowRight") step(1);
    });
    open(0);
  }
})();
