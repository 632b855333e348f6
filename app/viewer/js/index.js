// The viewer: takes the component's value, fetches the cloud it names, shows it with its boxes, tells what was clicked.
// Does not know Gradio; app/viewer/component.py connects it.

import { Box3 } from 'three';
import { BoxLines, readBox } from './boxes.js';
import { Eye } from './camera.js';
import { Cloud } from './cloud.js';
import { make, metres } from './dom.js';
import { FetchError, fetchCloud } from './format.js';
import { attachKeys, attachPointer } from './gestures.js';
import { Labels, words } from './labels.js';
import { Measure } from './measure.js';
import { Overlay } from './overlay.js';
import { Painter } from './painter.js';
import { boxAround, boxUnder, pickPoint } from './pick.js';
import { savePicture } from './picture.js';
import styles from './style.css';
import { observeSurroundings } from './surroundings.js';
import { Toolbar } from './toolbar.js';

const EMPTY = 'The points of a scan appear here. Open a file, or an example.';
const NO_WEBGL =
  'This browser cannot draw in 3D: WebGL 2 is missing or switched off. ' +
  'Up to 20,000 of the points are shown as flat views instead.';
const LOST = 'The graphics card has dropped the picture. It comes back as soon as the card does.';

// Where the processor draws, a cloud of more points than LARGE is first shown with PREVIEW of them.
const LARGE = 250_000;
const PREVIEW = 50_000;

export class Viewer {
  constructor(place, { root, name, onPick, onPlain }) {
    Object.assign(this, { place, root, onPick, onPlain });
    this.value = {};
    this.boxes = [];
    this.hovered = null;
    this.mode = null;
    this.summary = '';
    this.stats = { frames: 0, points: 0 };
    this._build();
    (window.lammViewers ??= new Map()).set(name, this);
    try {
      this._start();
    } catch (error) {
      this.painter = null;
      this.plain = String(error.message ?? error);
      this._say(NO_WEBGL);
      place.classList.add('lamm-plain');
    }
  }

  /** The component's new value. Points are fetched only when the address is another one. */
  show(value) {
    const before = this.value;
    this.value = value;
    if (value.url !== before.url) {
      this.stats = { frames: 0, points: 0, asked: performance.now() };
      if (!this.painter) {
        if (value.url) this.onPlain(this.plain);
      } else if (value.url) this._load();
      else this._empty();
    }
    if (!this.painter) return;
    const same = JSON.stringify(value.boxes ?? []) === JSON.stringify(before.boxes ?? []);
    if (!same) this.boxes = (value.boxes ?? []).map(readBox).filter(Boolean);
    const turned = JSON.stringify(this._named()) !== JSON.stringify(this._named(before));
    if (!same || turned) this._redrawBoxes();
    if (turned && this.cloud) this.flyTo(this._named());
  }

  /** Light one object, as long as something points at it; null: what the value says. */
  setHighlight(number) {
    if (this.hovered === number || !this.painter) return;
    this.hovered = number;
    this._relight();
  }

  /** Fly to an object, or to several at once. */
  flyTo(numbers) {
    const around = new Box3();
    const wanted = [numbers].flat();
    for (const { number, low, high } of this.boxes) if (wanted.includes(number)) around.union(new Box3(low, high));
    if (!around.isEmpty()) this.eye.flyTo({ low: around.min, high: around.max });
  }

  _build() {
    this.canvas = make('canvas', {
      tabIndex: 0,
      role: 'application',
      'aria-label': 'Point cloud. Arrow keys turn it, plus and minus zoom, Shift and arrows move it, Home shows all.',
    });
    this.message = make('p', { className: 'lamm-message', role: 'status' }, EMPTY);
    this.status = make('p', { className: 'lamm-status', role: 'status' });
    this.names = make('div', { className: 'lamm-names' });
    this.ring = make('i', { className: 'lamm-ring', hidden: true });
    this.overlay = new Overlay();
    this.tools = new Toolbar((name, value) => this._act(name, value));
    this.stage = make('div', { className: 'lamm-stage' }, this.canvas, this.names, this.ring, ...this.overlay.elements);
    this.stage.append(this.message);
    this.place.replaceChildren(this.tools.element, this.stage, this.status);
    this.place.classList.add('lamm-empty');
  }

