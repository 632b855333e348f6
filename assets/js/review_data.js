// Data in and out: importing files and marked samples, exporting pinned versions, generating drafts and following runs.
// Does not know formats. Words come from files and programs: only ever set as text.
(() => {
  const lamm = window.lamm;
  const { rv } = lamm;
  const make = (...given) => lamm.make(...given);
  const LOOK_MS = 1000;

  const field = (words, input, hint = "") => make("label", {}, make("span", { textContent: words }), input, ...(hint ? [make("small", { textContent: hint })] : []));
  const select = (options) => make("select", {}, ...Object.entries(options).map(([value, textContent]) => make("option", { value, textContent })));
  const button = (words, press, kind = "") => {
    const made = make("button", { type: "button", textContent: words, className: kind });
    made.addEventListener("click", press);
    return made;
  };
  const card = (title, ...content) => make("section", { className: "rv-block" }, make("h2", { textContent: title }), ...content);

  /** Looks again and again while something runs and the view is seen. */
  const following = (hub, view, load, runs) => {
    let timer = 0;
    const look = async () => {
      clearTimeout(timer);
      if (hub.view !== view || !hub.key || !rv.visible(hub.root)) return;
      const told = await hub.attempt(view, load);
      if (told && runs(told)) timer = setTimeout(look, LOOK_MS);
    };
    hub.on("view", (now) => { if (now === view) look(); });
    return look;
  };
  const jobRow = (hub, job, look) => {
    const { values } = job;
    const words = values.address ? values.address : values.manifest ? `version ${values.manifest.content_hash.slice(0, 12)}, ${sum(values.manifest.records)} records in ${values.folder}`
      : values.read === undefined ? "" : `${values.read.toLocaleString("en")} read, ${values.added} added, ${values.known} there already, ${values.broken} broken`;
    const row = make("li", { className: job.state }, make("b", { textContent: job.title }), make("span", { textContent: [job.state, words].filter(Boolean).join(": ") }), make("span", { className: "warn", textContent: job.message }));
    if (job.state === "running") row.append(button("Stop", async () => { await hub.attempt("data", () => hub.call("stop_job", { number: job.number })); look(); }));
    if (values.reasons?.length) row.append(make("details", {}, make("summary", { textContent: `What is broken (${values.reasons.length} named)` }), make("ul", {}, ...values.reasons.map((one) => make("li", { textContent: one })))));
    return row;
  };
  const sum = (counts) => Object.values(counts ?? {}).reduce((total, one) => total + one, 0);

  rv.parts.push((hub) => {
    const panel = hub.root.querySelector("[data-panel=data]");
    let built = null;
    const build = (told) => {
      const form = select(told.forms), path = make("input", { type: "text", placeholder: "path of a file or folder on the machine that runs this program" });
      const media = make("input", { type: "text", placeholder: "where relative media paths start; empty: beside the file" });
      const source = make("input", { type: "text", maxLength: 200, placeholder: "name of the set, where records do not say" });
      const file = make("input", { type: "file", accept: ".json,.jsonl,.parquet", hidden: true });
      file.addEventListener("change", async () => {
        if (!file.files[0]) return;
        const sent = await hub.attempt("upload", () => hub.upload(file.files[0]));
        if (sent) path.value = sent.path;
      });
      const bring = async () => {
        const begun = await hub.attempt("import", () => hub.call("import", { form: form.value, path: path.value, media: media.value, source: source.value }));
        if (begun) look();
      };
      const name = make("input", { type: "text", maxLength: 80, placeholder: "pets-1" });
      const out = select(told.exportForms), event = make("input", { type: "number", min: 1, placeholder: "now" });
      const which = make("form", { className: "rv-filters" });
      which.setAttribute("aria-label", "Which items leave");
      let filters = {};
      const chosen = rv.filterForm(hub, which, { statuses: ["accepted", "edited", "rejected", "flagged", "skipped", "draft"], first: "accepted and edited",
        read: () => ({ filters }), apply: (now) => { filters = now; }, ordered: false });
      chosen.draw(null);
      hub.on("counted", chosen.draw);
      const apart = make("input", { type: "number", min: 0, max: 0.9, step: 0.01, value: 0.05 });
      const leave = async () => {
        const begun = await hub.attempt("export", () => hub.call("export", { name: name.value, form: out.value, filters, event: Number(event.value) || null, heldApart: Number(apart.value) || 0 }));
        if (begun) look();
      };
      built = { marked: make("p", {}), jobs: make("ul", { className: "rv-jobs" }), versions: make("div", {}) };
      panel.replaceChildren(make("div", { className: "rv-columns" },
        card("Import", field("What it is", form), field("Where it is", path, told.roots.length ? `Below ${told.roots[0]}, or choose a file.` : "Choose a file."), make("p", { className: "rv-tools" }, button("Choose a file", () => file.click()), file),
          field("Media", media), field("Set", source), make("p", { className: "rv-tools" }, button("Import", bring, "primary")), built.marked),
        card("Export", make("p", { className: "none", textContent: "Accepted and edited items leave as a version that never changes. Its hash is what a training recipe names." }),
          field("Name", name), field("Form", out), which, field("As of act", event, "its number: point at a line of a history"), field("Share held apart", apart, "of media groups, for testing: no picture is in both splits"),
          make("p", { className: "rv-tools" }, button("Export", leave, "primary")))),
      card("What was done", built.jobs), card("Versions", built.versions));
    };
    const draw = (told) => {
      if (!built) build(told);
      built.marked.replaceChildren(told.marked ? `${told.marked} marked ${told.marked > 1 ? "samples wait" : "sample waits"} (from the chats and the benchmark). ` : "No marked samples wait. ",
        ...(told.marked ? [button("Import them", async () => { if (await hub.attempt("import", () => hub.call("import_marked"))) look(); })] : []));
      built.jobs.replaceChildren(...(told.jobs.length ? told.jobs.map((job) => jobRow(hub, job, look)) : [make("li", { className: "none", textContent: "Nothing yet, since the program was started." })]));
      const names = told.exports.map((one) => one.name).join(" ");
      if (names === built.names) return;  // versions never change, and somebody may be typing in one
      built.names = names;
      built.versions.replaceChildren(...(told.exports.length ? told.exports.map((one) => {
        const details = make("details", {}, make("summary", {}, make("b", { textContent: one.name }), ` ${one.problem ?? `${one.manifest.form} · ${sum(one.manifest.records)} records · as of act ${one.manifest.event} · ${one.manifest.content_hash.slice(0, 12)}`}`),
          make("p", { textContent: one.folder }), ...(one.manifest?.form === "datasets" ? [hubForm(one.name)] : []), make("pre", { textContent: JSON.stringify(one.manifest ?? {}, null, 2) }));
        details.dataset.name = one.name;
        return details;
      }) : [make("p", { className: "none", textContent: `None yet. They are written to ${told.exportFolder}.` })]));
    };
    const hubForm = (name) => {
      const repository = make("input", { type: "text", maxLength: 200, placeholder: "OWNER/NAME" }), open = make("input", { type: "checkbox" });
      repository.setAttribute("aria-label", `Data set on the Hub for ${name}`);
      const push = async () => {
        const begun = await hub.attempt("push", () => hub.call("push", { name, repository: repository.value, public: open.checked }));
        if (begun) look();
      };
      return make("p", { className: "rv-tools" }, repository, make("label", { className: "rv-tick" }, open, "everybody may see it"), button("Push to the Hub", push),
        make("small", { textContent: "With the token that the program was started with, in HF_TOKEN." }));
    };
    let before = 0;
    const look = following(hub, "data", async () => {
      const told = await hub.call("exchange");
      draw(told);
      const running = told.jobs.filter((job) => job.state === "running").length;
      if (before && !running) hub.refresh();
      before = running;
      return told;
    }, (told) => told.jobs.some((job) => job.state === "running"));
  });

  rv.parts.push((hub) => {
    const panel = hub.root.querySelector("[data-panel=generate]");
    let built = null;
    const build = (told) => {
      const reader = select(Object.fromEntries(told.readers.map((one) => [one.name, `${one.name}: ${one.about}`])));
      reader.value = "csv";
      const needs = make("small", {});
      const folder = make("input", { type: "text", placeholder: "folder of the set on the machine that runs this program" });
      const kinds = make("div", { className: "rv-tools" });
      const drawKinds = () => {
        const one = told.readers.find((each) => each.name === reader.value);
        needs.textContent = `It needs ${one.files.join("; ")}`;
        kinds.replaceChildren(...one.kinds.map((kind) => make("label", { className: "rv-tick" }, make("input", { type: "checkbox", value: kind, checked: kind === "C1" || kind === "C3" }), `${kind} ${told.kinds[kind] ?? ""}`)));
      };
      const fill = () => {  // the shipped pictures, so that the first run needs nothing
        if (["", told.example].includes(folder.value)) folder.value = reader.value === "csv" ? told.example : "";
      };
      reader.addEventListener("change", () => { fill(); drawKinds(); });
      fill();
      drawKinds();
      const client = select(told.clients), model = make("input", { type: "text", maxLength: 120, placeholder: "as the server names it; empty: the usual one" });
      const limit = make("input", { type: "number", min: 1, max: 1_000_000, value: 12 }), each = make("input", { type: "number", min: 1, max: 1_000, value: 1 });
      const budget = make("input", { type: "number", min: 0, step: 0.01, placeholder: "none" });
      const asked = () => ({ reader: reader.value, folder: folder.value, client: client.value, model: model.value, limit: Number(limit.value) || 0, each: Number(each.value) || 0, budget: Number(budget.value) || 0,
        kinds: [...kinds.querySelectorAll("input:checked")].map((one) => one.value) });
      built = { preview: make("div", {}), runs: make("ul", { className: "rv-jobs" }) };
      const show = button("Show a prompt and the cost", async () => {
        show.disabled = true;
        built.preview.replaceChildren(make("p", { className: "none", role: "status", textContent: "Reading the source …" }));
        const given = asked();
        const plan = await hub.attempt("plan", () => hub.call("plan", given));
        show.disabled = false;
        built.preview.replaceChildren();
        if (!plan) return;
        const { parts = [] } = plan.plan;
        built.preview.append(make("p", {}, make("code", { textContent: plan.command })),
          make("ul", {}, ...parts.map((part) => make("li", { textContent: `${part.source} ${part.kind}: ${part.items} pairs, ${part.requests} requests, ${part.input_tokens} tokens in, ${part.output_tokens} out (estimates)${cost(part.cost)}${given.client === "fake" ? ", were it paid" : ""}` }))),
          make("pre", { textContent: plan.prompt, tabIndex: 0 }));
      });
      const run = button("Start generating", async () => {
        run.disabled = true;
        const begun = await hub.attempt("generate", () => hub.call("generate", asked()));
        run.disabled = false;
        if (begun) look();
      }, "primary");
      panel.replaceChildren(make("div", { className: "rv-columns" },
        card("Generate drafts", field("Source", reader), needs, field("Folder", folder), field("Kinds", kinds), field("Who writes", client), field("Model", model),
          field("At most, of each kind", limit), field("From one picture or scan", each, "pairs of each kind"), field("Stop at, in US dollars", budget), make("p", { className: "rv-tools" }, show, run)),
        card("Prompt and cost", built.preview)), card("Runs", built.runs));
      built.preview.append(make("p", { className: "none", textContent: "Nothing is sent before you start. Look at one rendered prompt and what all of it would cost first." }));
    };
    const cost = (micros) => (typeof micros === "number" ? `, US$ ${(micros / 1e6).toFixed(4)}` : "");
    const draw = (told) => {
      if (!built) build(told);
      built.runs.replaceChildren(...(told.runs.length ? told.runs.map((run) => {
        const refused = sum(run.rejected);
        const words = `${run.state}: ${run.drafts ?? 0} drafts, ${refused} answers refused, ${run.failed ?? 0} requests failed, ${run.broken ?? 0} sources broken${cost(run.spent)}`;
        const row = make("li", { className: run.state }, make("b", { textContent: run.name }), make("span", { textContent: words }), make("span", { className: "warn", textContent: run.message ?? "" }));
        if (run.running) row.append(button("Stop", async () => { await hub.attempt("generate", () => hub.call("stop_run", { run: run.name })); look(); }));
        else if (run.drafts) row.append(button("Add to the queue", async () => { if (await hub.attempt("generate", () => hub.call("add_run", { run: run.name }))) look(); }));
        row.append(make("small", {}, make("code", { textContent: run.command })));
        if (run.last) row.append(make("pre", { textContent: run.last }));
        return row;
      }) : [make("li", { className: "none", textContent: "No run yet." })]), ...told.jobs.filter((job) => job.title.startsWith("Adding run")).map((job) => jobRow(hub, job, look)));
    };
    let before = 0;
    const look = following(hub, "generate", async () => {
      const told = await hub.call("generation");
      draw(told);
      const running = told.jobs.filter((job) => job.state === "running").length;
      if (before && !running) hub.refresh();
      before = running;
      return told;
    }, (told) => told.runs.some((run) => run.running) || told.jobs.some((job) => job.state === "running"));
  });
})();
