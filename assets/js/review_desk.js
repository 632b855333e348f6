// The queue of one person: items at hand, decisions on their way, undo, leases, conflicts, filters.
// Does not know how an item is drawn. A decision is shown as made at once and kept here until the program has saved it.
(() => {
  const { rv } = window.lamm;
  const lamm = window.lamm;
  const RENEW_MS = 60_000;
  const RETRY_MS = 4_000;
  const IDLE_MS = 60_000;  // longer pauses do not count as time spent on an item
  const EMPTY_MS = 5_000;  // between two looks whether anything has come into an empty queue
  const WORDS = { accept: "Accepted", edit: "Edited", reject: "Rejected", flag: "Flagged", skip: "Skipped" };

  rv.parts.push((hub) => {
    const { find } = hub;
    Object.assign(hub, { queue: [], done: [], filters: rv.kept.read("filters", {}), order: rv.kept.read("order", "error"), isEmpty: false });

    // ---- time spent: only while the page is seen and somebody is there
    let spent = 0, since = 0;
    const tick = () => {
      const now = performance.now();
      if (since && !document.hidden) spent += Math.min(now - since, IDLE_MS);
      since = now;
    };
    let active = false;
    for (const name of ["keydown", "pointerdown", "pointermove", "wheel"]) {
      hub.root.addEventListener(name, () => { active = true; tick(); }, { passive: true });
    }
    document.addEventListener("visibilitychange", tick);

    // ---- what is on its way: outlives a reload and a closed tab
    const tab = sessionStorage.getItem("lamm-review-tab") ?? crypto.getRandomValues(new Uint32Array(2)).join("");
    try { sessionStorage.setItem("lamm-review-tab", tab); } catch { /* lasts for this page */ }
    const outboxName = `outbox-${tab}`;
    let outbox = [];
    let sending = false, retry = 0;
    const keepOutbox = () => rv.kept.write(outboxName, outbox.length ? { at: Date.now(), entries: outbox } : null);
    const adopt = () => {
      const names = Object.keys(localStorage).filter((name) => name.startsWith("lamm-review-outbox-"));
      for (const full of names) {
        const name = full.slice("lamm-review-".length);
        const left = rv.kept.read(name, null);
        if (!left?.entries || (name !== outboxName && Math.abs(Date.now() - left.at) < 15_000)) continue;
        outbox.push(...left.entries);
        rv.kept.write(name, null);
      }
      keepOutbox();
    };
    setInterval(() => { if (outbox.length) keepOutbox(); }, 5_000);

    const asking = () => ({ filters: hub.filters, order: hub.order });
    const have = () => [...new Set([...hub.queue.map((item) => item.id), ...outbox.map((entry) => entry.id)])];
    const take = (items) => {
      const there = new Set(have());
      const fresh = items.filter((item) => !there.has(item.id));
      hub.queue.push(...fresh);
      for (const item of fresh) hub.emit("coming", item);
    };

    const send = async () => {
      clearTimeout(retry);
      if (sending) return;
      sending = true;
      while (outbox.length) {
        const entry = outbox[0];
        const late = setTimeout(() => hub.saved(`Saving ${WORDS[entry.action].toLowerCase()} …`), 700);
        try {
          const { item: _, ...sent } = entry;
          const answer = await hub.call("decide", { ...sent, ...asking(), have: have() });
          outbox.shift();
          keepOutbox();
          hub.tell("send", "");
          if (answer.stale) conflict(entry, answer.stale);
          else {
            rv.kept.write(`edit-${entry.id}`, null);
            const listed = hub.done.find((one) => one.id === entry.id && !one.event);
            if (listed) Object.assign(listed, { event: answer.done.event, saved: true });
            hub.saved(`${WORDS[entry.action]} · saved ${new Date().toLocaleTimeString("en-GB")}`);
            if (answer.note) hub.tell("next", "The next items could not be fetched", answer.note);
            fill(answer.items);
          }
        } catch (error) {
          if (error.later) {
            const many = outbox.length === 1 ? "One decision is not saved yet" : `${outbox.length} decisions are not saved yet`;
            hub.tell("send", many, `${error.message} Nothing is lost: it is kept in this browser and tried again every few seconds.`,
              { words: "Try now", press: send });
            hub.saved("Not saved yet");
            retry = setTimeout(send, RETRY_MS);
            break;
          }
          // Refused for good: the item comes back with what was written.
          outbox.shift();
          keepOutbox();
          bringBack(entry);
          hub.tell("refused", error.title ?? "That was not saved", error.message);
          if (!error.title) console.error(error);
        } finally {
          clearTimeout(late);
        }
      }
      sending = false;
      hub.emit("listed");
      if (!outbox.length) settle();
    };
    let waiting = [];
    const settle = () => { const now = waiting; waiting = []; now.forEach((go) => go()); };
    const settled = () => (outbox.length ? new Promise((go) => waiting.push(go)) : Promise.resolve());

    const bringBack = (entry) => {
      hub.done = hub.done.filter((one) => one.entry !== entry);
      const item = entry.item;
      if (!item) return;
      if (entry.turns) item.edit = { version: item.version, turns: entry.turns, boxes: entry.boxes ?? null, at: Date.now() };
      hub.queue = [item, ...hub.queue.filter((one) => one.id !== item.id)];
      show();
    };

    // ---- showing
    const show = () => {
      spent = 0;
      since = performance.now();
      hub.current = hub.queue[0] ?? null;
      if (hub.current) hub.isEmpty = false;
      hub.emit("take", hub.current);
      hub.emit("item", hub.current);
      hub.emit("listed");
    };
    const fill = (items) => {
      const before = hub.queue[0];
      take(items);
      if (!before) {
        hub.isEmpty = hub.queue.length === 0;
        show();
        if (hub.isEmpty) hub.emit("empty");
        hub.go(hub.view);
      }
      hub.emit("listed");
    };
    const next = () => hub.attempt("next", () => hub.call("next", { ...asking(), have: have(), resume: false }));
    const more = async () => {
      const answer = await next();
      if (answer) fill(answer.items);
      else if (!hub.queue.length) hub.emit("item", null);
    };
    hub.more = more;

    // ---- an empty queue is looked at again: what is imported or generated meanwhile comes by itself
    let looking = false;
    const lookAgain = async () => {
      if (looking || !hub.isEmpty || !hub.key || document.hidden || hub.view !== "queue" || !rv.visible(hub.root)) return;
      looking = true;
      const answer = await next();
      looking = false;
      if (answer?.items.length) fill(answer.items);
    };
    setInterval(lookAgain, EMPTY_MS);
    hub.on("view", (view) => { if (view === "queue") lookAgain(); });

    // ---- deciding
    hub.decide = (action, extra = {}) => {
      const item = hub.current;
      if (!item || hub.view !== "queue") return;
      tick();
      const entry = { id: item.id, version: item.version, second: item.second, action, seconds: Math.round(spent / 100) / 10, item, ...extra };
      outbox.push(entry);
      keepOutbox();
      hub.queue.shift();
      hub.done.unshift({ id: item.id, action, entry, words: WORDS[action], text: extra.reasonWords ?? "", title: title(item) });
      hub.done.length = Math.min(hub.done.length, 50);
      hub.tell("refused", "");
      show();
      send();
    };
    const title = (item) => (item.turns.find((turn) => turn.role === "user")?.text ?? "").replace(/<image>|<pointcloud>/g, "").trim().slice(0, 120);
    hub.title = title;

    hub.undo = async (event = null) => {
      const last = outbox[outbox.length - 1];
      if (event === null && last && !(sending && outbox.length === 1)) {
        outbox.pop();
        keepOutbox();
        bringBack(last);
        hub.saved("Undone before it was saved");
        return;
      }
      await settled();
      const answer = await hub.attempt("undo", () => hub.call("undo", { event }));
      if (!answer) return;
      const [item] = answer.items;
      hub.done = hub.done.filter((one) => (event === null ? one.id !== item.id : one.event !== event));
      hub.queue = [item, ...hub.queue.filter((one) => one.id !== item.id)];
      hub.emit("coming", item);
      hub.go("queue");
      show();
      hub.saved("Undone");
    };
    hub.actions.undo = () => hub.undo();
    hub.actions.skip = () => hub.decide("skip");

    /** One of those at hand first; not fetched anew, because a second opinion must not see the first. */
    hub.bringForward = (item) => {
      hub.queue = [item, ...hub.queue.filter((one) => one !== item)];
      show();
    };

    /** Put an item before everything else: from the grid, the list, or after a conflict. */
    hub.openItem = async (id) => {
      const answer = await hub.attempt("look", () => hub.call("look", { id }));
      if (!answer) return;
      const [item] = answer.items;
      hub.queue = [item, ...hub.queue.filter((one) => one.id !== id)];
      hub.emit("coming", item);
      hub.isEmpty = false;
      hub.go("queue");
      show();
    };

    // ---- somebody else decided first
    const conflict = (entry, stale) => {
      hub.done = hub.done.filter((one) => one.entry !== entry);
      const item = stale.current ?? entry.item;
      item.conflict = { text: stale.text, seen: stale.seen ?? entry.item, current: stale.current, entry };
      if (entry.turns) item.edit = { version: item.version, turns: entry.turns, boxes: entry.boxes ?? null, at: Date.now() };
      hub.queue = [item, ...hub.queue.filter((one) => one.id !== item.id)];
      hub.saved("Somebody decided first");
      show();
    };
    hub.leave = () => {
      rv.kept.write(`edit-${hub.current.id}`, null);
      hub.call("drop", { id: hub.current.id }).catch(() => {});  // only a copy of a text that the person let go
      hub.queue.shift();
      show();
      more();
    };

    // ---- leases
    setInterval(async () => {
      if (!active || !hub.queue.length || !hub.who) return;
      active = false;
      const answer = await hub.call("renew", { ids: hub.queue.map((item) => item.id) }).catch(() => null);
      if (!answer) return;  // said where it matters: when something is to be saved
      const mine = new Set(answer.held);
      // Those after the one that is seen are dropped when somebody else has them now; the one that is seen stays.
      hub.queue = hub.queue.filter((item, index) => index === 0 || mine.has(item.id));
      hub.emit("listed");
      more();
    }, RENEW_MS);

    // ---- filters
    hub.filter = async (filters, order) => {
      Object.assign(hub, { filters, order });
      rv.kept.write("filters", filters);
      rv.kept.write("order", order);
      await settled();
      const held = hub.queue.map((item) => item.id);
      hub.queue = [];
      hub.current = null;
      await hub.call("release", { ids: held }).catch(() => null);  // their leases run out by themselves
      await more();
    };

    // ---- beginning
    const begin = async () => {
      if (!hub.who) return;
      adopt();
      const answer = await hub.attempt("open", () => hub.call("open", { ...asking(), have: have(), resume: true }));
      if (!answer) {
        hub.emit("closed");
        return;
      }
      hub.key = answer.key;
      hub.known = answer;
      hub.emit("known", answer);
      hub.queue = [];
      hub.isEmpty = false;
      fill(answer.items);
      if (outbox.length) send();
    };
    hub.begin = begin;
    hub.on("begin", () => (hub.who ? begin() : hub.emit("ask-who")));
    hub.on("who", begin);
    addEventListener("beforeunload", (event) => { if (outbox.length) event.preventDefault(); });
  });
})();
