// The 3D tab around its viewer: the cover of the empty stage, the doctor's card, the table of boxes, files dropped in.
// Does not know how a cloud is drawn; that is app/viewer. Words come from files and models: only ever set as text.
(() => {
  const lamm = window.lamm;

  const make = (tag, attributes = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  };
  lamm.make = make;

  // ---- one object is lit at a time: in the scan, in the talk and in the table
  const viewer = () => window.lammViewers?.get("cloud-view");
  const spot = (number) => {
    for (const element of document.querySelectorAll("#cloud-tab [data-object]")) {
      element.classList.toggle("spot", number !== null && Number(element.dataset.object) === number);
    }
  };
  lamm.lightObject = (number) => { viewer()?.setHighlight(number); spot(number); };
  lamm.flyToObject = (number) => viewer()?.flyTo(number);
  document.addEventListener("lamm-light", (event) => spot(event.detail.number));
  lamm.pointsAt = (element, number) => {
    element.dataset.object = number;
    for (const name of ["mouseenter", "focus"]) element.addEventListener(name, () => lamm.lightObject(number));
    for (const name of ["mouseleave", "blur"]) element.addEventListener(name, () => lamm.lightObject(null));
    element.addEventListener("click", () => lamm.flyToObject(number));
  };

  // ---- files
  const input = () => document.querySelector("#cloud-left input[type=file]");
  const megabytes = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
  const give = (files) => {
    if (!input() || !files.length) return;
    const carrier = new DataTransfer();
    for (const file of files) carrier.items.add(file);
    input().files = carrier.files;
    input().dispatchEvent(new Event("change", { bubbles: true }));
  };

  lamm.fetchFile = (file) => {
    const link = make("a", { href: file.url, download: file.orig_name || "" });
    document.body.append(link);
    link.click();
    link.remove();
  };

  lamm.sceneCover = (element, props, watch, wantExample) => {
    const root = element.querySelector(".cloud-cover");
    const doing = root.querySelector(".cloud-doing");
    const refused = root.querySelector(".cloud-refused");
    const stage = element.closest("#cloud-stage");
    const say = (words) => { doing.textContent = words ? `${words} …` : ""; root.toggleAttribute("data-doing", Boolean(words)); };
    const draw = () => {
      const value = props.value || {};
      root.dataset.state = value.open ? "open" : "empty";
      say(value.doing);
      refused.hidden = !value.refused;
      refused.querySelector("b").textContent = value.refused?.title ?? "";
      refused.querySelector("span").textContent = value.refused?.text ?? "";
    };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button?.dataset.do === "example") { say("Opening the example"); wantExample(); }
      if (button?.dataset.do === "upload") input()?.click();
      if (button?.dataset.do === "dismiss") refused.hidden = true;
    });
    document.addEventListener("change", (event) => {
      const files = event.target === input() ? [...event.target.files] : [];
      const names = files.map((file) => file.name).join(", ");
      const bytes = files.reduce((sum, file) => sum + file.size, 0);
      if (files.length) { refused.hidden = true; say(`Sending ${names} (${megabytes(bytes)})`); }
    }, true);
    const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    stage.addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); stage.dataset.over = "yes"; } });
    stage.addEventListener("dragleave", () => { delete stage.dataset.over; });
    stage.addEventListener("drop", (event) => {
      delete stage.dataset.over;
      if (!carriesFiles(event)) return;
      event.preventDefault();
      give([...event.dataTransfer.files]);
    });
    watch("value", draw);
    draw();
  };

  // ---- the picture that came with the scan
  lamm.linkedPicture = (element, props, watch) => {
    const root = element.querySelector(".linked-picture");
    const draw = () => {
      const picture = props.value;
      root.hidden = !picture;
      root.querySelector("img").src = picture?.source ?? "data:,";
      root.querySelector("img").alt = picture?.name ?? "";
      root.querySelector("figcaption").textContent = picture?.caption ?? "";
    };
    watch("value", draw);
    draw();
  };

  // ---- the doctor
  lamm.doctor = (element, props, watch, want) => {
    const body = element.querySelector(".doctor-body");
    const none = element.querySelector(".doctor-none");
    const button = (words, names, kind = "") => {
      const made = make("button", { type: "button", className: kind, textContent: words });
      made.addEventListener("click", () => {
        body.querySelectorAll("button").forEach((one) => { one.disabled = true; });
        want(names);
      });
      return made;
    };
    const draw = () => {
      const value = props.value || {};
      const findings = value.findings || [];
      const done = value.made || [];
      none.hidden = Boolean(value.name);
      const facts = make("dl", {}, ...(value.facts || []).flatMap(([name, words]) => [
        make("dt", { textContent: name }), make("dd", { textContent: words })]));
      const open = findings.filter((one) => one.fix && !done.includes(one.name));
      const rows = findings.map((one) => {
        const made = done.includes(one.name);
        const row = make("li", { className: made ? "made" : one.fix ? "odd" : "" },
          make("p", { className: "found" }, make("b", { textContent: one.name }), make("span", { textContent: one.guess }),
            make("small", { textContent: one.sure })),
          make("p", { className: "evidence", textContent: one.evidence }));
        if (made) row.append(make("p", { className: "effect", textContent: `✓ ${one.effect}` }),
          button("Undo", done.filter((name) => name !== one.name)));
        else if (one.fix) row.append(button(one.fix, [...done, one.name]));
        return row;
      });
      const notes = (value.notes || []).map((words) => make("p", { className: "note", textContent: words }));
      body.replaceChildren(...(value.name ? [make("p", { className: "file", textContent: value.name }), facts] : []));
      if (open.length > 1) body.append(button(`Make all ${open.length} fixes`, [...done, ...open.map((one) => one.name)], "primary"));
      body.append(make("ul", {}, ...rows), ...notes);
    };
    lamm.doctorAgain = draw;  // after a refused fix the buttons are needed again
    watch("value", draw);
    draw();
  };

  // ---- the table of boxes
  lamm.boxTable = (element, props, watch) => {
    const body = element.querySelector("tbody");
    const none = element.querySelector(".boxes-none");
    const heads = element.querySelectorAll("th");
    let drawn = "";
    const draw = () => {
      const value = props.value || { rows: [] };
      const now = JSON.stringify(value);
      if (now === drawn) return;
      drawn = now;
      heads[2].textContent = `Centre x, y, z (${value.unit})`;
      heads[3].textContent = `Size x, y, z (${value.unit})`;
      none.textContent = value.rows.length ? "" : value.open
        ? "Nothing stands out in this scan. See what the doctor says of its unit and its up axis."
        : "The objects that stand out in a scan are listed here, with their boxes.";
      body.replaceChildren(...value.rows.map((row) => {
        const name = row.number === null ? make("span", { textContent: row.identifier })
          : make("button", { type: "button", textContent: row.identifier, title: "Show it in the scan" });
        const line = make("tr", { className: row.kind }, make("td", {}, name), make("td", { textContent: row.label }),
          make("td", { textContent: row.centre.join("  ") }), make("td", { textContent: row.size.join("  ") }),
          make("td", { textContent: row.confidence }));
        if (row.number !== null) lamm.pointsAt(line, row.number);
        if (row.number !== null) for (const [event, to] of [["focus", row.number], ["blur", null]]) name.addEventListener(event, () => lamm.lightObject(to));
        return line;
      }));
    };
    watch("value", draw);
    draw();
  };
})();
