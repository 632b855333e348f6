// The conversation about a scan: messages as text with the objects they name as buttons.
// Does not know the viewer; scene.js lights what a button points at. Words come from models: only ever set as text.
(() => {
  const lamm = window.lamm;

  const chip = (part) => {
    const button = lamm.make("button", { type: "button", className: "object-chip", title: `${part.title}: show it in the scan` });
    if (part.text) button.append(`${part.text} `);
    button.append(lamm.make("small", { textContent: `obj${part.number}` }));
    lamm.pointsAt(button, part.number);
    return button;
  };

  const bodyOf = (message) => message.parts.map((part) => (part.number ? chip(part) : document.createTextNode(part.text)));

  lamm.talk = (element, props, watch, tell) => {
    const root = element.querySelector(".talk");
    const list = root.querySelector(".talk-messages");
    const empty = root.querySelector(".talk-empty");
    let drawn = [];

    const tools = (message) => {
      const button = (words, act) => {
        const made = lamm.make("button", { type: "button", textContent: words, title: words });
        made.addEventListener("click", act);
        return made;
      };
      const copy = button("Copy", async () => {
        await navigator.clipboard.writeText(message.copy);
        copy.textContent = "Copied";
        setTimeout(() => { copy.textContent = "Copy"; }, 1500);
      });
      const review = button("Send to review", tell.review);
      review.dataset.do = "review";
      return lamm.make("p", { className: "talk-tools" }, copy, button("Retry", tell.retry), button("Undo", tell.undo), review);
    };

    const draw = () => {
      const { messages = [], writing = false } = props.value || {};
      empty.hidden = messages.length > 0;
      const near = root.scrollHeight - root.scrollTop - root.clientHeight < 60;
      const wanted = messages.map((message, index) => {
        const last = !writing && message.role === "assistant" && !messages.slice(index + 1).some((one) => one.role !== "note");
        return { key: JSON.stringify([message, last]), message, last };
      });
      wanted.forEach(({ key, message, last }, index) => {
        if (drawn[index] === key) return;
        const made = lamm.make("div", { className: `talk-${message.role}` }, ...bodyOf(message));
        if (last) made.append(tools(message));
        if (list.children[index]) list.children[index].replaceWith(made);
        else list.append(made);
      });
      while (list.children.length > wanted.length) list.lastChild.remove();
      drawn = wanted.map(({ key }) => key);
      if (near || writing) root.scrollTop = root.scrollHeight;
    };
    watch("value", draw);
    draw();
  };
})();
