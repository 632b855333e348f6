// The conversation of an item: checks as marks in the text, editing it, and what an edit changes word by word.
// Does not know the stage. Everything written by models and people is only ever set as text.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const WHO = { user: "Question", assistant: "Answer", system: "System" };
  const MOST_STEPS = 1_500;  // changes that are told word by word; more are told as one
  const KEEP_MS = 500;

  // ---- the difference of two texts in words: Myers' greedy way, after what both begin and end with
  const words = (text) => text.match(/\s+|[^\s]+/g) ?? [];
  rv.diff = (before, after) => {
    const a = words(before), b = words(after);
    let start = 0, end = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
    while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
    const parts = [];
    const say = (kind, text) => {
      if (!text) return;
      if (parts.at(-1)?.[0] === kind) parts.at(-1)[1] += text;
      else parts.push([kind, text]);
    };
    say("same", a.slice(0, start).join(""));
    for (const [kind, text] of middle(a.slice(start, a.length - end), b.slice(start, b.length - end))) say(kind, text);
    say("same", a.slice(a.length - end).join(""));
    return parts;
  };
  const middle = (a, b) => {
    const whole = () => [["gone", a.join("")], ["new", b.join("")]];
    if (!a.length || !b.length) return whole();
    const most = Math.min(a.length + b.length, MOST_STEPS);
    const reach = new Map([[1, 0]]);
    const trace = [];
    for (let steps = 0; steps <= most; steps += 1) {
      trace.push(new Map(reach));
      for (let k = -steps; k <= steps; k += 2) {
        let x = k === -steps || (k !== steps && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1)) ? reach.get(k + 1) ?? 0 : (reach.get(k - 1) ?? 0) + 1;
        let y = x - k;
        while (x < a.length && y < b.length && a[x] === b[y]) { x += 1; y += 1; }
        reach.set(k, x);
        if (x >= a.length && y >= b.length) return walk(a, b, trace);
      }
      if (trace.length * trace.length > 600_000) return whole();
    }
    return whole();
  };
  const walk = (a, b, trace) => {
    const parts = [];
    let x = a.length, y = b.length;
    for (let steps = trace.length - 1; steps >= 0 && (x > 0 || y > 0); steps -= 1) {
      const reach = trace[steps];
      const k = x - y;
      const back = k === -steps || (k !== steps && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1)) ? k + 1 : k - 1;
      const fromX = reach.get(back) ?? 0, fromY = fromX - back;
      while (x > Math.max(0, fromX) && y > Math.max(0, fromY)) { x -= 1; y -= 1; parts.push(["same", a[x]]); }
      if (steps === 0) break;
      if (x > fromX) { x -= 1; parts.push(["gone", a[x]]); } else if (y > fromY) { y -= 1; parts.push(["new", b[y]]); }
    }
    return parts.reverse();
  };
  const CONTEXT = 160;  // letters shown around a change
  rv.drawDiff = (before, after) => {
    const parts = rv.diff(before, after);
    const line = lamm.make("p", { className: "rv-diff" });
    parts.forEach(([kind, text], index) => {
      if (kind === "same") {
        const first = index === 0, last = index === parts.length - 1;
        if (text.length > 2 * CONTEXT) text = `${first ? "" : text.slice(0, CONTEXT)} … ${last ? "" : text.slice(-CONTEXT)}`;
        line.append(text);
      } else line.append(lamm.make(kind === "gone" ? "del" : "ins", { textContent: text }));
    });
    return line;
  };

  rv.parts.push((hub) => {
    const { find } = hub;
    const talk = find(".rv-talk"), conflict = find(".rv-conflict"), tip = find(".rv-tip");
    let fields = null;  // the fields of an edit; null while nothing is edited
    let dropped = null;  // the text of the edit that was let go last
    let timer = 0;

    // ---- reading
    const showTip = (element, text) => {
      const spot = element.getBoundingClientRect(), home = hub.root.getBoundingClientRect();
      tip.textContent = text;
      tip.hidden = false;
      tip.style.left = `${Math.max(4, Math.min(spot.left - home.left, home.width - 328))}px`;
      tip.style.top = `${spot.bottom - home.top + 4}px`;
    };
    const paragraph = (item, number) => {
      const { text } = item.turns[number];
      const same = item.draft[number]?.text === text;
      const marks = [];
      item.mentions.forEach((one, index) => { if (one.turn === number) marks.push({ ...one, key: `mention-${index}`, kind: "mention" }); });
      // Checks speak of the draft: where it was edited since, their places are no longer true.
      item.checks.forEach((one, index) => {
        if (same && one.span?.turn === number && one.span.end > one.span.start) marks.push({ ...one.span, key: `check-${index}`, kind: "check", reason: one.message || one.name, score: one.score });
      });
      const ends = [...new Set([0, text.length, ...marks.flatMap((mark) => [mark.start, mark.end])])].filter((end) => end <= text.length).sort((a, b) => a - b);
      const line = lamm.make("p", {});
      const begun = new Set();
      for (let index = 0; index + 1 < ends.length; index += 1) {
        const [start, end] = [ends[index], ends[index + 1]];
        const over = marks.filter((mark) => mark.start <= start && mark.end >= end);
        const part = text.slice(start, end);
        if (!over.length) { line.append(part); continue; }
        const checks = over.filter((mark) => mark.kind === "check");
        const element = lamm.make(checks.length ? "mark" : "span", { className: over.map((mark) => mark.kind).join(" "), textContent: part });
        hub.lights(element, over[over.length - 1].key);
        element.dataset.light = over.map((mark) => mark.key).join(" ");
        const reason = checks.map((mark) => mark.reason).join("; ");
        if (reason) {
          if (checks.some((mark) => !begun.has(mark.key))) {
            element.tabIndex = 0;
            element.setAttribute("aria-label", `${part}. Check: ${reason}`);
          }
          for (const name of ["mouseenter", "focus"]) element.addEventListener(name, () => showTip(element, reason));
          for (const name of ["mouseleave", "blur"]) element.addEventListener(name, () => { tip.hidden = true; });
        }
        over.forEach((mark) => begun.add(mark.key));
        line.append(element);
      }
      return line;
    };
    const read = (item) => {
      fields = null;
      tip.hidden = true;
      talk.classList.remove("editing");
      talk.replaceChildren(...item.turns.map((turn, number) => {
        const block = lamm.make("div", { className: `rv-turn ${turn.role}` }, lamm.make("b", { textContent: WHO[turn.role] ?? turn.role }), paragraph(item, number));
        const draft = item.draft[number]?.text ?? "";
        if (draft !== turn.text) block.append(lamm.make("small", { textContent: "Changed since the draft:" }), rv.drawDiff(draft, turn.text));
        return block;
      }));
      talk.scrollTop = 0;
    };

    // ---- editing
    const values = () => fields.map(({ role, field }) => ({ role, text: field.value }));
    const differs = () => {
      const item = hub.current;
      if (!item) return false;
      if (hub.editedBoxes()) return true;
      if (!fields) return false;
      return fields.length !== item.turns.length || fields.some(({ field }, number) => field.value !== item.turns[number].text);
    };
    hub.changed = differs;
    const editing = (item, turns) => {
      talk.classList.add("editing");
      tip.hidden = true;
      fields = turns.map((turn, number) => field(item, turn, number));
      const add = lamm.make("button", { type: "button", textContent: "Add a round" });
      add.addEventListener("click", () => {
        fields.push(field(item, { role: "user", text: "" }, fields.length), field(item, { role: "assistant", text: "" }, fields.length + 1));
        layOut();
        touched();
        fields.at(-2).field.focus();
      });
      const less = lamm.make("button", { type: "button", textContent: "Remove the last round" });
      less.addEventListener("click", () => { if (fields.length > 2) { fields.length -= 2; layOut(); touched(); } });
      const back = lamm.make("button", { type: "button", textContent: "Back to how it was" });
      back.addEventListener("click", letGo);
      const layOut = () => {
        talk.replaceChildren(...fields.map((one) => one.block), lamm.make("div", { className: "rv-tools" }, add, less, back));
        less.disabled = fields.length <= 2;
        fields.forEach((one) => grow(one.field));
      };
      layOut();
    };
    const field = (item, turn, number) => {
      const made = lamm.make("textarea", { value: turn.text, rows: 1, spellcheck: true });
      made.setAttribute("aria-label", `${WHO[turn.role] ?? turn.role} ${Math.floor(number / 2) + 1}`);
      const change = lamm.make("div", { className: "rv-change" });
      const block = lamm.make("div", { className: `rv-turn ${turn.role}` }, lamm.make("b", { textContent: WHO[turn.role] ?? turn.role }), made, change);
      const compare = () => {
        const draft = item.draft[number]?.text ?? "";
        change.replaceChildren(...(draft === made.value ? [] : [rv.drawDiff(draft, made.value)]));
      };
      made.addEventListener("input", () => { grow(made); compare(); touched(); });
      made.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); save(); }
        if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); talk.focus(); }
      });
      compare();
      return { role: turn.role, field: made, block };
    };
    const grow = (made) => { made.style.height = "auto"; made.style.height = `${Math.min(made.scrollHeight + 2, 420)}px`; };

    /** Something was typed or a box was changed: keep it here at once and on the other side a little later. */
    const touched = () => {
      hub.emit("changed");
      const item = hub.current;
      if (!item) return;
      const before = Math.max(rv.kept.read(`edit-${item.id}`, null)?.at ?? 0, item.edit?.at ?? 0);
      const at = Math.max(Date.now(), before + 1);  // what was typed last is the newest, also where the clock was put back
      const edit = { id: item.id, version: item.version, turns: fields ? values() : item.turns, boxes: hub.editedBoxes(), at };
      rv.kept.write(`edit-${item.id}`, edit);
      clearTimeout(timer);
      timer = setTimeout(async () => {
        try { await hub.call("keep", edit); hub.tell("keep", ""); } catch (error) { hub.tell("keep", "Your edit is kept in this browser only", error.message); }
      }, KEEP_MS);
    };
    hub.on("edited", touched);
    const begin = () => {
      const item = hub.current;
      if (!item || hub.view !== "queue") return;
      if (fields) { save(); return; }
      editing(item, item.turns);
      const last = fields.findLast((one) => one.role === "assistant") ?? fields.at(-1);
      last.field.focus();
      last.field.setSelectionRange(last.field.value.length, last.field.value.length);
      hub.emit("changed");
    };
    hub.actions.edit = begin;
    const save = () => {
      const item = hub.current;
      if (!differs()) { hub.tell("edit", "Nothing is changed yet", "Change the text or the boxes, or accept the item as it is."); return; }
      hub.tell("edit", "");
      clearTimeout(timer);
      const turns = fields ? values() : item.turns.map(({ role, text }) => ({ role, text }));
      hub.decide("edit", { turns, boxes: hub.editedBoxes() });
    };
    hub.saveEdit = save;
    const letGo = () => {
      const item = hub.current;
      const was = { turns: fields ? values() : item.turns, boxes: hub.editedBoxes() };
      dropped = differs() ? { id: item.id, ...was } : null;
      clearTimeout(timer);
      rv.kept.write(`edit-${item.id}`, null);
      item.edit = null;
      hub.call("drop", { id: item.id }).catch(() => {});  // a copy; the text is in `dropped`
      hub.resetBoxes();
      read(item);
      hub.emit("changed");
      if (dropped) hub.tell("edit", "Your edit was let go", "", { words: "Bring it back", press: bringBack });
    };
    hub.letGo = letGo;
    const bringBack = () => {
      const item = hub.current;
      if (!dropped || item?.id !== dropped.id) return;
      item.edit = { version: item.version, turns: dropped.turns, boxes: dropped.boxes };
      hub.emit("take", item);
      hub.emit("item", item);
      touched();
    };

    // ---- somebody decided first: what was seen, what is there now, what was tried
    const drawConflict = (item) => {
      const told = item?.conflict;
      conflict.hidden = !told;
      if (!told) { conflict.replaceChildren(); return; }
      const { seen, current, entry } = told;
      const side = (title, now, before) => lamm.make("div", {}, lamm.make("h2", { textContent: title }),
        ...now.map((turn, number) => {
          const was = before?.[number]?.text;
          return was === undefined || was === turn.text ? lamm.make("p", { className: "rv-diff", textContent: turn.text }) : rv.drawDiff(was, turn.text);
        }));
      const columns = [side("As you saw it", seen.turns, null)];
      if (current) columns.push(side(`Now: ${current.status}${current.by ? ` by ${current.by}` : ""}, version ${current.version}`, current.turns, seen.turns));
      if (entry.turns) columns.push(side("Your edit", entry.turns, seen.turns));
      const again = lamm.make("button", { type: "button", className: "primary", textContent: entry.turns ? "Go on with my edit" : "Decide about it as it is now" });
      again.addEventListener("click", () => { item.conflict = null; hub.emit("take", item); hub.emit("item", item); });
      const leave = lamm.make("button", { type: "button", textContent: "Leave it as it is now" });
      leave.addEventListener("click", () => { item.conflict = null; hub.leave(); });
      conflict.replaceChildren(lamm.make("p", { textContent: told.text }), lamm.make("div", { className: "rv-sides" }, ...columns),
        lamm.make("p", { className: "rv-tools" }, again, leave));
    };

    hub.on("item", (item) => {
      clearTimeout(timer);
      hub.tell("edit", "");
      drawConflict(item);
      if (!item) { fields = null; talk.replaceChildren(); return; }
      const local = rv.kept.read(`edit-${item.id}`, null);
      const edit = local && (!item.edit || (local.at ?? 0) >= (item.edit.at ?? 0)) ? local : item.edit;
      if (edit && edit !== item.edit) { item.edit = edit; hub.emit("take", item); }
      if (edit?.turns && (edit.boxes || JSON.stringify(edit.turns.map((turn) => turn.text)) !== JSON.stringify(item.turns.map((turn) => turn.text)))) {
        editing(item, edit.turns);
        if (edit.version !== item.version && !item.conflict) hub.tell("edit", "The item has changed since you began this edit", "Your text is below; compare it before you save.");
      } else read(item);
      hub.emit("changed");
    });
  });
})();
