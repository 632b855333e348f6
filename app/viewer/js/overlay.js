// What stands over the picture: the axes, the scale bar in metres, the legend.
// Does not know points; it reads the camera and draws lines and words.

import { Vector3 } from 'three';
import { STYLES } from './boxes.js';
import { make, metres } from './dom.js';

const AXES = [
  ['x', '#D55E00', new Vector3(1, 0, 0)],
  ['y', '#009E73', new Vector3(0, 1, 0)],
  ['z', '#0072B2', new Vector3(0, 0, 1)],
];
const KINDS = {
  lit: 'spoken of', answer: 'in the answer', a: 'answer A', b: 'answer B', proposal: 'found object', truth: 'ground truth',
};
const NOTES = {
  normal: 'Colour: which way the surface faces',
  instance: 'Colour: object; grey belongs to none',
};
const LONGEST = 120; // pixels of the scale bar

export class Overlay {
  constructor() {
    this.axes = make('canvas', { className: 'lamm-axes', role: 'img', 'aria-label': 'Axes: x right, y away, z up' });
    this.bar = make('i');
    this.length = make('span');
    this.scale = make('div', { className: 'lamm-scale', title: 'At the middle of the view' }, this.length, this.bar);
    this.legend = make('div', { className: 'lamm-legend' });
    this.elements = [this.axes, this.scale, this.legend];
  }

  update(camera, metresPerPixel) {
    this.shown = niceLength(metresPerPixel * LONGEST);
    this.pixels = this.shown / metresPerPixel;
    this.bar.style.width = `${this.pixels}px`;
    this.length.textContent = scaleWords(this.shown);
    this._drawAxes(camera);
  }

  /** `kinds` are those of the boxes; `lit` is one too. */
  setLegend(mode, range, kinds) {
    const rows = [];
    if (mode === 'height') {
      const [low, high] = [metres(range.low.z), metres(range.high.z)];
      rows.push(make('span', { className: 'lamm-ramp' }, low, make('i'), high));
    } else if (NOTES[mode]) rows.push(make('span', {}, NOTES[mode]));
    for (const [kind, words] of Object.entries(KINDS)) {
      if (!kinds.has(kind)) continue;
      const line = make('i', { className: 'lamm-line' });
      line.style.borderTop = `${STYLES[kind].width}px ${STYLES[kind].dashed ? 'dashed' : 'solid'} ${STYLES[kind].colour}`;
      rows.push(make('span', {}, line, words));
    }
    this.legend.replaceChildren(...rows);
    this.legend.hidden = rows.length === 0;
  }

  _drawAxes(camera) {
    const side = 64;
    const ratio = Math.min(devicePixelRatio, 2);
    if (this.axes.width !== side * ratio) this.axes.width = this.axes.height = side * ratio;
    const pen = this.axes.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, side, side);
    pen.font = '600 11px system-ui, sans-serif';
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.lineWidth = 2;
    const seen = AXES.map(([name, colour, axis]) => [name, colour, axis.clone().transformDirection(camera.matrixWorldInverse)]);
    seen.sort((one, other) => one[2].z - other[2].z); // the one nearest to the eye is drawn last
    for (const [name, colour, { x, y }] of seen) {
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.moveTo(side / 2, side / 2);
      pen.lineTo(side / 2 + 20 * x, side / 2 - 20 * y);
      pen.stroke();
      pen.fillStyle = getComputedStyle(this.axes).color;
      pen.fillText(name, side / 2 + 27 * x, side / 2 - 27 * y);
    }
  }
}

/** The longest of 1, 2, 5 times a power of ten that is not over `most`. */
export function niceLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return power * [5, 2, 1].find((digit) => digit * power <= most * (1 + 1e-9));
}

function scaleWords(length) {
  if (length < 0.01) return `${Number((length * 1000).toPrecision(1))} mm`;
  if (length < 1) return `${Number((length * 100).toPrecision(1))} cm`;
  return `${Number(length.toPrecision(1)).toLocaleString('en')} m`;
}
