// Progress: what is done and left, by whom and when, how far people agree and how often the generator errs.
// Does not know how figures are computed. Every estimate has its interval or the word.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const make = (...given) => lamm.make(...given);
  const round = (share) => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  const span = (seconds) => {
    if (seconds < 90) return `${Math.round(seconds)} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${Math.round(seconds / 28_800)} working days of 8 h`;
  };
  rv.span = span;

  rv.parts.push((hub) => {
    const panel = hub.root.querySelector("[data-panel=progress]");
    const card = (title, ...content) => make("section", { className: "rv-block" }, make("h2", { textContent: title }), ...content);
    const table = (heads, rows) => make("div", { className: "rv-scroll" }, make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((words) => make("th", { scope: "col", textContent: words })))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((words) => (words instanceof Node ? make("td", {}, words) : make("td", { textContent: words }))))))));
    const bar = ({ share, low, high }) => {
      const line = make("span", { className: "rv-interval", title: `${round(share)}, 95 % interval ${round(low)} to ${round(high)}` }, make("i"), make("b"));
      line.firstChild.style.cssText = `left:${low * 100}%;width:${Math.max(0.5, (high - low) * 100)}%`;
      line.lastChild.style.left = `${share * 100}%`;
      return make("span", { className: "rv-rate" }, line, make("span", { textContent: `${round(share)} (${round(low)}–${round(high)})` }));
    };
    const figure = (one) => (one.value === null || one.low === null ? "not defined: everybody always said the same" : `${one.value.toFixed(2)} (95 % ${one.low.toFixed(2)} to ${one.high.toFixed(2)})`);

    const draw = (told) => {
      const done = Object.entries(told.status).filter(([name]) => !["draft", "claimed"].includes(name)).reduce((sum, [, many]) => sum + many, 0);
      const total = done + told.toDo;
      const left = told.secondsEach ? `About ${span(told.toDo * told.secondsEach)} of one person's time are left (an estimate, at ${told.secondsEach.toFixed(1)} s a decision).` : "How long the rest takes can be said after the first decisions.";
      const progress = make("progress", { max: Math.max(1, total), value: done });
      progress.setAttribute("aria-label", "Decided");
      const days = [...new Set(told.people.flatMap((person) => Object.keys(person.days)))].sort().slice(-7);
      panel.replaceChildren(
        card("Progress", progress, make("p", { textContent: `${done.toLocaleString("en")} of ${total.toLocaleString("en")} decided. ${left}` }),
          make("p", { className: "none", textContent: Object.entries(told.status).map(([name, many]) => `${rv.STATUS[name] ?? name} ${many.toLocaleString("en")}`).join(" · ") })),
        card("By person and day", told.people.length ? table(["Person", "Decided", "Each takes", ...days], told.people.map((person) => [person.name, person.decided.toLocaleString("en"),
          person.pace ? `${person.pace.toFixed(1)} s` : "–", ...days.map((day) => String(person.days[day] ?? "–"))])) : make("p", { className: "none", textContent: "Nobody has decided anything yet." }),
        make("p", { className: "none", textContent: "Days are in UTC; each item counts for who decided it last." })),
        card("Agreement", ...(told.agreement ? [
          make("p", { textContent: `${told.agreement.pairs} items have two opinions, given without knowledge of each other; ${round(told.agreement.same)} of them are the same.` }),
          make("dl", { className: "rv-figures" }, make("dt", { textContent: "Cohen's kappa" }), make("dd", { textContent: figure(told.agreement.kappa) }),
            make("dt", { textContent: "Krippendorff's alpha" }), make("dd", { textContent: figure(told.agreement.alpha) }))]
          : [make("p", { className: "none", textContent: `No item has two opinions yet. ${round(told.blindShare)} of all drafts are given to two people who do not know of each other.` })]),
        told.disagreements ? link(`${told.disagreements} wait to be settled`, "disagreements") : make("span")),
        card("How often the generator errs", Object.keys(told.rates).length ? table(["Kind", "Decided", "Rejected (95 %)", "Rejected or edited (95 %)"],
          Object.entries(told.rates).map(([kind, rate]) => [kind, rate.decided.toLocaleString("en"), bar(rate.rejected), bar(rate.changed)]))
          : make("p", { className: "none", textContent: "Nothing is decided yet." }),
        make("p", { className: "none", textContent: "The shares are those of all drafts only where items were decided in the shuffled order; most suspicious first finds more errors than there are." })));
    };
    const link = (words, view) => {
      const button = make("button", { type: "button", textContent: words });
      button.addEventListener("click", () => hub.go(view));
      return button;
    };
    hub.on("view", async (view) => {
      if (view !== "progress" || !hub.key) return;
      const told = await hub.attempt("progress", () => hub.call("progress"));
      if (told) draw(told);
    });
  });
})();
