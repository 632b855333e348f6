// The page's own behaviour: keys, light and dark, downloads, the words that name a box, the examples.
// Does not know how a picture is drawn; that is stage.js.
window.lamm = window.lamm || {};

(() => {
  const lamm = window.lamm;
  const byId = (id) => document.getElementById(id);

  // ---- light and dark: what was chosen last, else what the system says (Gradio's own rule, which also runs late)
  let look = null;
  try { look = localStorage.getItem("lamm-look"); } catch { look = null; }
  if (new URLSearchParams(location.search).has("__theme")) look = null;
  const applyLook = () => {
    if (look && document.body.classList.contains("dark") !== (look === "dark")) document.body.classList.toggle("dark");
  };
  const toggleDark = () => {
    look = document.body.classList.contains("dark") ? "light" : "dark";
    applyLook();
    try { localStorage.setItem("lamm-look", look); } catch { /* storage is off: lasts for this page */ }
  };

  // ---- the invisible joiners that keep < and & from being markup (app/chat_view.py) stay out of what one copies
  if (navigator.clipboard) {
    const write = navigator.clipboard.writeText.bind(navigator.clipboard);
    navigator.clipboard.writeText = (text) => write(text.replaceAll("\u2060", ""));
  }
  document.addEventListener("copy", (event) => {
    const text = String(getSelection());
    if (!text.includes("\u2060")) return;
    event.clipboardData.setData("text/plain", text.replaceAll("\u2060", ""));
    event.preventDefault();
  });

  // ---- files into the question
  lamm.attach = (files) => {
    const input = document.querySelector("#ask input[type=file]");
    if (!input || !files.length) return;
    const carrier = new DataTransfer();
    for (const file of files) carrier.items.add(file);
    input.files = carrier.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    document.querySelector("#ask textarea")?.focus();
  };
  // A file that is too large is not even sent. The server looks again: files come other ways, too.
  document.addEventListener("change", (event) => {
    if (event.target.type !== "file" || !window.lammLimits) return;
    const scans = Boolean(event.target.closest("#cloud-tab"));
    const notice = byId(scans ? "cloud-notice" : "notice");
    notice?.querySelectorAll(".too-large").forEach((old) => old.remove());
    const limit = (file) => (scans && !file.type.startsWith("image/") ? window.lammLimits.scan : window.lammLimits.picture);
    const large = [...event.target.files].find((file) => file.size > limit(file));
    if (!large) return;
    event.stopImmediatePropagation();
    event.target.value = "";
    const told = document.createElement("div");
    told.className = "too-large";
    told.setAttribute("role", "alert");
    const kind = limit(large) === window.lammLimits.scan ? "A scan" : "A picture";
    told.textContent = `${large.name} has ${Math.ceil(large.size / 1e6)} MB. ${kind} may have ${limit(large) / 1e6} MB here; `
      + "make it smaller.";
    notice?.append(told);
  }, true);
  lamm.chooseFile = () => document.querySelector("#ask input[type=file]")?.click();

  lamm.save = (file) => {
    if (!file || !file.text) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file.text], { type: file.type }));
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  lamm.examples = (element, choose) => {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-index]");
      if (button) choose(Number(button.dataset.index));
    });
  };

  // ---- one mark is spoken of at a time, on the stage, in the list and in the text
  const listeners = [];
  lamm.onSpotlight = (listener) => listeners.push(listener);
  let spot = null;
  lamm.spotlight = (index) => {
    if (index === spot) return;
    spot = index;
    for (const listener of listeners) listener(index);
  };

  // ---- phrases of the newest answer: marked with the Highlight API, so the thread's own elements stay untouched
  let ranges = [];
  const newestAnswer = () => {
    const messages = document.querySelectorAll("#thread .bot.message, #thread .message.bot");
    return messages.length ? messages[messages.length - 1] : null;
  };
  const rangeOf = (root, phrase, from) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const nodes = [];
    let whole = "";
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      nodes.push([whole.length, node]);
      whole += node.data;
    }
    const start = whole.indexOf(phrase, from);
    if (start < 0) return null;
    const place = (offset) => {
      let [at, node] = nodes[0];
      for (const [begin, candidate] of nodes) if (begin <= offset) { at = begin; node = candidate; }
      return [node, Math.min(offset - at, node.data.length)];
    };
    const range = new Range();
    range.setStart(...place(start));
    range.setEnd(...place(start + phrase.length));
    return { range, end: start + phrase.length };
  };
  const paintPhrases = () => {
    if (!("highlights" in CSS)) return;
    CSS.highlights.set("lamm-phrase", new Highlight(...ranges.filter(Boolean)));
    const active = spot === null ? null : ranges[spot];
    CSS.highlights.set("lamm-spot", active ? new Highlight(active) : new Highlight());
  };
  let marks = [];
  const findPhrases = () => {
    const answer = newestAnswer();
    let from = 0;
    ranges = marks.map((mark) => {
      const found = answer && mark.phrase ? rangeOf(answer, mark.phrase, from) : null;
      if (found) from = found.end;
      return found ? found.range : null;
    });
    paintPhrases();
  };
  lamm.phrases = (value) => { marks = value; requestAnimationFrame(() => requestAnimationFrame(findPhrases)); };
  lamm.onSpotlight(paintPhrases);
  document.addEventListener("mousemove", (event) => {
    if (!ranges.length || !event.target.closest || !event.target.closest("#thread")) return;
    const hit = ranges.findIndex((range) => range && [...range.getClientRects()].some((box) =>
      event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom));
    lamm.spotlight(hit < 0 ? null : hit);
  });

  // ---- the list of marks
  lamm.objects = (element, props, watch) => {
    const list = element.querySelector("ol");
    const none = element.querySelector(".objects-none");
    const draw = () => {
      const value = (props.value && props.value.marks) || [];
      none.hidden = value.length > 0;
      list.replaceChildren(...value.map((mark, index) => {
        const row = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.mark = index;
        if (mark.side) button.classList.add(`side-${mark.side}`);
        const label = document.createElement("b");
        label.textContent = mark.label;
        const place = document.createElement("small");
        place.textContent = mark.place.map((number) => number.toFixed(2)).join("  ");
        place.title = mark.place.length === 4 ? "left, top, right, bottom, as shares of the picture" : "across, down";
        button.append(label, place);
        for (const name of ["mouseenter", "focus"]) button.addEventListener(name, () => lamm.spotlight(index));
        for (const name of ["mouseleave", "blur"]) button.addEventListener(name, () => lamm.spotlight(null));
        row.append(button);
        return row;
      }));
    };
    lamm.onSpotlight((index) => list.querySelectorAll("button").forEach((button) =>
      button.classList.toggle("spot", Number(button.dataset.mark) === index)));
    watch("value", draw);
    draw();
  };

  // ---- keys
  const typing = (target) => target.closest && target.closest("input, textarea, select, [contenteditable=true], [role=listbox]");
  // Keys act in the tab that is seen.
  const seen = (selectors) => [...document.querySelectorAll(selectors)].filter((element) => element.getClientRects().length);
  const press = (selectors) => { const [button] = seen(selectors); if (button && !button.disabled) button.click(); };
  const showKeys = () => {
    const dialog = byId("keys");
    if (!dialog || dialog.open) return;
    document.dispatchEvent(new CustomEvent("lamm-keys", { detail: dialog.querySelector("table") }));  // tabs add their own
    dialog.showModal();
  };
  const last = (label) => {
    seen(`#thread button[aria-label="${label}"], #thread button[title="${label}"], .talk button[title="${label}"]`).pop()?.click();
  };
  const actions = {
    "/": () => seen("#ask textarea, #cloud-ask textarea, #bench-bar input[type=search], #review .rv-search")[0]?.focus(),
    "?": showKeys,
    r: () => last("Retry"),
    u: () => last("Undo"),
    m: () => press("#answer-actions [data-do=review], #cloud-talk [data-do=review]"),
    n: () => press("#new-chat, #cloud-new"),
    b: () => press("#stage .stage-bar [data-do=marks], #cloud-layers input, #bench-look [data-do=marks], #review [data-do=show-boxes]"),
    x: () => press("#bench-bar [data-do=tick]"),
    "←": () => press("#bench-bar [data-do=previous]"),
    "→": () => press("#bench-bar [data-do=next]"),
    d: toggleDark,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") { press("#ask .stop-button, #cloud-ask .stop-button"); return; }
    if (typing(event.target)) return;
    const arrow = { ArrowLeft: "←", ArrowRight: "→" }[event.key];
    if (arrow && (event.shiftKey || event.target.closest?.("canvas, [role=tab], .js-plotly-plot"))) return;  // theirs
    const action = actions[arrow ?? event.key.toLowerCase()];
    if (action) { event.preventDefault(); action(); }
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-action]");
    if (!button) return;
    if (button.dataset.action === "keys") showKeys();
    if (button.dataset.action === "dark") toggleDark();
    if (button.dataset.action === "runs") {
      [...document.querySelectorAll("#tabs [role=tab]")].find((tab) => tab.textContent.trim() === "Train")?.click();
    }
    if (button.dataset.action === "model") {
      if (!seen("#model").length) document.querySelector("#tabs [role=tab]")?.click();  // it is in the first tab
      document.querySelector("#model input")?.focus();
    }
  });

  // ---- names for controls that Gradio leaves without one
  const names = [
    ["#ask textarea", "Question"], ["#ask input[type=file]", "Add pictures"], ["#ask .upload-button", "Add pictures"],
    ["#ask .submit-button", "Send"], ["#ask .stop-button", "Stop the answer"],
    ["#thread .image-container > button", "Picture of the question"],
    ["#cloud-ask textarea", "Question about the scan"], ["#cloud-ask .submit-button", "Send"],
    ["#cloud-ask .stop-button", "Stop the answer"], ["#cloud-left input[type=file]", "Open a scan"],
  ];
  const nameControls = () => {
    for (const [selector, name] of names) {
      for (const control of document.querySelectorAll(selector)) {
        if (control.getAttribute("aria-label") !== name) control.setAttribute("aria-label", name);
        if (control.tagName === "BUTTON" && !control.title) control.title = name;
      }
    }
    for (const slider of document.querySelectorAll("#sampling input:not([aria-label])")) slider.setAttribute("aria-label", "Value");
  };
  const begin = () => {
    document.documentElement.lang = "en";
    applyLook();
    new MutationObserver(applyLook).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    nameControls();
    const watched = { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"] };
    new MutationObserver(nameControls).observe(document.body, watched);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();  // Gradio may put this script into a page that has loaded already
})();
