// What changes around the viewer: its size (0 in a hidden tab), light and dark, that it was taken off the page.
// Does not know what is drawn.

/** `size(width, height)`, `colours(paper, ink)` as numbers in [0, 1], `gone()`. Returns a function that stops watching. */
export function observeSurroundings(stage, { size, colours, gone }) {
  const read = () => {
    const style = getComputedStyle(stage);
    colours(numbers(style.backgroundColor), numbers(style.color));
  };
  const sizes = new ResizeObserver(() => {
    if (stage.isConnected) size(stage.clientWidth, stage.clientHeight);
    else gone();
  });
  sizes.observe(stage);
  const theme = new MutationObserver(read);
  theme.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  theme.observe(document.documentElement, { attributes: true, attributeFilter: ['class'] });
  read();
  size(stage.clientWidth, stage.clientHeight);
  return () => {
    sizes.disconnect();
    theme.disconnect();
  };
}

function numbers(colour) {
  return (colour.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map((part) => Number(part) / 255);
}
