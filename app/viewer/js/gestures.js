// A click told from a drag; the keys that move the view while the canvas has the focus.
// Does not know what a click means.

const STILL = 5; // pixels that a click may move

export function attachPointer(canvas, onClick) {
  let down = null;
  canvas.addEventListener('pointerdown', (event) => {
    down = event.isPrimary && event.button === 0 ? event : null;
  });
  canvas.addEventListener('pointerup', (event) => {
    if (!down || down.pointerId !== event.pointerId) return;
    const moved = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY);
    down = null;
    const frame = canvas.getBoundingClientRect();
    if (moved <= STILL) onClick(event.clientX - frame.left, event.clientY - frame.top);
  });
}

export function attachKeys(canvas, eye, { home, escape }) {
  const turn = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
  const pan = { ArrowLeft: [-0.05, 0], ArrowRight: [0.05, 0], ArrowUp: [0, 0.05], ArrowDown: [0, -0.05] };
  canvas.addEventListener('keydown', (event) => {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key in turn && event.shiftKey) eye.pan(...pan[key]);
    else if (key in turn) eye.turn(...turn[key]);
    else if (key === '+' || key === '=') eye.zoom(0.85);
    else if (key === '-') eye.zoom(1 / 0.85);
    else if (key === 'Home') home();
    else if (key === 'Escape') escape();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}
