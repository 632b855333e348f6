// The hub of the review tab: asking the program, what is kept in this browser, keys, views, messages.
// Does not know items; review_desk.js does. Words come from files and models: only ever set as text.
(() => {
  const lamm = window.lamm;
  const rv = (lamm.rv = { parts: [] });

  rv.kept = {
    read: (name, otherwise) => {
      try { return JSON.parse(localStorage.getItem(`lamm-review-${name}`)) ?? otherwise; } catch { return otherwise; }
    },
    write: (name, value) => {
      try {
        if (value === null) localStorage.removeItem(`lamm-review-${name}`);
        else localStorage.setItem(`lamm-review-${name}`, JSON.stringify(value));
        return true;
      } catch { return false; }  // storage is off or full: what matters is on the other side too
    },
  };

  // ---- keys: what each does, the key it has at first; people change them
  rv.ACTIONS = [
    ["accept", "a", "Accept"], ["edit", "e", "Edit"], ["reject", "r", "Reject"], ["flag", "f", "Flag"],
    ["skip", "s", "Skip"], ["undo", "u", "Undo"], ["boxes", "w", "Edit boxes"], ["queue", "q", "Queue"],
    ["browse", "g", "Browse"],
  ];
  const MORE = [
    ["1 … =", "a reason, once Reject is pressed"], ["Ctrl ↵", "save the edit"], ["N", "a new box, while boxes are edited"],
    ["Delete", "remove the chosen box"], ["← → ↑ ↓", "move the chosen box, with Shift resize it"], ["Z", "take the last change of a box back"],
  ];
  const TAKEN = { "/": "search", "?": "the list of keys", b: "boxes on or off", d: "dark or light" };
  rv.keys = () => {
    const own = rv.kept.read("keys", {});
    return Object.fromEntries(rv.ACTIONS.map(([name, key]) => [name, typeof own[name] === "string" ? own[name] : key]));
  };
  rv.shown = (key) => (key === " " ? "Space" : key.length === 1 ? key.toUpperCase() : key);

  rv.typing = (target) => Boolean(target.closest?.("input, textarea, select, [contenteditable=true], [role=listbox]"));
  rv.visible = (element) => element.getClientRects().length > 0;

  class Refused extends Error {
    constructor({ title, text, later }) { super(text); Object.assign(this, { title, later: Boolean(later) }); }
  }

  lamm.reviewDesk = (element, options, server, upload) => {
    const root = element.querySelector(".rv");
    const find = (selector) => root.querySelector(selector);
    const listeners = new Map();
    const hub = {
      root, find, upload, options,
      base: (window.gradio_config?.root ?? "").replace(/\/$/, ""),
      who: window.gradio_config?.username || rv.kept.read("who", ""),  // who signed in need not say so
      key: "",
      actions: {},
      on: (name, listener) => { listeners.set(name, [...(listeners.get(name) ?? []), listener]); },
      emit: (name, value) => { for (const listener of listeners.get(name) ?? []) listener(value); },
    };

    // ---- asking the program
    hub.call = async (act, values = {}) => {
      let answer;
      try {
        answer = await server.review({ act, who: hub.who, ...values });
      } catch {
        answer = null;
      }
      if (!answer || typeof answer !== "object") {
        throw new Refused({ title: "The program does not answer", later: true,
          text: "Is it still running? What you did is kept in this browser and is sent when it answers again." });
      }
      if (answer.error) throw new Refused(answer.error);
      return answer;
    };
    hub.picture = async (item, number, { small = false } = {}) => {
      const address = `${hub.base}/lamm/reviews/media/${encodeURIComponent(item)}/${number}${small ? "?small=1" : ""}`;
      const response = await fetch(address, { headers: { "X-Lamm-Key": hub.key } });
      if (response.ok) return URL.createObjectURL(await response.blob());
      const told = await response.json().catch(() => null);
      throw new Error(told?.message ?? "The picture could not be fetched. Load the page anew.");
    };

    // ---- messages: one banner for what is wrong until it is right, one line for what is saved
    const banner = find(".rv-banner");
    const told = new Map();
    hub.tell = (about, title, text = "", button = null) => {
      if (title) told.set(about, { title, text, button });
      else told.delete(about);
      banner.hidden = told.size === 0;
      banner.replaceChildren(...[...told.entries()].map(([name, one]) => {
        const close = lamm.make("button", { type: "button", textContent: one.button?.words ?? "Close" });
        close.addEventListener("click", () => { hub.tell(name, ""); one.button?.press(); });
        return lamm.make("p", {}, lamm.make("b", { textContent: one.title }), lamm.make("span", { textContent: one.text }), close);
      }));
    };
    hub.attempt = async (about, work) => {
      try {
        const result = await work();
        hub.tell(about, "");
        return result;
      } catch (error) {
        hub.tell(about, error.title ?? "Something unexpected happened", error.message);
        if (!error.title) console.error(error);
        return null;
      }
    };
    hub.saved = (words) => { find(".rv-saved").textContent = words; };

    // ---- the views
    hub.view = "queue";
    hub.go = (view) => {
      hub.view = view;
      root.dataset.view = view;
      for (const panel of root.querySelectorAll(".rv-panel")) panel.hidden = panel.dataset.panel !== view;
      for (const tab of root.querySelectorAll(".rv-nav [role=tab]")) {
        tab.setAttribute("aria-selected", String(tab.dataset.view === view));
        tab.tabIndex = tab.dataset.view === view ? 0 : -1;
      }
      find(".rv-start").hidden = Boolean(hub.who) && !(view === "queue" && hub.isEmpty);
      hub.emit("view", view);
    };
    find(".rv-nav").addEventListener("click", (event) => {
      const tab = event.target.closest("[data-view]");
      if (tab) hub.go(tab.dataset.view);
    });
    find(".rv-nav").addEventListener("keydown", (event) => {
      const tabs = [...root.querySelectorAll(".rv-nav [role=tab]")];
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
      hub.go(next.dataset.view);
      next.focus();
    });
    hub.actions.queue = () => hub.go("queue");
    hub.actions.browse = () => hub.go("browse");

    // ---- keys: in the tab that is seen, never while typing, never by holding one down
    document.addEventListener("keydown", (event) => {
      if (!root.isConnected || !rv.visible(root) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]") || rv.typing(event.target) || event.repeat) return;
      if (hub.ownKey?.(event)) { event.preventDefault(); return; }
      const key = event.key.toLowerCase();
      const keys = rv.keys();
      const action = Object.keys(keys).find((name) => keys[name] === key);
      if (!action || !hub.actions[action] || !hub.who) return;
      event.preventDefault();
      hub.actions[action]();
    });

    document.addEventListener("lamm-keys", ({ detail: table }) => {
      if (!root.isConnected) return;
      const keys = rv.keys();
      const row = ([key, words]) => lamm.make("tr", {}, lamm.make("td", {}, lamm.make("kbd", { textContent: key })), lamm.make("td", { textContent: words }));
      const title = lamm.make("tr", {}, lamm.make("th", { colSpan: 2, scope: "rowgroup", textContent: "In Review (they can be changed there)" }));
      table.querySelector(".rv-listed")?.remove();
      table.append(lamm.make("tbody", { className: "rv-listed" }, title, ...rv.ACTIONS.map(([name, , words]) => row([rv.shown(keys[name]), words])), ...MORE.map(row)));
    });

    const remap = find(".rv-remap");
    const drawRemap = (problem = "") => {
      const keys = rv.keys();
      const rows = rv.ACTIONS.map(([name, , words]) => {
        const button = lamm.make("button", { type: "button", textContent: rv.shown(keys[name]) });
        button.setAttribute("aria-label", `Key for ${words}: ${rv.shown(keys[name])}. Press to change.`);
        button.addEventListener("click", () => {
          button.textContent = "press a key";
          const take = (event) => {
            event.preventDefault();
            event.stopPropagation();
            button.removeEventListener("keydown", take);
            if (["Escape", "Tab"].includes(event.key)) { drawRemap(); return; }
            const key = event.key.toLowerCase();
            const other = rv.ACTIONS.find(([one]) => one !== name && keys[one] === key);
            if (["enter", "backspace", "delete", "shift", "control", "alt", "meta"].includes(key)) drawRemap(`${event.key} cannot be used.`);
            else if (TAKEN[key]) drawRemap(`${rv.shown(key)} means ${TAKEN[key]} already.`);
            else if (other) drawRemap(`${rv.shown(key)} means ${other[2]} already. Give that another key first.`);
            else { rv.kept.write("keys", { ...rv.kept.read("keys", {}), [name]: key }); drawRemap(); hub.emit("keys"); }
          };
          button.addEventListener("keydown", take);
          button.focus();
        });
        return lamm.make("tr", {}, lamm.make("td", { textContent: words }), lamm.make("td", {}, button));
      });
      const reset = lamm.make("button", { type: "button", textContent: "As they came" });
      reset.addEventListener("click", () => { rv.kept.write("keys", null); drawRemap(); hub.emit("keys"); });
      const close = lamm.make("button", { type: "button", textContent: "Close" });
      close.addEventListener("click", () => remap.close());
      remap.replaceChildren(
        lamm.make("h2", { id: "rv-remap-title", textContent: "Keys of the queue" }),
        lamm.make("p", { textContent: "Press a button, then the new key. They are kept in this browser and rest while you type." }),
        lamm.make("table", {}, lamm.make("tbody", {}, ...rows)),
        lamm.make("p", { className: "rv-problem", textContent: problem }), lamm.make("p", {}, reset, " ", close));
    };
    find("[data-do=keys]").addEventListener("click", () => { drawRemap(); remap.showModal(); });

    // ---- who: asked once, shown in the header
    hub.be = (name) => {
      hub.who = name.trim().slice(0, 80);
      rv.kept.write("who", hub.who);
      hub.drawWho();
      hub.emit("who");
    };
    hub.drawWho = () => {
      const chip = document.querySelector("#tools [data-action=reviewer]");
      if (!chip) return;
      chip.querySelector("span").textContent = hub.who;
      chip.hidden = !hub.who;
    };
    document.addEventListener("click", (event) => {
      if (event.target.closest?.("[data-action=reviewer]")) hub.emit("ask-who");
    });
    hub.drawWho();

    for (const part of rv.parts) part(hub);
    hub.go("queue");

    // ---- begin when the tab is first seen: whoever only chats claims nothing
    let begun = false;
    new IntersectionObserver((entries, observer) => {
      if (begun || !entries.some((entry) => entry.isIntersecting)) return;
      begun = true;
      observer.disconnect();
      hub.emit("begin");
    }).observe(root);
  };
})();