  _start() {
    this.painter = new Painter(this.canvas, {
      beforeFrame: (most) => this._beforeFrame(most),
      afterFrame: (frame) => this._afterFrame(frame),
    });
    this.eye = new Eye(this.canvas, () => this.painter.moved());
    this.lines = new BoxLines();
    this.measure = new Measure(this.painter.scene);
    this.stage.append(this.measure.element);
    this.painter.scene.add(this.lines.group);
    this.labels = new Labels(this.names, (box) => this._picked(box.number, null), (box) => this._point(box));
    attachPointer(this.canvas, (x, y) => this._click(x, y));
    attachKeys(this.canvas, this.eye, { home: () => this.eye.view('home'), escape: () => this._act('measure', false) });
    this.stopWatching = observeSurroundings(this.stage, {
      size: (width, height) => {
        if (width && height) this.eye.resize(width, height);
        this.painter.resize(width, height);
      },
      colours: (paper, ink) => {
        Object.assign(this, { paper, ink });
        this.cloud?.setSurroundings(paper, ink);
        this.painter.changed();
      },
      gone: () => this.dispose(),
    });
    this.canvas.addEventListener('webglcontextlost', () => this._say(LOST));
    this.canvas.addEventListener('webglcontextrestored', () => {
      this._say('');
      this.painter.busy = false;
      this.painter.changed();
    });
  }

  async _load() {
    this.fetching?.abort();
    const fetching = (this.fetching = new AbortController());
    this._tell('Fetching the points …');
    try {
      await fetchCloud(this.root + this.value.url, this.value.key, {
        signal: fetching.signal,
        onHeader: (header) => this._begin(header),
        onBlock: (block, last) => this._add(block, last),
      });
    } catch (error) {
      if (fetching.signal.aborted) return;
      this._say(error instanceof FetchError ? error.message : 'The cloud could not be fetched. Is the server running?');
      this._tell('');
    }
  }

  _begin(header) {
    this._forget();
    this.cloud = new Cloud(header);
    this.cloud.setSurroundings(this.paper, this.ink);
    this.painter.scene.add(this.cloud.group);
    this.place.classList.remove('lamm-empty');
    this._say('');
    const offered = [
      ...(header.coloured ? ['rgb'] : []),
      'height',
      'normal',
      ...(header.numbered ? ['instance'] : []),
      'plain',
    ];
    const mode = offered.includes(this.mode) && this.mode !== 'normal' ? this.mode : offered[0];
    this.tools.offer(offered, mode);
    if (!this.chosenSize) this.tools.size.value = fittingSize(header.count);
    this._setMode(mode);
  }

  _add(block, last) {
    this.cloud.add(block);
    if (block.first === 0) {
      this.eye.fit(this.cloud.range);
      this._setMode(this.mode);
      this._redrawBoxes();
      this.painter.rested();
      if (this._named().length) this.flyTo(this._named());
    }
    // Each frame draws all points anew, so that the blocks between the first and the last wait for each other.
    if (block.first === 0 || last || performance.now() - this.drawnAt > 400) this.painter.changed();
  }

  _forget() {
    if (!this.cloud) return;
    this.painter.scene.remove(this.cloud.group);
    this.cloud.dispose();
    this.cloud = null;
    this.summary = '';
    this.measure.clear();
    this.ring.hidden = true;
  }

  _empty() {
    this.fetching?.abort();
    this._forget();
    this.place.classList.add('lamm-empty');
    this._say(EMPTY);
    this._tell('');
    this.painter.changed();
  }

  _beforeFrame(budget) {
    const { width, height } = this.painter;
    const { camera } = this.eye;
    const available = this.cloud?.count ?? 0;
    const slow = this.painter.software && this.cloud?.header.count > LARGE && !this.stats.preview;
    const most = slow ? Math.min(budget, PREVIEW) : budget;
    this.cloud?.limit(most, Number(this.tools.size.value) * this.painter.renderer.getPixelRatio(), this.eye.reference);
    camera.updateMatrixWorld(); // rendering would do it too late for what is placed here
    this.labels.update(camera, width, height);
    this.measure.update(camera, width, height);
    this.overlay.update(camera, this.eye.metresPerPixel(height));
    if (this.painter.moving) this.ring.hidden = true;
    const points = Math.min(most, available);
    // While blocks arrive, they ask for frames themselves.
    return { camera, points, cut: points < available && available === this.cloud.header.count };
  }

  _afterFrame({ points, took }) {
    const { stats, cloud } = this;
    this.drawnAt = performance.now();
    Object.assign(stats, { frames: stats.frames + 1, points, took, total: this.painter.frames });
    if (!cloud || !points || stats.drawn) return;
    stats.preview ??= this.drawnAt;
    const total = cloud.header.count;
    if (points === total) {
      stats.drawn = this.drawnAt;
      const size = cloud.range.high.clone().sub(cloud.range.low);
      this.summary = `${total.toLocaleString('en')} points · ${size.toArray().map(metres).join(' × ')}`;
      this._tell('');
    } else this._tell(`${points.toLocaleString('en')} of ${total.toLocaleString('en')} points`);
  }

