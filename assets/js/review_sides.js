// What stands beside the stage: filters, counts and lists on the left; decisions, reasons, checks and history on the right.
// Does not know how a decision is carried out. Words come from files, models and people: only ever set as text.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-", "="];
  const STATUS = { draft: "to do", claimed: "open", accepted: "accepted", edited: "edited", rejected: "rejected", flagged: "flagged", skipped: "skipped" };
  rv.STATUS = STATUS;
  rv.percent = (share) => `${Math.round(share * 100)} %`;
  rv.when = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : "");

  rv.parts.push((hub) => {
    const { find, root } = hub;
    const note = find(".rv-note input");

    // ---- decisions, each with its key
    const decide = find(".rv-decide");
    const buttons = {};
    for (const [name, , words] of rv.ACTIONS.slice(0, 6)) {
      const button = lamm.make("button", { type: "button", textContent: words });
      button.dataset.action = `review-${name}`;
      button.addEventListener("click", () => hub.actions[name]());
      buttons[name] = [button, words];
      decide.append(button);
    }
    const reasons = lamm.make("ol", { className: "rv-reasons", hidden: true });
    reasons.setAttribute("aria-label", "Why is it rejected?");
    decide.append(reasons);
    const label = (name, words) => {
      const [button] = buttons[name];
      button.replaceChildren(lamm.make("span", { textContent: words }), lamm.make("kbd", { textContent: rv.shown(rv.keys()[name]) }));
    };
    const drawButtons = () => {
      const item = hub.current;
      const changed = item ? hub.changed() : false;
      for (const [name, [button, words]] of Object.entries(buttons)) {
        label(name, name === "edit" && changed ? "Save edit" : words);
        button.disabled = name === "undo" ? false : !item;
        button.classList.toggle("primary", name === (changed ? "edit" : "accept"));
      }
      if (changed) buttons.edit[0].querySelector("kbd").textContent = "Ctrl ↵";
      buttons.accept[0].disabled = !item || changed;
      buttons.accept[0].title = changed ? "You changed something: save the edit, or put it back to how it was" : "";
      buttons.reject[0].setAttribute("aria-expanded", String(!reasons.hidden));
    };
    hub.on("changed", drawButtons);
    hub.on("keys", drawButtons);
    hub.on("known", drawButtons);

    hub.actions.accept = () => {
      if (!hub.current) return;
      if (hub.changed()) { hub.tell("edit", "You changed the text or the boxes", "Save the edit (Ctrl+Enter), or put it back to how it was, then accept."); return; }
      hub.decide("accept");
    };
    hub.actions.flag = () => { if (hub.current) hub.decide("flag", { note: takeNote() }); };
    const takeNote = () => { const words = note.value.trim(); note.value = ""; return words; };

    // ---- why it is rejected: a list that opens, a key for each
    const openReasons = (open) => {
      reasons.hidden = !open;
      buttons.reject[0].setAttribute("aria-expanded", String(open));
      if (open) reasons.querySelector("button")?.focus();
    };
    const reject = (name, words) => {
      if (name === "other" && !note.value.trim()) {
        hub.tell("reject", "Say in the note what is wrong", "Then choose “Something else” again.");
        note.focus();
        return;
      }
      hub.tell("reject", "");
      openReasons(false);
      hub.decide("reject", { reason: name, reasonWords: words, note: takeNote() });
    };
    hub.on("known", ({ reasons: known }) => {
      reasons.replaceChildren(...Object.entries(known).map(([name, words], index) => {
        const button = lamm.make("button", { type: "button" }, lamm.make("span", { textContent: words }), lamm.make("kbd", { textContent: DIGITS[index] ?? "" }));
        button.dataset.reason = name;
        button.addEventListener("click", () => reject(name, words));
        return lamm.make("li", {}, button);
      }));
    });
    hub.actions.reject = () => { if (hub.current) openReasons(reasons.hidden); };
    hub.reasonKey = (event) => {
      if (reasons.hidden) return false;
      if (event.key === "Escape") { openReasons(false); buttons.reject[0].focus(); return true; }
      const index = DIGITS.indexOf(event.key);
      const button = reasons.querySelectorAll("button")[index];
      if (index < 0 || !button) return false;
      button.click();
      return true;
    };

    // ---- about the item
    const fact = (words, title = "") => lamm.make("span", { textContent: words, title });
    const drawItem = (item) => {
      openReasons(false);
      note.value = "";
      hub.tell("reject", "");
      const about = find(".rv-about");
      if (!item) {
        about.replaceChildren();
        for (const list of [".rv-checks", ".rv-facts", ".rv-history"]) find(list).replaceChildren();
        drawButtons();
        return;
      }
      root.dataset.item = item.id;
      const parts = [fact(item.kind), fact(item.source), fact(item.sourceId), fact(item.generator, item.prompt ? `Prompt ${item.prompt}` : "")].filter((part) => part.textContent);
      parts.push(fact(`expected error ${rv.percent(item.error)}`, "The chance that something is wrong, from the checks (an estimate)"));
      if (item.second) parts.push(lamm.make("b", { textContent: "Second opinion: nobody sees the first one" }));
      else if (!["draft", "claimed"].includes(item.status)) parts.push(lamm.make("b", { textContent: `${item.status}${item.by ? ` by ${item.by}` : ""}${item.reason ? `: ${item.reason}` : ""}${item.note ? ` (${item.note})` : ""}` }));
      if (item.holder && item.holder !== hub.who) parts.push(lamm.make("b", { className: "warn", textContent: `${item.holder} has it open` }));
      about.replaceChildren(...parts);
      find(".rv-checks").replaceChildren(...(item.checks.length ? item.checks.map((check, index) => {
        const row = lamm.make("li", { tabIndex: 0, className: check.score > 0 ? "found" : "" }, lamm.make("b", { textContent: check.name }),
          lamm.make("small", { textContent: rv.percent(check.score), title: "How wrong it looks: 0 % nothing found, 100 % surely wrong" }), lamm.make("span", { textContent: check.message }));
        hub.lights(row, `check-${index}`);
        return row;
      }) : [lamm.make("li", { className: "none", textContent: "No check complained." })]));
      find(".rv-facts").replaceChildren(...(item.facts.length ? item.facts.flatMap(([name, words]) => [
        lamm.make("dt", { textContent: name }), lamm.make("dd", { textContent: words })]) : [lamm.make("dd", { className: "none", textContent: "Nothing is known about the source." })]));
      drawHistory(item);
      drawButtons();
    };
    const DID = { add: "added", claim: "opened", release: "gave back", accept: "accepted", edit: "edited", reject: "rejected", flag: "flagged", skip: "skipped", second: "second opinion", adjudicate: "settled", undo: "undid" };
    const drawHistory = (item) => {
      find(".rv-history").replaceChildren(...item.history.slice().reverse().map((event) => {
        const words = [event.who, DID[event.action] ?? event.action, event.status, event.reason, event.note && `“${event.note}”`, event.undoes && `act ${event.undoes}`].filter(Boolean).join(" · ");
        const row = lamm.make("li", { title: `Act ${event.number}${event.seconds ? `, ${event.seconds} s` : ""}` }, lamm.make("span", { textContent: words }), lamm.make("small", { textContent: rv.when(event.at) }));
        if (!["add", "claim", "release"].includes(event.action)) {
          const undo = lamm.make("button", { type: "button", textContent: "Undo" });
          undo.setAttribute("aria-label", `Undo act ${event.number}: ${words}`);
          undo.addEventListener("click", () => hub.undo(event.number));
          row.append(undo);
        }
        return row;
      }));
      if (!item.history.length) find(".rv-history").append(lamm.make("li", { className: "none", textContent: "Hidden while you give a second opinion." }));
    };
    hub.on("item", drawItem);

    // ---- lists on the left
    hub.on("listed", () => {
      const entry = (words, after, press) => {
        const button = lamm.make("button", { type: "button" }, lamm.make("span", { textContent: words || "(nothing said)" }), lamm.make("small", { textContent: after }));
        button.addEventListener("click", press);
        return lamm.make("li", {}, button);
      };
      find(".rv-next").replaceChildren(...hub.queue.slice(1).map((item) => entry(hub.title(item), `${item.kind} · ${rv.percent(item.error)}`, () => hub.bringForward(item))));
      find(".rv-done").replaceChildren(...hub.done.slice(0, 8).map((one) => entry(one.title, `${one.words}${one.text ? `: ${one.text}` : ""}${one.event ? "" : " · saving"}`, () => hub.openItem(one.id))));
    });

    // ---- filters and counts
    const form = rv.filterForm(hub, find(".rv-filters"), {
      statuses: ["draft", "flagged", "skipped", "accepted", "edited", "rejected"], first: "to do",
      read: () => hub, apply: (filters, order) => hub.filter(filters, order),
    });

    const drawCounts = (counts) => {
      const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
      const row = ([status, many]) => {
        const line = lamm.make("p", { className: status }, lamm.make("i"), lamm.make("span", { textContent: STATUS[status] ?? status }), lamm.make("b", { textContent: many.toLocaleString("en") }));
        line.querySelector("i").style.width = `${total ? (many / total) * 100 : 0}%`;
        return line;
      };
      const shown = Object.keys(STATUS).filter((status) => counts[status]).map((status) => [status, counts[status]]);
      find(".rv-counts").replaceChildren(...shown.map(row));
      hub.total = total;
    };
    const refresh = async () => {
      const answer = await hub.call("counts", { by: ["status", "kind", "source", "check", "reviewer"] }).catch(() => null);
      if (!answer) return;  // the act that matters says so
      drawCounts(answer.counts.status);
      hub.emit("counted", answer.counts);
      form.draw(answer.counts);
    };
    hub.refresh = refresh;
    let later = 0;
    const soon = () => { clearTimeout(later); later = setTimeout(refresh, 1_500); };
    hub.on("known", () => { form.draw(null); refresh(); });
    hub.on("listed", () => { if (hub.known) soon(); });

    // ---- nobody yet, and nothing yet
    const start = find(".rv-start");
    const askWho = () => {
      const name = lamm.make("input", { type: "text", maxLength: 80, value: hub.who, autocomplete: "name", required: true });
      name.setAttribute("aria-label", "Your name");
      const form = lamm.make("form", {}, lamm.make("h2", { textContent: "Who are you?" }),
        lamm.make("p", { textContent: "Every decision is kept with the name of who made it, so that it can be undone and compared. It is asked once and stands in the header." }),
        name, lamm.make("button", { type: "submit", className: "primary", textContent: "Begin" }));
      form.addEventListener("submit", (event) => { event.preventDefault(); if (name.value.trim()) { start.hidden = true; hub.be(name.value); } });
      start.replaceChildren(form);
      start.hidden = false;
      name.focus();
    };
    hub.on("ask-who", askWho);
    hub.on("empty", () => {
      if (hub.total) { finished(); return; }
      hub.refresh().then(() => (hub.total ? finished() : teach()));
    });
    const finished = () => {
      const filtered = Object.keys(hub.filters).length > 0;
      const all = lamm.make("button", { type: "button", className: "primary", textContent: filtered ? "Take the filters away" : "See the progress" });
      all.addEventListener("click", () => (filtered ? hub.filter({}, hub.order).then(() => hub.refresh()) : hub.go("progress")));
      start.replaceChildren(lamm.make("div", {}, lamm.make("h2", { textContent: filtered ? "Nothing is left that meets the filters" : "The queue is done" }),
        lamm.make("p", { textContent: filtered ? "Everything that meets them is decided, or somebody else has it open." : "Everything is decided, or somebody else has it open. Undo, Browse and Export work as before." }), all));
      start.hidden = hub.view !== "queue";
    };
    const teach = () => {
      const example = lamm.make("button", { type: "button", className: "primary", textContent: "Load the example queue" });
      example.addEventListener("click", async () => {
        example.disabled = true;
        const answer = await hub.attempt("example", () => hub.call("example"));
        example.disabled = false;
        if (answer) { hub.refresh(); hub.more(); }
      });
      const bring = lamm.make("button", { type: "button", textContent: "Import data" });
      bring.addEventListener("click", () => hub.go("data"));
      const make = lamm.make("button", { type: "button", textContent: "Generate drafts" });
      make.addEventListener("click", () => hub.go("generate"));
      start.replaceChildren(lamm.make("div", {}, lamm.make("h2", { textContent: "Nothing waits for review" }),
        lamm.make("p", { textContent: "Here people look at question and answer pairs before a model learns from them: the picture or scan, the conversation, what the checks doubt. One key decides, another takes it back, and what is accepted leaves as a pinned version for training." }),
        lamm.make("p", { className: "rv-tools" }, example, bring, make)));
      start.hidden = hub.view !== "queue";
    };
    hub.on("item", (item) => { if (item) { start.hidden = true; hub.isEmpty = false; } });
    hub.on("closed", () => {
      const again = lamm.make("button", { type: "button", className: "primary", textContent: "Try again" });
      again.addEventListener("click", () => { start.hidden = true; hub.begin(); });
      start.replaceChildren(lamm.make("div", {}, lamm.make("h2", { textContent: "The queue cannot be opened" }),
        lamm.make("p", { textContent: "The message above says why. What you decided and wrote is kept in this browser." }), again));
      start.hidden = false;
    });
  });
})();
