// Many items at once: the grid with its filters, accepting all that a filter means, and what people disagree about.
// Does not know the queue of one person. Words come from files, models and people: only ever set as text.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const make = (...given) => lamm.make(...given);

  // ---- one form of filters, here and in the queue
  rv.filterForm = (hub, form, { statuses, first, read, apply, ordered = true }) => {
    const fields = {};
    const select = (name, words, options) => {
      fields[name] = make("select", { name }, ...options.map(([value, text]) => make("option", { value, textContent: text })));
      return make("label", {}, make("span", { textContent: words }), fields[name]);
    };
    const draw = (counts) => {
      const { filters, order } = read();
      const named = (by) => [["", "all"], ...Object.entries(counts?.[by] ?? {}).filter(([value]) => value).map(([value, many]) => [value, `${value} (${many})`])];
      fields.text = make("input", { type: "search", name: "text", placeholder: "words that are said", className: "rv-search" });
      form.replaceChildren(
        make("label", {}, make("span", { textContent: "Search" }), fields.text),
        select("status", "Status", [["", first], ...statuses.map((one) => [one, one === "draft" ? "drafts only" : one])]),
        select("kind", "Kind", named("kind")), select("source", "Source", named("source")),
        select("check", "Check", named("check")), select("reviewer", "Decided by", named("reviewer")),
        ...(ordered ? [select("order", "Order", Object.entries(hub.known?.orders ?? { error: "Most suspicious first" }))] : []));
      for (const name of ["kind", "source", "check", "reviewer", "text"]) {
        const value = filters[name] ?? "";
        if (value && fields[name].options && ![...fields[name].options].some((option) => option.value === value)) fields[name].append(make("option", { value, textContent: value }));
        fields[name].value = value;
      }
      fields.status.value = filters.status?.[0] ?? "";
      if (ordered) fields.order.value = order;
    };
    const tell = () => {
      const filters = {};
      for (const name of ["kind", "source", "check", "reviewer", "text"]) if (fields[name]?.value) filters[name] = fields[name].value;
      if (fields.status?.value) filters.status = [fields.status.value];
      apply(filters, fields.order?.value);
    };
    form.addEventListener("change", tell);
    form.addEventListener("submit", (event) => { event.preventDefault(); tell(); });
    return { draw: (counts) => { if (!form.contains(document.activeElement)) draw(counts); } };
  };

  // ---- a card; its picture is fetched when it is near
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      entry.target.fetchPicture();
    }
  }, { rootMargin: "300px" });
  rv.card = (hub, card, press) => {
    const picture = make("img", { alt: "" });
    const medium = card.media[0];
    const frame = make("span", { className: "rv-thumb" }, picture);
    if (medium?.gone) frame.append(make("small", { textContent: "gone" }));
    else if (medium) {
      frame.fetchPicture = () => hub.picture(card.id, medium.number, { small: true })
        .then((url) => { picture.src = url; picture.onload = () => URL.revokeObjectURL(url); })
        .catch((error) => { frame.title = error.message; frame.append(make("small", { textContent: "no picture" })); });
      near.observe(frame);
    }
    const button = make("button", { type: "button", className: `rv-card ${card.status}` }, frame,
      make("span", { className: "rv-said" }, make("b", { textContent: card.question.replace(/<image>|<pointcloud>/g, "").trim() }), make("span", { textContent: card.answer })),
      make("small", { textContent: [rv.STATUS[card.status], card.by, card.kind, card.checks ? `${card.checks} ${card.checks > 1 ? "checks complain" : "check complains"}` : "", rv.percent(card.error)].filter(Boolean).join(" · ") }));
    button.addEventListener("click", press);
    return button;
  };

  rv.parts.push((hub) => {
    const panel = hub.root.querySelector("[data-panel=browse]");
    let filters = {}, order = "error", after = null, loading = false;
    const form = make("form", { className: "rv-filters rv-row" });
    form.setAttribute("aria-label", "Filters of the grid");
    const grid = make("div", { className: "rv-grid", role: "group" });
    grid.setAttribute("aria-label", "Items");
    const end = make("p", { className: "rv-end none" });
    const bulk = make("button", { type: "button", textContent: "Accept all that meet the filter …" });
    const sheet = make("div", { className: "rv-sheet", hidden: true });
    panel.append(form, make("p", { className: "rv-tools" }, bulk, make("span", { className: "none", textContent: "Arrow keys move, Enter opens an item in the queue." })), sheet, grid, end);

    const load = async ({ anew = false } = {}) => {
      if (loading || (!anew && !after)) return;
      loading = true;
      if (anew) { grid.replaceChildren(); after = null; sheet.hidden = true; }
      const answer = await hub.attempt("browse", () => hub.call("search", { filters, order, after: after ?? "" }));
      loading = false;
      if (!answer) { end.textContent = ""; return; }
      after = answer.after;
      grid.append(...answer.cards.map((card) => rv.card(hub, card, () => hub.openItem(card.id))));
      end.textContent = after ? "More below" : grid.children.length ? `${grid.children.length} items` : "Nothing meets the filter.";
    };
    const fields = rv.filterForm(hub, form, {
      statuses: ["draft", "claimed", "accepted", "edited", "rejected", "flagged", "skipped"], first: "any",
      read: () => ({ filters, order }), apply: (now, by) => { filters = now; order = by; load({ anew: true }); },
    });
    hub.on("counted", (counts) => fields.draw(counts));
    hub.on("known", () => fields.draw(null));
    new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) load(); }, { root: panel, rootMargin: "600px" }).observe(end);
    hub.on("view", (view) => { if (view === "browse" && hub.key) { load({ anew: true }); grid.focus(); } });
    grid.addEventListener("keydown", (event) => {
      const cards = [...grid.children];
      const at = cards.indexOf(document.activeElement);
      const wide = cards.filter((card) => card.offsetTop === cards[0].offsetTop).length;
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: wide, ArrowUp: -wide, PageDown: 4 * wide, PageUp: -4 * wide }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      cards[Math.max(0, Math.min(cards.length - 1, at + step))]?.focus();
    });

    // ---- all at once: looked at first, taken back as a whole
    bulk.addEventListener("click", async () => {
      const found = await hub.attempt("bulk", () => hub.call("preview", { filters, order }));
      if (!found) return;
      const yes = make("button", { type: "button", className: "primary", disabled: !found.total, textContent: `Accept ${found.total.toLocaleString("en")} as they are` });
      const no = make("button", { type: "button", textContent: "Do not" });
      no.addEventListener("click", () => { sheet.hidden = true; });
      yes.addEventListener("click", async () => {
        yes.disabled = true;
        const done = await hub.attempt("bulk", () => hub.call("accept_all", { filters, event: found.event }));
        yes.disabled = false;
        if (!done) return;
        const words = `${done.done.toLocaleString("en")} accepted${done.leftOut ? `; ${done.leftOut} left out, which changed since or are open` : ""}.`;
        const back = make("button", { type: "button", textContent: "Take all of them back" });
        back.addEventListener("click", async () => {
          const undone = await hub.attempt("bulk", () => hub.call("undo_batch", { batch: done.batch }));
          if (undone) { sheet.replaceChildren(make("p", { textContent: `${undone.undone} taken back.` })); hub.refresh(); load({ anew: true }).then(() => { sheet.hidden = false; }); }
        });
        sheet.replaceChildren(make("p", { role: "status" }, words, " ", back));
        hub.refresh();
        load({ anew: true }).then(() => { sheet.hidden = false; });
      });
      sheet.replaceChildren(make("h2", { textContent: found.total ? `${found.total.toLocaleString("en")} undecided items meet the filter; the first of them:` : "No undecided item meets the filter." }),
        make("div", { className: "rv-grid" }, ...found.cards.slice(0, 12).map((card) => rv.card(hub, card, () => hub.openItem(card.id)))),
        make("p", { className: "rv-tools" }, yes, no));
      sheet.hidden = false;
    });
  });

  // ---- what two people thought differently of
  rv.parts.push((hub) => {
    const panel = hub.root.querySelector("[data-panel=disagreements]");
    const load = async () => {
      const answer = await hub.attempt("disagreements", () => hub.call("disagreements"));
      if (!answer) return;
      panel.replaceChildren(
        make("p", { className: "rv-lead", textContent: answer.pairs.length
          ? "Two people looked at these without knowing of each other and came to different ends. Choose what holds; the choice is an act like any other and can be undone."
          : "Nobody disagrees at the moment. A share of all drafts is given to two people who do not know of each other; where they differ, both versions stand here side by side." }),
        ...answer.pairs.map((pair) => draw(pair)));
    };
    const draw = ({ first, second }) => {
      const picture = make("img", { alt: "" });
      if (first.media[0] && !first.media[0].gone) hub.picture(first.id, 0).then((url) => { picture.src = url; }).catch(() => { picture.remove(); });
      const side = (item, take) => {
        const button = make("button", { type: "button", className: "primary", textContent: `Take ${item.by}'s` });
        button.addEventListener("click", () => settle(first, { take }, block));
        button.hidden = !["accepted", "edited", "rejected"].includes(item.status);
        const why = [item.reason, item.note && `“${item.note}”`].filter(Boolean).join(" · ");
        return make("div", {}, make("h2", { textContent: `${item.by}: ${item.status}` }), make("p", { className: "none", textContent: why }),
          ...item.turns.map((turn, number) => {
            const was = item.draft[number]?.text;
            return was === undefined || was === turn.text ? make("p", { className: "rv-diff", textContent: turn.text }) : rv.drawDiff(was, turn.text);
          }), make("p", {}, button));
      };
      const draft = make("button", { type: "button", textContent: "The draft as it came" });
      draft.addEventListener("click", () => settle(first, { take: "draft" }, block));
      const reason = make("select", {}, make("option", { value: "", textContent: "Reject because …" }),
        ...Object.entries(hub.known?.reasons ?? {}).filter(([name]) => name !== "other").map(([value, textContent]) => make("option", { value, textContent })));
      reason.setAttribute("aria-label", "Reject because");
      reason.addEventListener("change", () => { if (reason.value) settle(first, { take: "reject", reason: reason.value }, block); });
      const block = make("article", { className: "rv-pair" }, make("div", { className: "rv-thumb large" }, picture),
        make("div", {}, make("p", { className: "none", textContent: `${first.kind} · ${first.source} · ${first.sourceId}` }),
          make("div", { className: "rv-sides" }, side(first, "first"), side(second, "second")), make("p", { className: "rv-tools" }, draft, reason)));
      return block;
    };
    const settle = async (item, values, block) => {
      const answer = await hub.attempt("settle", () => hub.call("settle", { id: item.id, version: item.version, ...values }));
      if (!answer) return;
      if (answer.stale) { hub.tell("settle", "Somebody was first", answer.stale.text); load(); return; }
      hub.saved(`Settled: ${answer.settled.status}`);
      block.remove();
      if (!panel.querySelector("article")) load();
    };
    hub.on("view", (view) => { if (view === "disagreements" && hub.key) load(); });
  });
})();