  _named(value = this.value) {
    return [value.highlight ?? []].flat();
  }

  _isLit = (box) => (this.hovered === null ? this._named().includes(box.number) : box.number === this.hovered);

  _redrawBoxes() {
    this.hovered = null;
    this.labels.set(this.boxes, this._isLit);
    this._relight();
    this._setLegend();
  }

  _setLegend() {
    if (!this.cloud?.range) return;
    const kinds = this.boxes.map((box) => (this._named().includes(box.number) ? 'lit' : box.kind));
    this.overlay.setLegend(this.mode, this.cloud.range, new Set(kinds));
  }

  _relight() {
    const diagonal = this.cloud?.range ? this.cloud.range.high.distanceTo(this.cloud.range.low) : 1;
    this.lines.set(this.boxes, this._isLit, diagonal);
    this.labels.light(this._isLit);
    this.cloud?.setLit(this.boxes.filter(this._isLit));
    this.painter.changed();
  }

  _point(box) {
    const number = box?.number ?? null;
    this.setHighlight(number);
    this.place.dispatchEvent(new CustomEvent('lamm-light', { detail: { number }, bubbles: true }));
  }

  _click(x, y) {
    if (!this.cloud) return;
    const { width, height } = this.painter;
    const found = pickPoint(this.cloud, this.eye.camera, width, height, x, y);
    if (this.measure.on) {
      if (found) this._measured(this.measure.add(found.place));
      return;
    }
    const known = found?.number && this.boxes.some(({ number }) => number === found.number) ? found.number : null;
    const number = found
      ? known ?? boxAround(this.boxes, found.place)
      : boxUnder(this.boxes, this.eye.camera, width, height, x, y);
    if (!found && number === null) return;
    this.ring.hidden = !found;
    this.ring.style.transform = `translate(${x}px, ${y}px)`;
    this._picked(number, found?.place ?? null);
  }

  _picked(number, place) {
    const box = this.boxes.find((one) => one.number === number);
    this._tell([box ? words(box) : '', place ? `at ${place.toArray().map(metres).join(', ')}` : ''].filter(Boolean).join(' '));
    this.onPick({ number, point: place ? place.toArray() : null });
  }

  _measured(distance) {
    this._tell(distance === null ? 'Click the second point.' : `Distance ${metres(distance)}. Click again for another.`);
    this.painter.changed();
  }

  async _setMode(name) {
    this.mode = name;
    const { cloud } = this;
    if (name === 'normal' && !cloud.hasNormals) {
      this._tell('Working out which way the surfaces face …');
      const response = await fetch(`${this.root}${this.value.url}/normals`, { headers: { 'X-Lamm-Key': this.value.key } });
      if (!response.ok) return this._tell('The normals could not be fetched. Open the file again.');
      const bytes = await response.arrayBuffer();
      if (this.cloud !== cloud) return undefined;
      cloud.setNormals(bytes);
      this._tell('');
    }
    if (this.mode !== name) return undefined;
    cloud.setMode(name);
    this._setLegend();
    return this.painter.changed();
  }

  _act(name, value) {
    if (!this.cloud) return;
    if (name === 'colour') this._setMode(value);
    else if (name === 'size') {
      this.chosenSize = true;
      this.painter.changed();
    } else if (name === 'view') this.eye.view(value);
    else if (name === 'reset') this.eye.view('home');
    else if (name === 'full') {
      if (document.fullscreenElement) document.exitFullscreen();
      else this.place.requestFullscreen();
    } else if (name === 'picture') {
      this.painter.now(this.eye.camera);
      savePicture(this.canvas, getComputedStyle(this.stage).backgroundColor, this);
    } else if (name === 'measure') {
      this.measure.on = value ?? !this.measure.on;
      this.tools.setMeasuring(this.measure.on);
      this.canvas.classList.toggle('lamm-aim', this.measure.on);
      this._tell(this.measure.on ? 'Click two points to measure between them. Esc ends.' : '');
      if (!this.measure.on) this.measure.clear();
      this.painter.changed();
    }
  }

  _say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  /** Under the picture; without words the cloud's size stands there. */
  _tell(text) {
    this.status.textContent = text || this.summary;
  }

  dispose() {
    this.fetching?.abort();
    this.stopWatching?.();
    this._forget();
    this.lines.dispose();
    this.eye.dispose();
    this.painter.dispose();
  }
}

/** Pixels of a point at which clouds of few and of many points look closed. */
function fittingSize(count) {
  return Math.max(1, Math.min(6, Math.round((3 - 1.15 * Math.log10(count / 50_000)) * 2) / 2));
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
