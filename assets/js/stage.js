// The stage: one picture with the boxes and points of the newest answer over it, and ways to bring a picture in.
// Does not know what is asked or answered. Labels come from models: they are only ever set as text.
(() => {
  const lamm = window.lamm;
  const SVG = "http://www.w3.org/2000/svg";

  lamm.stage = (element, props, watch, wantExample) => {
    const root = element.querySelector(".stage");
    const image = root.querySelector("img");
    const svg = root.querySelector("svg");
    const labels = root.querySelector(".stage-labels");
    const frame = root.querySelector(".stage-picture");
    const strip = root.querySelector(".stage-strip");
    const title = root.querySelector(".stage-name");
    const toggle = root.querySelector("[data-do=marks]");
    const camera = root.querySelector("dialog.camera");
    const video = camera.querySelector("video");
    let chosen = null;      // index of the shown picture; null: the newest
    let attached = null;    // a picture that stands in the question and is not asked about yet
    let spot = null;

    const pictures = () => props.pictures || [];
    const current = () => attached || pictures()[chosen === null ? pictures().length - 1 : chosen] || null;

    const drawPicture = () => {
      const picture = current();
      root.dataset.empty = picture ? "no" : "yes";
      if (!picture) { image.removeAttribute("src"); image.alt = ""; title.textContent = ""; drawStrip(); drawMarks(); return; }
      if (image.getAttribute("src") !== picture.source) image.src = picture.source;
      image.alt = picture.name;
      if (picture.width) frame.style.setProperty("--ratio", picture.width / picture.height);
      title.textContent = picture.width ? `${picture.name} · ${picture.width} × ${picture.height}` : picture.name;
      drawStrip();
      drawMarks();
    };
    image.addEventListener("load", () => frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight));

    const drawStrip = () => {
      const all = pictures();
      const shown = attached ? -1 : chosen === null ? all.length - 1 : chosen;
      strip.hidden = all.length < 2;
      strip.replaceChildren(...all.map((picture, index) => {
        const button = document.createElement("button");
        button.type = "button";
        button.setAttribute("aria-label", `Show ${picture.name}`);
        button.setAttribute("aria-pressed", String(index === shown));
        const small = document.createElement("img");
        small.src = picture.source;
        small.alt = "";
        button.append(small);
        button.addEventListener("click", () => { attached = null; chosen = index; drawPicture(); });
        return button;
      }));
    };

    // Boxes in units of a thousandth of the picture; lines keep their width whatever the size (vector-effect).
    const shape = (name, attributes) => {
      const made = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      return made;
    };
    const drawMarks = () => {
      const marks = attached ? [] : (props.value && props.value.marks) || [];
      svg.setAttribute("viewBox", "0 0 1000 1000");
      const shapes = [];
      const words = [];
      const sizes = new Map();
      marks.forEach((mark, index) => {
        const group = shape("g", { "data-mark": index, class: mark.side ? `side-${mark.side}` : "" });
        const [x, y] = mark.place.map((number) => number * 1000);
        const tag = document.createElement("span");
        tag.dataset.mark = index;
        tag.textContent = mark.label;
        if (mark.side) tag.classList.add(`side-${mark.side}`);
        if (mark.place.length === 4) {
          const box = { x, y, width: (mark.place[2] - mark.place[0]) * 1000, height: (mark.place[3] - mark.place[1]) * 1000 };
          group.append(shape("rect", { ...box, class: "casing" }), shape("rect", { ...box, class: "mark" }));
        } else {
          const dot = { d: `M${x} ${y}h0.01` };  // a line of no length with round ends: a dot that stays round
          group.append(shape("path", { ...dot, class: "casing dot" }), shape("path", { ...dot, class: "mark dot" }));
        }
        tag.style.left = `${mark.place[0] * 100}%`;
        tag.style.top = `${mark.place[1] * 100}%`;
        if (mark.place[1] < 0.08) tag.classList.add("below");
        if (mark.place[0] > 0.75) tag.classList.add("leftward");
        if (mark.place.length === 2) tag.classList.add("point");
        for (const target of [group, tag]) {
          target.addEventListener("mousemove", () => lamm.spotlight(index));
          target.addEventListener("mouseleave", () => lamm.spotlight(null));
        }
        shapes.push(group);
        sizes.set(group, mark.place.length === 4 ? (mark.place[2] - mark.place[0]) * (mark.place[3] - mark.place[1]) : 0);
        words.push(tag);
      });
      svg.replaceChildren(...shapes.sort((one, other) => sizes.get(other) - sizes.get(one)));  // small ones on top
      labels.replaceChildren(...words);
      toggle.hidden = marks.length === 0;
      toggle.textContent = `Boxes ${marks.length}`;
      light();
    };
    const light = () => {
      root.toggleAttribute("data-spot", spot !== null);
      for (const part of root.querySelectorAll("[data-mark]")) part.classList.toggle("spot", Number(part.dataset.mark) === spot);
    };
    lamm.onSpotlight((index) => { spot = index; light(); });

    // ---- a picture that stands in the question is shown at once, before it is asked about
    lamm.preview = (question) => {
      const files = (question && question.files) || [];
      const file = files[files.length - 1];
      attached = file && file.url ? { name: file.orig_name || "picture", source: file.url } : null;
      drawPicture();
    };
    image.addEventListener("error", () => {
      if (!attached) return;
      attached = null;  // the browser cannot show it; the program says what is wrong with it when it is asked about
      drawPicture();
    });

    // ---- bringing a picture in
    const closeCamera = () => {
      if (video.srcObject) video.srcObject.getTracks().forEach((track) => track.stop());
      video.srcObject = null;
      if (camera.open) camera.close();
    };
    const openCamera = async () => {
      try {
        video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
        camera.showModal();
        await video.play();
      } catch (reason) {
        closeCamera();
        title.textContent = `No camera: ${reason.message}`;
      }
    };
    const shoot = () => {
      const canvas = document.createElement("canvas");
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      canvas.toBlob((blob) => lamm.attach([new File([blob], "camera.jpg", { type: "image/jpeg" })]), "image/jpeg", 0.92);
      closeCamera();
    };
    camera.addEventListener("close", closeCamera);
    if (!navigator.mediaDevices) root.querySelectorAll("[data-do=camera]").forEach((button) => { button.hidden = true; });

    const doing = {
      example: wantExample,
      upload: lamm.chooseFile,
      camera: openCamera,
      shoot,
      "close-camera": closeCamera,
      marks: () => {
        const on = root.toggleAttribute("data-bare");
        toggle.setAttribute("aria-pressed", String(!on));
      },
    };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) doing[button.dataset.do]();
    });
    const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
    root.addEventListener("dragover", (event) => { if (carriesFiles(event)) { event.preventDefault(); root.dataset.over = "yes"; } });
    root.addEventListener("dragleave", () => { delete root.dataset.over; });
    root.addEventListener("drop", (event) => {
      delete root.dataset.over;
      if (!carriesFiles(event)) return;
      event.preventDefault();
      lamm.attach([...event.dataTransfer.files]);
    });

    let known = "";
    const sync = () => {
      const names = pictures().map((picture) => picture.name + picture.source.length).join("|");
      if (names !== known) { known = names; chosen = null; attached = null; }
      drawPicture();
      lamm.phrases((props.value && props.value.marks) || []);
    };
    watch(["value", "pictures"], sync);
    sync();
  };
})();
