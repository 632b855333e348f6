// The benchmark tab: the leaderboard, the cells and filters, the verdict, the link that brings the view back.
// Does not know how a sample is drawn; that is bench_sample.js. Words come from runs and models: only ever set as text.
(() => {
  const lamm = window.lamm;
  const make = (...parts) => lamm.make(...parts);

  // ---- the address bar says what is seen while this tab is, so that a reload and a copied link bring it back
  let query = "";
  let arrived = new URLSearchParams(location.search).get("tab") !== "benchmark";  // the program reads the link first
  const isOpen = () => Boolean(document.querySelector("#bench-tab")?.getClientRects().length);
  const address = () => `${location.origin}${location.pathname}${query ? `?${query}` : ""}`;
  const showAddress = () => {
    if (!arrived) return;
    const wanted = isOpen() && query ? `?${query}` : "";
    const other = new URLSearchParams(location.search);
    if (!wanted && other.get("tab") !== "benchmark") return;
    if (location.search !== wanted) history.replaceState(history.state, "", location.pathname + wanted + location.hash);
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#tabs [role=tab]")) setTimeout(showAddress, 50);
  });
  const openTab = () => {
    const tab = [...document.querySelectorAll("#tabs [role=tab]")].find((one) => one.textContent.trim() === "Benchmark");
    if (!tab) return setTimeout(openTab, 50);
    if (tab.getAttribute("aria-selected") !== "true") tab.click();
    return null;
  };
  if (new URLSearchParams(location.search).get("tab") === "benchmark") {
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", openTab);
    else openTab();
  }

  // ---- the leaderboard and the runs that go on
  lamm.benchBoard = (element, props, watch, { choose, act }) => {
    const root = element.querySelector(".board");
    const select = root.querySelector(".board-task select");
    const metric = root.querySelector(".board-metric select");
    const rows = root.querySelector(".board-rows");
    const live = root.querySelector(".board-live");
    const problems = root.querySelector(".board-problems");
    const unit = root.querySelector(".board-unit");
    const none = root.querySelector(".board-none");
    select.addEventListener("change", () => choose({ do: "task", name: select.value }));
    metric.addEventListener("change", () => act({ do: "metric", name: metric.value }));
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (!button || button.disabled) return;
      const action = { do: button.dataset.do };
      if (button.dataset.key) action.key = button.dataset.key;
      if (button.dataset.name) action.name = button.dataset.name;
      if (action.do === "stop") { button.disabled = true; act(action); } else choose(action);
    });
    const figures = (row) => {
      const unread = [];
      if (row.unparsed) unread.push(make("span", { className: row.unparsed === "0" ? "" : "odd",
        textContent: `${row.unparsed} unparsed`, title: "share of answers that could not be read" }));
      if (row.failed) unread.push(make("span", { className: "odd", textContent: `${row.failed} failed`, title: "share of questions without an answer" }));
      if (row.count) unread.push(make("span", { textContent: `n ${row.count}` }));
      return [make("span", { className: "score", textContent: row.score }), make("small", { className: "counts" }, ...unread)];
    };
    const line = (row) => {
      const words = make("span", { className: "words" }, make("b", { textContent: row.title }));
      if (row.sub) words.append(make("small", { textContent: row.sub }));
      if (row.phase) words.append(make("small", { className: "phase", textContent: row.phase }));
      if (row.kind === "quoted") {
        return make("li", { className: "quoted" }, make("span", { className: "letter", textContent: "“" }), words,
          make("span", { className: "figures" }, make("span", { className: "score", textContent: row.score })));
      }
      const button = make("button", { type: "button" }, make("span", { className: "letter", textContent: row.letter }), words,
        make("span", { className: "figures" }, ...figures(row)));
      button.dataset.do = "pick";
      button.dataset.key = row.key;
      button.dataset.letter = row.letter;
      button.setAttribute("aria-pressed", String(Boolean(row.letter)));
      button.title = row.letter ? `${row.letter}: click to leave it out` : "Click to compare it";
      return make("li", { className: row.kind }, button);
    };
    const going = (one) => {
      const item = make("li", {}, make("b", { textContent: one.title }), make("span", { textContent: one.words }));
      if (one.share !== null && one.live) {
        const bar = make("progress", { max: 1, value: one.share });
        bar.setAttribute("aria-label", `${one.title}: ${one.words}`);
        item.append(bar);
      }
      if (one.reason) item.append(make("small", { textContent: one.reason }));
      if (one.live) {
        const stop = make("button", { type: "button", textContent: "Stop" });
        Object.assign(stop.dataset, { do: "stop", name: one.name });
        stop.title = "It keeps its answers and can go on later";
        item.append(stop);
      }
      return item;
    };
    let drawn = "";
    const draw = () => {
      const value = props.value || {};
      const now = JSON.stringify(value);
      if (now === drawn) return;
      const focused = document.activeElement?.dataset?.key;
      drawn = now;
      const tasks = value.tasks || [];
      select.replaceChildren(...tasks.map((task) => make("option", { value: task.name, textContent: task.title, selected: task.name === value.task })));
      select.disabled = tasks.length < 2;
      select.closest("label").hidden = tasks.length === 0;
      metric.replaceChildren(...(value.metrics || []).map((name) => make("option", { value: name, textContent: name, selected: name === value.metric })));
      metric.closest("label").hidden = tasks.length === 0;
      unit.textContent = tasks.length ? `${value.unit ? `in ${value.unit}, ` : ""}${value.better}; in brackets the 95 % interval` : "";
      none.hidden = Boolean(value.own);
      rows.replaceChildren(...(value.rows || []).map(line));
      live.replaceChildren(...(value.live || []).map(going));
      live.closest("section").hidden = !(value.live || []).length;
      problems.replaceChildren(...(value.problems || []).map((one) => make("li", {}, make("b", { textContent: one.name }), make("span", { textContent: one.text }))));
      problems.closest("section").hidden = !(value.problems || []).length;
      if (focused) [...rows.querySelectorAll("button")].find((one) => one.dataset.key === focused)?.focus();
    };
    watch("value", draw);
    draw();
  };

  // ---- cells, filters, position
  const SECOND = 1000;
  lamm.benchBar = (element, props, watch, { choose, act }) => {
    const root = element.querySelector(".bar");
    const square = root.querySelector(".square");
    const others = root.querySelector(".others");
    const find = root.querySelector("input[type=search]");
    const order = root.querySelector("select");
    const place = root.querySelector(".bar-place");
    const told = root.querySelector(".bar-told");
    const tick = root.querySelector("[data-do=tick]");
    // One act after the other, since each starts from the view that the one before it leaves. Steps asked for while one
    // is under way are added up, so that holding a key does not leave a queue behind.
    let under = false;
    let timer = null;
    const acts = [];
    const send = () => {
      if (under || !acts.length) return;
      under = true;
      timer = setTimeout(() => { under = false; send(); }, 4 * SECOND);
      root.toggleAttribute("data-busy", true);
      act(acts.shift());
    };
    const step = (by) => {
      const last = acts.at(-1);
      if (last?.do === "go") last.by += by;
      else acts.push({ do: "go", by });
      send();
    };
    const clicked = {
      previous: () => step(-1),
      next: () => step(1),
      tick: () => { acts.push({ do: "tick" }); send(); },
      tick_all: () => { acts.push({ do: "tick_all" }); send(); },
      untick: () => act({ do: "untick" }),
      swap: () => choose({ do: "swap" }),
      link: async (button) => {
        try {
          await navigator.clipboard.writeText(address());
          button.textContent = "Copied";
        } catch { button.textContent = "The link is in the address bar"; }
        setTimeout(() => { button.textContent = "Copy link"; }, 2 * SECOND);
      },
      mark: () => act({ do: "mark" }),
    };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button || button.disabled) return;
      if (button.dataset.cell !== undefined) act({ do: "cell", name: button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.cell });
      else clicked[button.dataset.do]?.(button);
    });
    let typed = null;
    const search = () => { clearTimeout(typed); act({ do: "find", words: find.value }); };
    find.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(search, 250); });
    find.addEventListener("keydown", (event) => {
      if (event.key === "Enter") search();
      if (event.key === "Escape") { find.value = ""; search(); find.blur(); }
    });
    order.addEventListener("change", () => act({ do: "order", name: order.value }));

    const cell = (one) => {
      const button = make("button", { type: "button" }, make("b", { textContent: one.count.toLocaleString("en") }), make("span", { textContent: one.words }));
      button.dataset.cell = one.name;
      button.setAttribute("aria-pressed", String(one.on));
      return button;
    };
    const draw = () => {
      const value = props.value || {};
      under = false;
      clearTimeout(timer);
      root.toggleAttribute("data-busy", false);
      root.hidden = !value.open;
      query = value.query || "";
      if (value.stamp) arrived = true;
      setTimeout(showAddress, 0);
      if (!value.open) return;
      const inside = value.cells.filter((one) => one.square);
      square.hidden = !inside.length;
      square.querySelectorAll("tbody td").forEach((place, index) => place.replaceChildren(...(inside[index] ? [cell(inside[index])] : [])));
      others.replaceChildren(...value.cells.filter((one) => !one.square).map(cell));
      if (document.activeElement !== find) find.value = value.find;
      order.replaceChildren(...value.orders.map((one) => make("option", { value: one.name, textContent: one.words, selected: one.name === value.order })));
      place.textContent = value.count ? `${(value.position + 1).toLocaleString("en")} of ${value.count.toLocaleString("en")}` : "no sample";
      root.querySelector("[data-do=previous]").disabled = value.position <= 0;
      root.querySelector("[data-do=next]").disabled = value.position >= value.count - 1;
      root.querySelector("[data-do=swap]").disabled = value.series < 2;
      tick.disabled = !value.count;
      tick.setAttribute("aria-pressed", String(value.ticked));
      tick.firstElementChild.textContent = value.ticked ? "✓ Ticked" : "Tick";
      const all = root.querySelector("[data-do=tick_all]");
      all.textContent = `Tick all ${value.count.toLocaleString("en")}`;
      all.disabled = !value.count;
      const mark = root.querySelector("[data-do=mark]");
      mark.textContent = value.ticks > 1 || (value.ticks === 1) ? `Mark ${value.ticks} for review` : "Mark for review";
      mark.disabled = !value.count && !value.ticks;
      root.querySelector("[data-do=untick]").hidden = !value.ticks;
      told.textContent = value.told;
      told.hidden = !value.told;
      send();
    };
    watch("value", draw);
    draw();
  };

  // ---- what the comparison comes to
  lamm.benchFacts = (element, props, watch) => {
    const root = element.querySelector(".facts");
    const draw = () => {
      const value = props.value || {};
      root.hidden = !value.open;
      if (!value.open) return;
      root.querySelector(".facts-series").replaceChildren(...value.series.map((one) => make("li", { className: one.who },
        make("b", { className: "letter", textContent: one.letter }), make("span", { textContent: one.title }),
        make("span", { className: "score", textContent: one.score }), make("small", { textContent: one.sub }))));
      const judged = value.verdict || {};
      const table = root.querySelector("table");
      table.hidden = !(judged.rows || []).length;
      table.querySelector("tbody").replaceChildren(...(judged.rows || []).map((cells) => make("tr", {}, ...cells.map((words, index) =>
        Object.assign(make(index ? "td" : "th", { textContent: words }), index ? {} : { scope: "row" })))));
      root.querySelector(".facts-sentence").textContent = judged.sentence || "";
      root.querySelector(".facts-p").textContent = judged.p ? `Exact McNemar test, p ${judged.p.startsWith("below") ? judged.p : `= ${judged.p}`}` : "";
      const notes = [...(judged.notes || []), ...(value.notes || [])];
      root.querySelector(".facts-notes").replaceChildren(...notes.map((words) => make("li", { textContent: words })));
      root.querySelector(".facts-notes").hidden = !notes.length;
    };
    watch("value", draw);
    draw();
  };
})();
