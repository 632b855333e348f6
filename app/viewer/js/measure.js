// Measuring between two points: a line in the cloud and its length in metres.
// Does not know how points are found.

import { Vector3 } from 'three';
import { lines } from './boxes.js';
import { make, metres } from './dom.js';

const STYLE = { colour: '#CC79A7', width: 3, dashed: false };

export class Measure {
  constructor(scene) {
    this.scene = scene;
    this.on = false;
    this.ends = [];
    this.drawn = [];
    this.element = make('span', { className: 'lamm-measured', hidden: true });
  }

  /** The second point of a pair completes the line; a third begins another. Returns the distance when there is one. */
  add(place) {
    if (this.ends.length === 2) this.clear();
    this.ends.push(place.clone());
    if (this.ends.length < 2) return null;
    const [from, to] = this.ends;
    this.distance = from.distanceTo(to);
    this.drawn = lines([...from.toArray(), ...to.toArray()], STYLE, 1);
    this.scene.add(...this.drawn);
    this.element.textContent = metres(this.distance);
    return this.distance;
  }

  clear() {
    for (const drawn of this.drawn) {
      this.scene.remove(drawn);
      drawn.geometry.dispose();
      drawn.material.dispose();
    }
    this.drawn = [];
    this.ends = [];
    this.element.hidden = true;
  }

  update(camera, width, height) {
    if (this.ends.length < 2) return;
    const middle = new Vector3().addVectors(...this.ends).multiplyScalar(0.5).project(camera);
    this.element.hidden = middle.z >= 1;
    const [x, y] = [((middle.x + 1) / 2) * width, ((1 - middle.y) / 2) * height];
    this.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px) translate(-50%, -130%)`;
    this.at = { x, y };
  }
}
