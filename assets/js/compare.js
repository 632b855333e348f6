// What one does with the newest answer: sends it to review, compares it; and the two answers side by side.
// Does not know models nor the queue. Words come from models: they are only ever set as text.
(() => {
  const lamm = window.lamm;

  lamm.answerActions = (element, props, watch, tell) => {
    const root = element.querySelector(".answer-actions");
    const said = root.querySelector(".answer-sent");
    const select = root.querySelector("select");
    const review = root.querySelector("[data-do=review]");
    let choices = [];

    const draw = () => {
      const value = props.value || {};
      root.hidden = !value.ready && !value.sent;
      review.hidden = !value.ready;
      said.textContent = value.sent || "";
      said.classList.toggle("failed", Boolean(value.failed));
      choices = value.choices || [];
      select.hidden = choices.length === 0;
      const words = ["Compare with …", ...choices.map((choice) => choice.label)];
      select.replaceChildren(...words.map((text, index) => new Option(text, String(index - 1))));
      select.value = "-1";
    };
    // A choice is made with the mouse, or with Enter: the arrow keys alone must not start a computation.
    let typed = false;
    const choose = () => {
      const choice = choices[Number(select.value)];
      select.value = "-1";
      if (choice) tell.compare({ model: choice.model, adapter: choice.adapter });
    };
    select.addEventListener("keydown", (event) => {
      typed = true;
      if (event.key === "Enter") { event.preventDefault(); choose(); }
    });
    select.addEventListener("pointerdown", () => { typed = false; });
    select.addEventListener("change", () => { if (!typed) choose(); });
    review.addEventListener("click", () => tell.review());
    watch("value", draw);
    draw();
  };

  lamm.comparison = (element, props, watch, close) => {
    const root = element.querySelector(".comparison");
    const sides = root.querySelector(".comparison-sides");
    const draw = () => {
      const wanted = (props.value && props.value.sides) || [];
      root.hidden = wanted.length === 0;
      sides.replaceChildren(...wanted.map((side) => {
        const column = document.createElement("article");
        column.className = `side-${side.side}`;
        const parts = [["h3", `${side.side.toUpperCase()} · ${side.name}`], ["p", side.text], ["small", side.facts]];
        column.append(...parts.map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })));
        return column;
      }));
    };
    root.querySelector("[data-do=close]").addEventListener("click", close);
    watch("value", draw);
    draw();
  };
})();
