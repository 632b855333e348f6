// Where the eye is: turning, fixed views, flights to a box. z is up, x to the right, y away.
// Does not know what is drawn; it says when something moved.

import { MathUtils, PerspectiveCamera, Vector3 } from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';

const FLIGHT_MS = 550;
const ROOM = 1.08; // how much more than what is fitted is seen
export const DIRECTIONS = {
  home: [0, -0.82, 0.57], // from the front, so that left and right are what answers call so
  top: [0, -1e-4, 1], // a little towards the reader, so that y points up on the screen
  front: [0, -1, 0],
  side: [1, 0, 0],
};

export class Eye {
  /** `onMove` is called at every change of the view. */
  constructor(canvas, onMove) {
    this.camera = new PerspectiveCamera(40, 1, 0.01, 1000);
    this.camera.up.set(0, 0, 1);
    this.camera.position.set(...DIRECTIONS.home);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.zoomToCursor = true;
    this.controls.addEventListener('change', onMove);
    this.controls.addEventListener('start', () => this.land());
    this.range = { low: new Vector3(-1, -1, -1), high: new Vector3(1, 1, 1) };
    this.reference = 1; // the distance from which the whole is seen
    this.flight = 0;
  }

  resize(width, height) {
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
  }

  /** A new cloud: see all of it. `range` is { low, high } as vectors. */
  fit(range) {
    this.range = range;
    const diagonal = Math.max(range.high.distanceTo(range.low), 1e-3);
    this.camera.near = diagonal / 400;
    this.camera.far = diagonal * 60;
    this.controls.maxDistance = diagonal * 30;
    this.camera.updateProjectionMatrix();
    const aim = this._aim(range, new Vector3(...DIRECTIONS.home).normalize());
    this.reference = aim.distance;
    this.land();
    this._set(aim.target, aim.direction, aim.distance);
  }

  view(name) {
    this._fly(this._aim(this.range, new Vector3(...DIRECTIONS[name]).normalize()));
  }

  /** See a box with its surroundings, from the side from which one looks now. */
  flyTo({ low, high }) {
    const around = high.clone().sub(low).multiplyScalar(0.9);
    const smallest = this.range.high.distanceTo(this.range.low) / 12;
    around.clampScalar(smallest, Infinity);
    const direction = this.camera.position.clone().sub(this.controls.target).normalize();
    this._fly(this._aim({ low: low.clone().sub(around), high: high.clone().add(around) }, direction));
  }

  turn(around, up) {
    const offset = this._offset().applyAxisAngle(this.camera.up, around);
    const across = new Vector3().crossVectors(this.camera.up, offset).normalize();
    const angle = offset.angleTo(this.camera.up);
    offset.applyAxisAngle(across, MathUtils.clamp(angle + up, 0.001, Math.PI - 0.001) - angle);
    this._set(this.controls.target, offset.clone().normalize(), offset.length());
  }

  zoom(factor) {
    const offset = this._offset();
    this._set(this.controls.target, offset.clone().normalize(), offset.length() * factor);
  }

  /** By shares of what is seen. */
  pan(right, up) {
    const seen = 2 * this._offset().length() * Math.tan(MathUtils.degToRad(this.camera.fov / 2));
    const [x, y] = [new Vector3(), new Vector3()];
    this.camera.matrix.extractBasis(x, y, new Vector3());
    const offset = this._offset();
    const target = this.controls.target.clone().addScaledVector(x, right * seen).addScaledVector(y, up * seen);
    this._set(target, offset.clone().normalize(), offset.length());
  }

  /** Metres a pixel at the middle of the view. */
  metresPerPixel(height) {
    return (2 * this._offset().length() * Math.tan(MathUtils.degToRad(this.camera.fov / 2))) / height;
  }

  /** End a flight where it is. */
  land() {
    cancelAnimationFrame(this.flight);
    this.flight = 0;
  }

  dispose() {
    this.land();
    this.controls.dispose();
  }

  _offset() {
    return this.camera.position.clone().sub(this.controls.target);
  }

  /** From where along `direction` a box is seen whole. */
  _aim({ low, high }, direction) {
    const target = low.clone().add(high).multiplyScalar(0.5);
    const across = new Vector3().crossVectors(this.camera.up, direction).normalize();
    const upwards = new Vector3().crossVectors(direction, across);
    const tall = Math.tan(MathUtils.degToRad(this.camera.fov / 2));
    const wide = tall * this.camera.aspect;
    let distance = 1e-3;
    for (let corner = 0; corner < 8; corner++) {
      const at = new Vector3(corner & 1 ? high.x : low.x, corner & 2 ? high.y : low.y, corner & 4 ? high.z : low.z);
      at.sub(target);
      const needed = Math.max(Math.abs(at.dot(across)) / wide, Math.abs(at.dot(upwards)) / tall);
      distance = Math.max(distance, at.dot(direction) + needed * ROOM);
    }
    return { target, direction, distance };
  }

  _set(target, direction, distance) {
    this.controls.target.copy(target);
    this.camera.position.copy(target).addScaledVector(direction, distance);
    this.controls.update();
  }

  _fly(aim) {
    this.land();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
      this._set(aim.target, aim.direction, aim.distance);
      return;
    }
    const from = { target: this.controls.target.clone(), offset: this._offset() };
    const length = from.offset.length();
    const began = performance.now();
    const step = () => {
      const share = Math.min(1, (performance.now() - began) / FLIGHT_MS);
      const eased = share * share * (3 - 2 * share);
      const direction = from.offset.clone().normalize().lerp(aim.direction, eased);
      if (direction.lengthSq() < 1e-6) direction.set(1, 0, 0); // half-way to the opposite side
      const target = from.target.clone().lerp(aim.target, eased);
      this._set(target, direction.normalize(), length * (aim.distance / length) ** eased);
      this.flight = share < 1 ? requestAnimationFrame(step) : 0;
    };
    step();
  }
}
