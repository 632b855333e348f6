// The controls on the viewer's edge: colour, size, views, measuring, picture, full screen.
// Does not know how any of it is done.

import { make } from './dom.js';

const COLOURS = { rgb: 'Own colours', height: 'Height', normal: 'Normals', instance: 'Objects', plain: 'Plain' };

export class Toolbar {
  /** `act(name, value)` with the names colour, size, view, reset, measure, picture, full. */
  constructor(act) {
    this.colour = make('select', { onchange: () => act('colour', this.colour.value) });
    this.size = make('input', { type: 'range', min: 1, max: 8, step: 0.5, value: 3 });
    this.size.addEventListener('input', () => act('size', Number(this.size.value)));
    const button = (words, title, name, value) =>
      make('button', { type: 'button', title, onclick: () => act(name, value) }, words);
    this.measure = button('Measure', 'Click two points; Esc ends', 'measure');
    this.measure.setAttribute('aria-pressed', 'false');
    this.full = button('Full screen', 'Fill the screen; Esc leaves', 'full');
    this.full.hidden = !document.fullscreenEnabled;
    this.element = make(
      'div',
      { className: 'lamm-tools', role: 'group', 'aria-label': 'View of the point cloud' },
      make('label', {}, make('span', {}, 'Colour'), this.colour),
      make('label', {}, make('span', {}, 'Point size'), this.size),
      make(
        'span',
        { className: 'lamm-together', role: 'group', 'aria-label': 'Look from' },
        button('Top', 'From above', 'view', 'top'),
        button('Front', 'From the front', 'view', 'front'),
        button('Side', 'From the right', 'view', 'side'),
      ),
      button('Reset', 'See the whole cloud again (Home)', 'reset'),
      this.measure,
      button('Picture', 'Save what is seen as a PNG file', 'picture'),
      this.full,
    );
  }

  /** Which colourings this cloud has, and which is on. */
  offer(names, chosen) {
    this.colour.replaceChildren(...names.map((name) => make('option', { value: name }, COLOURS[name])));
    this.colour.value = chosen;
  }

  setMeasuring(on) {
    this.measure.setAttribute('aria-pressed', String(on));
  }
}
