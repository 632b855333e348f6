// The stage of the review tab: the picture with its boxes, or the cloud in the viewer, made ready before it is seen.
// Does not know decisions nor how boxes are edited. Labels come from files and models: only ever set as text.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const SVG = "http://www.w3.org/2000/svg";
  const KEPT = 40;  // pictures

  rv.shape = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  rv.outline = (values, kind, key) => {
    const group = rv.shape("g", { class: kind, "data-light": key });
    const [x, y] = values.map((value) => value * 1000);
    if (values.length === 4) {
      const box = { x, y, width: Math.max(1, (values[2] - values[0]) * 1000), height: Math.max(1, (values[3] - values[1]) * 1000) };
      group.append(rv.shape("rect", { ...box, class: "casing" }), rv.shape("rect", { ...box, class: "line" }));
    } else {
      const dot = { d: `M${x} ${y}h0.01` };  // a line of no length with round ends stays a round dot
      group.append(rv.shape("path", { ...dot, class: "casing dot" }), rv.shape("path", { ...dot, class: "line dot" }));
    }
    return group;
  };

  rv.parts.push((hub) => {
    const { find, root } = hub;
    const frame = find(".rv-frame"), picture = find(".rv-picture"), image = picture.querySelector("img");
    const svg = picture.querySelector("svg"), labels = find(".rv-labels");
    const place = find(".rv-cloud"), gone = find(".rv-gone"), strip = find(".rv-strip"), hint = find(".rv-hint");
    const toggle = find("[data-do=show-boxes]");
    hub.svg = svg;
    hub.labels = labels;

    // ---- made ready
    const ready = new Map();
    const prepare = (item, number) => {
      const name = `${item.id} ${number}`;
      const kept = ready.get(name);
      if (kept) return kept;
      const entry = {};
      entry.promise = (async () => {
        if (item.media[number].modality === "pointcloud") {
          entry.cloud = (await hub.call("cloud", { id: item.id, number })).cloud;
          return;
        }
        entry.url = await hub.picture(item.id, number);
        const loaded = new Image();
        loaded.src = entry.url;
        await loaded.decode().catch(() => { throw new Error("This browser cannot show the picture."); });
        Object.assign(entry, { width: loaded.naturalWidth, height: loaded.naturalHeight, loaded });
      })().catch((error) => { entry.problem = error.message; }).finally(() => { entry.done = true; });
      ready.set(name, entry);
      for (const [oldest, one] of ready) {
        if (ready.size <= KEPT) break;
        if (one.url) URL.revokeObjectURL(one.url);
        ready.delete(oldest);
      }
      return entry;
    };
    hub.on("coming", (item) => item.media.forEach((medium, number) => { if (!medium.gone) prepare(item, number); }));

    // ---- the viewer of clouds comes with the first cloud
    let viewer = null;
    const withViewer = async () => {
      viewer ??= import(hub.base + hub.options.script).then(({ Viewer }) => new Viewer(place, { root: hub.base, name: "review-cloud",
        onPick: ({ number }) => { if (number) hub.light(`box-${number - 1}`); },
        onPlain: () => { say("This browser cannot draw clouds (no WebGL 2). The boxes are listed on the right."); } }));
      return viewer;
    };
    place.addEventListener("lamm-light", (event) => hub.light(event.detail.number ? `box-${event.detail.number - 1}` : null));
    const solid = (box, number, kind) => ({ number, label: box.label, centre: box.values.slice(0, 3), size: box.values.slice(3), kind, confidence: null });
    const cloudValue = (entry, lit) => {
      const boxes = hub.boxes().filter((box) => box.values.length === 6).map((box, index) => solid(box, index + 1, "truth"));
      const check = lit?.startsWith("check-") ? hub.current.checks[Number(lit.slice(6))]?.box : null;
      if (check?.values.length === 6) boxes.push(solid(check, 1000, "answer"));
      return { ...entry.cloud, boxes: hidden ? [] : boxes, highlight: null };
    };

    // ---- showing
    let shown = 0, hidden = false;
    const say = (words) => { gone.hidden = !words; gone.textContent = words; };
    const draw = async () => {
      const item = hub.current;
      const medium = item?.media[shown];
      drawStrip(item);
      const cloud = medium?.modality === "pointcloud";
      frame.hidden = !item || cloud || !medium;
      place.hidden = !item || !cloud;
      toggle.hidden = !medium;
      say(!item ? "" : !medium ? "This item has no picture and no cloud." : medium.gone);
      if (!medium || medium.gone) { frame.hidden = place.hidden = true; return; }
      const entry = prepare(item, shown);
      if (!entry.done) {
        image.removeAttribute("src");
        hub.drawBoxes();
        await entry.promise;
        if (hub.current !== item || item.media[shown] !== medium) return;
      }
      if (entry.problem) { frame.hidden = place.hidden = true; say(entry.problem); return; }
      if (cloud) {
        const drawn = await withViewer().catch(() => null);
        if (hub.current !== item) return;
        if (!drawn) { say("The viewer could not be loaded. Load the page anew."); return; }
        drawn.show(cloudValue(entry, null));
        return;
      }
      picture.style.setProperty("--ratio", entry.width / entry.height);
      if (image.getAttribute("src") !== entry.url) image.src = entry.url;
      image.alt = `${medium.name}, ${entry.width} × ${entry.height}`;
      hub.drawBoxes();
    };
    const drawStrip = (item) => {
      const media = item?.media ?? [];
      strip.replaceChildren(...(media.length < 2 ? [] : media.map((medium, number) => {
        const button = lamm.make("button", { type: "button", textContent: String(number + 1), title: medium.name });
        button.setAttribute("aria-label", `Show ${medium.name}`);
        button.setAttribute("aria-pressed", String(number === shown));
        button.addEventListener("click", () => { shown = number; draw(); });
        return button;
      })));
      hint.textContent = media[shown]?.name ?? "";
    };

    hub.drawBoxes = () => {
      const item = hub.current;
      svg.replaceChildren();
      labels.replaceChildren();
      if (!item || frame.hidden) { redrawCloud(null); return; }
      const flat = (box) => box && box.values.length !== 6 && box.values.length > 0;
      const shapes = [];
      hub.boxes().forEach((box, index) => { if (flat(box)) shapes.push([box.values, "truth", `box-${index}`, box.label]); });
      item.mentions.forEach((mention, index) => { if (flat(mention)) shapes.push([mention.values, "answer", `mention-${index}`, mention.label]); });
      item.checks.forEach((check, index) => { if (flat(check.box)) shapes.push([check.box.values, "spoken", `check-${index}`, check.box.label || check.name]); });
      const area = (values) => (values.length === 4 ? (values[2] - values[0]) * (values[3] - values[1]) : 0);
      shapes.sort((one, other) => area(other[0]) - area(one[0]));  // small ones on top
      const stands = item.media.length < 2 || shown === 0;  // boxes speak of the first medium
      for (const [values, kind, key, words] of stands ? shapes : []) {
        const group = rv.outline(values, kind, key);
        const tag = lamm.make("span", { className: kind, textContent: words });
        tag.dataset.light = key;
        tag.style.left = `${values[0] * 100}%`;
        tag.style.top = `${values[1] * 100}%`;
        if (values[1] < 0.08) tag.classList.add("below");
        if (values[0] > 0.75) tag.classList.add("leftward");
        for (const target of [group, tag]) {
          target.addEventListener("mouseenter", () => hub.light(key));
          target.addEventListener("mouseleave", () => hub.light(null));
        }
        svg.append(group);
        if (words) labels.append(tag);
      }
      hub.emit("drawn");
      paint();
    };
    const redrawCloud = async (lit) => {
      const item = hub.current;
      const entry = item && ready.get(`${item.id} ${shown}`);
      if (!viewer || place.hidden || !entry?.cloud) return;
      (await viewer).show(cloudValue(entry, lit));
    };

    // ---- one thing is spoken of at a time: in the text, on the stage and in the lists
    let lit = null;
    const paint = () => {
      root.toggleAttribute("data-lit", lit !== null);
      for (const part of root.querySelectorAll("[data-light]")) part.classList.toggle("lit", lit !== null && part.dataset.light.split(" ").includes(lit));
    };
    hub.light = (key) => {
      if (key === lit) return;
      const before = lit;
      lit = key;
      paint();
      if (place.hidden || !viewer) return;
      const number = !key ? null : key.startsWith("box-") ? Number(key.slice(4)) + 1
        : key.startsWith("mention-") ? hub.current?.mentions[Number(key.slice(8))]?.number ?? null : key.startsWith("check-") ? 1000 : null;
      if (key?.startsWith("check-") || before?.startsWith("check-")) redrawCloud(key);
      viewer.then((drawn) => drawn.setHighlight(number));
    };
    hub.lights = (element, key) => {
      element.dataset.light = key;
      for (const name of ["mouseenter", "focusin"]) element.addEventListener(name, () => hub.light(key));
      for (const name of ["mouseleave", "focusout"]) element.addEventListener(name, () => hub.light(null));
    };

    toggle.addEventListener("click", () => {
      hidden = root.toggleAttribute("data-bare");
      toggle.setAttribute("aria-pressed", String(!hidden));
      redrawCloud(null);
    });
    hub.on("item", () => { shown = 0; lit = null; draw(); });
    hub.on("boxes", () => { hub.drawBoxes(); });
  });
})();
