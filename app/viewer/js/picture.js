// Saves what is seen as a PNG file: the drawing, the names, the length measured, the scale bar.
// Does not draw the cloud; it is called right after that was done.

export async function savePicture(canvas, background, { labels, measure, overlay }) {
  const ratio = canvas.width / canvas.clientWidth;
  const sheet = document.createElement('canvas');
  [sheet.width, sheet.height] = [canvas.width, canvas.height];
  const pen = sheet.getContext('2d');
  pen.fillStyle = background;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.drawImage(canvas, 0, 0);
  pen.scale(ratio, ratio);
  pen.textBaseline = 'middle';
  for (const { element, rectangle } of labels.shown) {
    if (rectangle) stamp(pen, element, rectangle.left, rectangle.top, rectangle.right - rectangle.left);
  }
  if (measure.at && !measure.element.hidden) {
    const { offsetWidth, offsetHeight } = measure.element;
    stamp(pen, measure.element, measure.at.x - offsetWidth / 2, measure.at.y - 1.3 * offsetHeight, offsetWidth);
  }
  const bottom = canvas.clientHeight - 14;
  pen.fillStyle = getComputedStyle(overlay.scale).color;
  pen.font = getComputedStyle(overlay.scale).font;
  pen.fillRect(14, bottom, overlay.pixels, 2);
  pen.fillText(overlay.length.textContent, 14, bottom - 10);
  const blob = await new Promise((done) => sheet.toBlob(done, 'image/png'));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = 'cloud.png';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function stamp(pen, element, left, top, width) {
  const style = getComputedStyle(element);
  pen.font = style.font;
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(left, top, width, element.offsetHeight);
  pen.fillStyle = style.color;
  pen.fillText(element.textContent, left + parseFloat(style.paddingLeft), top + element.offsetHeight / 2);
}
