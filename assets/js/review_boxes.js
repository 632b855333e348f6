// Boxes edited by hand. On a picture: draw, move, resize by handles, with the mouse or with keys. In a cloud: numbers in
// metres, drawn as they are typed. In both: name, delete, a new one, take back.
// Does not know decisions: what was changed is part of the edit that review_text.js saves.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
  const STEP = 0.01, SMALLEST = 0.005, DRAWN = 0.012;
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const within = (value) => Math.min(1, Math.max(0, value));
  const round = (value) => Math.round(within(value) * 10_000) / 10_000;
  const metres = (value) => Math.round(value * 1_000) / 1_000;
  const SOLID = ["centre x", "centre y", "centre z", "size x", "size y", "size z"];

  rv.parts.push((hub) => {
    const { find, root } = hub;
    const button = find("[data-do=edit-boxes]"), list = find(".rv-boxes");
    let edited = null;  // the boxes as changed; null: as they came
    let past = [];
    let on = false, selected = null;

    hub.boxes = () => edited ?? hub.current?.boxes ?? [];
    hub.editedBoxes = () => edited;

    const change = (boxes, { keep = true } = {}) => {
      if (keep) past.push(hub.boxes());
      edited = boxes;
      hub.emit("boxes");
      hub.emit("edited");
    };
    const put = (index, values) => change(hub.boxes().map((box, at) => (at === index ? { ...box, values } : box)), { keep: false });
    const remove = (index) => { selected = null; change(hub.boxes().filter((_, at) => at !== index)); };
    const add = (values = fresh()) => {
      const label = hub.boxes()[selected]?.label ?? hub.boxes().at(-1)?.label ?? "object";
      change([...hub.boxes(), { label, values }]);
      selected = hub.boxes().length - 1;
      hub.emit("boxes");
    };

    const fresh = () => {
      if (isFlat()) return [0.4, 0.4, 0.6, 0.6];
      const [x, y, z, width, depth, height] = hub.boxes()[selected]?.values ?? hub.boxes().at(-1)?.values ?? [-0.2, 0, 0.1, 0.2, 0.2, 0.2];
      return [metres(x + width), y, z, width, depth, height];  // beside the one before, to be put right
    };

    // ---- on and off
    const shows = (modality) => hub.current?.media[0]?.modality === modality && !hub.current.media[0].gone;
    const isFlat = () => shows("image"), isBoxable = () => isFlat() || shows("pointcloud");
    const setOn = (now) => {
      on = now && isBoxable();
      if (!on) selected = null;
      root.toggleAttribute("data-boxing", on && isFlat());
      drawButton();
      hub.emit("boxes");
    };
    const drawButton = () => {
      button.hidden = !isBoxable();
      button.setAttribute("aria-pressed", String(on));
      button.replaceChildren(on ? "Boxes: done " : "Edit boxes ", lamm.make("kbd", { textContent: rv.shown(rv.keys().boxes) }));
      button.title = isFlat() ? "Drag to draw, drag a box to move it, handles to resize, Delete to remove, N for a new one, Z to take back"
        : "Centre and size of each box in metres, in the list of boxes; N for a new one, Z to take back";
    };
    hub.actions.boxes = () => { if (hub.view === "queue" && isBoxable()) setOn(!on); };
    button.addEventListener("click", () => setOn(!on));
    hub.on("keys", drawButton);

    // ---- with the mouse
    const svg = hub.svg, picture = find(".rv-picture");
    const at = (event) => {
      const area = svg.getBoundingClientRect();
      return [within((event.clientX - area.left) / area.width), within((event.clientY - area.top) / area.height)];
    };
    let drag = null;
    picture.addEventListener("pointerdown", (event) => {
      if (!on || event.button !== 0) return;
      event.preventDefault();
      picture.setPointerCapture(event.pointerId);
      const start = at(event);
      const handle = event.target.closest("[data-handle]")?.dataset.handle;
      const key = event.target.closest("[data-light]")?.dataset.light ?? "";
      const index = handle ? selected : key.startsWith("box-") ? Number(key.slice(4)) : null;
      drag = { start, index, handle, before: hub.boxes(), values: index === null ? null : hub.boxes()[index].values, moved: false };
      if (index !== selected) { selected = index; hub.emit("boxes"); }
    });
    picture.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const [x, y] = at(event);
      const dx = x - drag.start[0], dy = y - drag.start[1];
      if (!drag.moved && Math.hypot(dx, dy) < 0.004) return;
      if (!drag.moved) { drag.moved = true; past.push(drag.before); }
      if (drag.index === null) {
        drag.rubber = [Math.min(x, drag.start[0]), Math.min(y, drag.start[1]), Math.max(x, drag.start[0]), Math.max(y, drag.start[1])];
        svg.querySelector(".rubber")?.remove();
        svg.append(rv.outline(drag.rubber, "rubber", "rubber"));
      } else put(drag.index, drag.handle ? resized(drag.values, drag.handle, dx, dy) : moved(drag.values, dx, dy));
    });
    const drop = () => {
      if (!drag) return;
      const { rubber } = drag;
      drag = null;
      svg.querySelector(".rubber")?.remove();
      if (rubber && rubber[2] - rubber[0] > DRAWN && rubber[3] - rubber[1] > DRAWN) {
        past.pop();
        add(rubber.map(round));
        nameIt();
      }
    };
    picture.addEventListener("pointerup", drop);
    picture.addEventListener("pointercancel", drop);

    const moved = (values, dx, dy) => {
      if (values.length === 2) return [round(values[0] + dx), round(values[1] + dy)];
      const [left, top, right, bottom] = values;
      const x = Math.min(1 - right, Math.max(-left, dx)), y = Math.min(1 - bottom, Math.max(-top, dy));
      return [left + x, top + y, right + x, bottom + y].map(round);
    };
    const resized = ([left, top, right, bottom], handle, dx, dy) => {
      if (handle.includes("w")) left = Math.min(left + dx, right - SMALLEST);
      if (handle.includes("e")) right = Math.max(right + dx, left + SMALLEST);
      if (handle.includes("n")) top = Math.min(top + dy, bottom - SMALLEST);
      if (handle.includes("s")) bottom = Math.max(bottom + dy, top + SMALLEST);
      return [left, top, right, bottom].map(round);
    };

    // ---- with keys, while boxes are edited and nobody types
    hub.ownKey = (event) => {
      if (hub.reasonKey?.(event)) return true;
      if (!on || hub.view !== "queue") return false;
      const key = event.key;
      const box = selected === null ? null : hub.boxes()[selected];
      if (key.toLowerCase() === "n") { add(); return true; }
      if (key.toLowerCase() === "z") { if (past.length) { selected = null; change(past.pop(), { keep: false }); } return true; }
      if (key === "Escape") { if (box) { selected = null; hub.emit("boxes"); } else setOn(false); return true; }
      if (key === "Tab" || !box) return false;
      if (key === "Delete" || key === "Backspace") { remove(selected); return true; }
      if (key === "Enter" && !event.target.closest("button")) { nameIt(); return true; }
      if (!ARROWS[key] || !isFlat()) return false;
      const [x, y] = ARROWS[key].map((value) => value * STEP);
      past.push(hub.boxes());
      put(selected, event.shiftKey && box.values.length === 4 ? resized(box.values, "se", x, y) : moved(box.values, x, y));
      return true;
    };

    // ---- handles, and the list
    hub.on("drawn", () => {
      for (const part of root.querySelectorAll(".rv-picture .truth")) part.classList.toggle("selected", part.dataset.light === `box-${selected}`);
      const box = on && selected !== null ? hub.boxes()[selected] : null;
      if (box?.values.length !== 4) return;
      const [left, top, right, bottom] = box.values;
      const places = { w: left, e: right, n: top, s: bottom };
      for (const handle of HANDLES) {
        const dot = lamm.make("i", { className: "rv-handle" });
        dot.dataset.handle = handle;
        dot.style.left = `${((places[handle.at(-1)] ?? (left + right) / 2)) * 100}%`;
        if ("ns".includes(handle)) dot.style.left = `${((left + right) / 2) * 100}%`;
        dot.style.top = `${(places[handle[0]] ?? (top + bottom) / 2) * 100}%`;
        if ("ew".includes(handle)) dot.style.top = `${((top + bottom) / 2) * 100}%`;
        hub.labels.append(dot);
      }
    });
    const nameIt = () => { const field = list.children[selected]?.querySelector("input"); field?.focus(); field?.select(); };
    const drawList = () => {
      const boxes = hub.boxes();
      const focused = document.activeElement?.closest?.(".rv-boxes li");
      const kept = focused && document.activeElement.tagName === "INPUT" ? [...list.children].indexOf(focused) : null;
      if (kept !== null && list.querySelectorAll("[data-light]").length === boxes.length) return mark();  // somebody types a name just now
      list.replaceChildren(...boxes.map((box, index) => {
        const field = lamm.make("input", { value: box.label, readOnly: !on, maxLength: 200 });
        field.setAttribute("aria-label", `Name of box ${index + 1}`);
        field.addEventListener("focus", () => { if (on) { selected = index; hub.drawBoxes(); mark(); } });
        field.addEventListener("input", () => {
          edited = hub.boxes().map((one, where) => (where === index ? { ...one, label: field.value } : one));
          hub.drawBoxes();
          hub.emit("edited");
        });
        field.addEventListener("keydown", (event) => { if (["Enter", "Escape"].includes(event.key)) field.blur(); });
        const row = lamm.make("li", {}, field, lamm.make("small", { textContent: box.values.map((value) => value.toFixed(2)).join(" ") }));
        hub.lights(row, `box-${index}`);
        if (on && box.values.length === 6) row.querySelector("small").replaceWith(numbers(index));
        if (on) {
          const bin = lamm.make("button", { type: "button", textContent: "Delete" });
          bin.setAttribute("aria-label", `Delete box ${index + 1}, ${box.label}`);
          bin.addEventListener("click", () => remove(index));
          row.append(bin);
        }
        return row;
      }));
      if (!boxes.length) list.append(lamm.make("li", { className: "none", textContent: "The source has no boxes." }));
      if (on && !isFlat()) {
        const more = lamm.make("button", { type: "button" });
        more.append("New box ", lamm.make("kbd", { textContent: "N" }));
        more.addEventListener("click", () => add());
        list.append(lamm.make("li", { className: "none" }, more));
      }
      mark();
    };
    /** Centre and size of a box in space; a number that is none, or a size of nothing, changes nothing and says so. */
    const numbers = (index) => lamm.make("span", { className: "rv-solid" }, ...SOLID.map((what, place) => {
      const field = lamm.make("input", { type: "number", step: 0.01, value: metres(hub.boxes()[index].values[place]), title: `${what}, metres` });
      field.setAttribute("aria-label", `Box ${index + 1}: ${what}, in metres`);
      let before = null;  // one step back for all that is typed in a field
      field.addEventListener("focus", () => { selected = index; before = hub.boxes(); mark(); });
      field.addEventListener("input", () => {
        const value = field.value === "" ? NaN : Number(field.value);
        const fits = Number.isFinite(value) && Math.abs(value) < 1e6 && (place < 3 || value > 0);
        field.setAttribute("aria-invalid", String(!fits));
        if (!fits) return;
        if (before) { past.push(before); before = null; }
        put(index, hub.boxes()[index].values.map((one, at) => (at === place ? value : one)));
      });
      field.addEventListener("keydown", (event) => { if (["Enter", "Escape"].includes(event.key)) field.blur(); });
      field.addEventListener("blur", () => { if (field.getAttribute("aria-invalid") === "true") drawList(); });
      return field;
    }));
    const mark = () => [...list.children].forEach((row, index) => row.classList.toggle("selected", on && index === selected));

    hub.resetBoxes = () => { edited = null; past = []; selected = null; hub.emit("boxes"); };
    hub.on("boxes", drawList);
    hub.on("take", (item) => {
      edited = item?.edit?.boxes ?? null;
      past = [];
      selected = null;
      drag = null;
      if (on && !isBoxable()) setOn(false);
      root.toggleAttribute("data-boxing", on && isFlat());
      drawButton();
      drawList();
    });
  });
})();
