// One sample of the benchmark: the picture with everybody's boxes, the question, the answers word by word.
// Does not know runs nor filters; that is bench.js. Words come from data and models: only ever set as text.
(() => {
  const lamm = window.lamm;
  const SVG = "http://www.w3.org/2000/svg";
  const make = (...parts) => lamm.make(...parts);
  const shape = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const NAMES = { truth: "Truth", a: "A", b: "B", other: "Others" };

  lamm.benchStage = (element, props, watch, wantExample) => {
    const root = element.querySelector(".look");
    const image = root.querySelector("img");
    const frame = root.querySelector(".look-picture");
    const svg = root.querySelector("svg");
    const labels = root.querySelector(".look-labels");
    const layers = root.querySelector(".look-layers");
    const hidden = new Set();
    const viewer = () => window.lammViewers?.get("bench-cloud");

    const mark = ({ who, letter, label, place }) => {
      const group = shape("g", { class: who });
      const [x, y] = place.map((number) => number * 1000);
      const tag = make("span", { className: who, textContent: label ? `${letter}: ${label}` : letter });
      if (place.length === 4) {
        const box = { x, y, width: (place[2] - place[0]) * 1000, height: (place[3] - place[1]) * 1000 };
        group.append(shape("rect", { ...box, class: "casing" }), shape("rect", { ...box, class: "mark" }));
        const corner = { truth: [place[0], place[1]], a: [place[0], place[3]], b: [place[2], place[3]] }[who] || [place[2], place[1]];
        tag.style.left = `${Math.min(1, Math.max(0, corner[0])) * 100}%`;
        tag.style.top = `${Math.min(1, Math.max(0, corner[1])) * 100}%`;
        if (who === "truth" && place[1] < 0.07) tag.classList.add("inside");
        if (who !== "truth" && place[3] > 0.93) tag.classList.add("inside");
      } else {
        const dot = { d: `M${x} ${y}h0.01` };
        group.append(shape("path", { ...dot, class: "casing dot" }), shape("path", { ...dot, class: "mark dot" }));
        tag.classList.add("point");
        tag.style.left = `${place[0] * 100}%`;
        tag.style.top = `${place[1] * 100}%`;
      }
      return [group, tag];
    };
    const drawMarks = () => {
      const value = props.value || {};
      const marks = (value.marks || []).filter((one) => !hidden.has(one.who));
      const drawn = marks.map(mark);
      svg.replaceChildren(...drawn.map(([group]) => group));
      labels.replaceChildren(...drawn.map(([, tag]) => tag));
      root.toggleAttribute("data-crowded", marks.length > 24);
      if (value.kind === "cloud") {
        const boxes = (value.space || []).filter((one) => !hidden.has(one.kind));
        const view = viewer();
        if (view?.value?.url) view.show({ ...view.value, boxes });
      }
    };
    const drawLayers = () => {
      const value = props.value || {};
      const counts = new Map();
      for (const one of value.kind === "cloud" ? (value.space || []).map((box) => box.kind) : (value.marks || []).map((one) => one.who)) {
        counts.set(one, (counts.get(one) || 0) + 1);
      }
      layers.replaceChildren(...Object.keys(NAMES).filter((who) => counts.has(who)).map((who) => {
        const button = make("button", { type: "button", className: who }, make("i"), `${NAMES[who]} ${counts.get(who)}`);
        button.setAttribute("aria-pressed", String(!hidden.has(who)));
        button.title = "Boxes and points on or off";
        button.addEventListener("click", () => {
          if (!hidden.delete(who)) hidden.add(who);
          drawLayers();
          drawMarks();
        });
        return button;
      }));
    };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button?.dataset.do === "example") { button.disabled = true; wantExample(); setTimeout(() => { button.disabled = false; }, 3000); }
      if (button?.dataset.do === "marks") {
        const all = [...layers.querySelectorAll("button")];
        const off = all.some((one) => one.getAttribute("aria-pressed") === "true");
        for (const who of Object.keys(NAMES)) { if (off) hidden.add(who); else hidden.delete(who); }
        drawLayers();
        drawMarks();
      }
    });
    const draw = () => {
      const value = props.value || {};
      root.dataset.kind = value.kind || "empty";
      if (value.kind === "picture") {
        if (image.getAttribute("src") !== value.source) image.src = value.source;
        frame.style.setProperty("--ratio", value.width / value.height);
        image.classList.toggle("crisp", Math.max(value.width, value.height) < 200);
      } else image.removeAttribute("src");
      image.alt = value.name || "";
      root.querySelector(".look-told").textContent = value.told || "";
      root.querySelector(".look-name").textContent = value.name ? (value.width ? `${value.name} · ${value.width} × ${value.height}` : value.name) : "";
      root.querySelector(".look-note").textContent = value.note || "";
      drawLayers();
      drawMarks();
    };
    watch("value", draw);
    draw();
    new MutationObserver(drawMarks).observe(document.querySelector("#bench-stage") || element, { childList: true });
  };

  // ---- the answers
  lamm.benchAnswers = (element, props, watch) => {
    const root = element.querySelector(".answers");
    const field = (name, words, className = "") => [make("dt", { textContent: name }), make("dd", { className, textContent: words })];
    const card = (one) => {
      const text = make("p", { className: "answer-text" });
      if (one.empty) text.append(make("em", { textContent: "(no words)" }));
      else text.append(...one.pieces.map((piece) => (piece.only ? make("ins", { textContent: piece.text }) : piece.text)));
      const list = make("dl");
      list.append(...field("read as", one.parsed === "" ? "nothing" : one.parsed, one.parsed === "" ? "odd" : ""));
      if (one.extraction) list.append(...field("by", one.extraction));
      list.append(...field("because", one.reason || "no reason given"));
      return make("article", { className: `answer ${one.who}` },
        make("header", {}, make("b", { className: "letter", textContent: one.letter }), make("span", { className: "title", textContent: one.title }),
          make("span", { className: `state ${one.state}`, textContent: one.verdict })),
        text, list, make("small", { textContent: one.facts }));
    };
    const draw = () => {
      const value = props.value || {};
      root.hidden = !value.id;
      if (!value.id) { root.replaceChildren(); return; }
      const asked = make("div", { className: "asked" },
        make("p", { className: "prompt", textContent: value.prompt || "(no prompt)" }),
        make("dl", {}, ...field("truth", value.target === "" ? "none given" : value.target, "target"),
          ...field("sample", value.id), ...(value.group ? field("group", value.group) : []), ...(value.source ? field("from", value.source) : [])));
      root.style.setProperty("--columns", Math.min(3, value.answers.length));
      root.replaceChildren(asked, ...value.answers.map(card));
      root.scrollTop = 0;
    };
    watch("value", draw);
    draw();
  };
})();
