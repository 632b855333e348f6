// The points on the graphics card: one object a block, one material for all.
// Does not know cameras, boxes on screen or where the bytes come from.

import { BufferAttribute, BufferGeometry, Group, Points, ShaderMaterial, Vector3 } from 'three';

export const MODES = ['rgb', 'height', 'normal', 'instance', 'plain'];
const MOST_LIT = 8; // boxes whose points are lit at once

const VERTEX = `
attribute vec4 tint;
attribute vec3 direction;
uniform vec3 lowest, extent, paper, ink;
uniform vec2 heights;
uniform float size, reference, dim;
uniform int mode, lit;
uniform vec3 litLow[${MOST_LIT}], litHigh[${MOST_LIT}];
varying vec3 shade;

vec3 ramp(float t) {  // near viridis: dark violet, blue, green, yellow
  vec3 a = vec3(0.28, 0.02, 0.34), b = vec3(0.19, 0.41, 0.56), c = vec3(0.21, 0.72, 0.47), d = vec3(0.99, 0.91, 0.15);
  return t < 0.4 ? mix(a, b, t / 0.4) : t < 0.72 ? mix(b, c, (t - 0.4) / 0.32) : mix(c, d, (t - 0.72) / 0.28);
}

vec3 ofNumber(float number) {
  if (number < 0.5) return mix(paper, ink, 0.35);
  float hue = fract(number * 0.61803399);
  vec3 full = clamp(abs(fract(hue + vec3(0.0, 2.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0, 0.0, 1.0);
  return mix(vec3(0.55), full, 0.72) * (mod(number, 2.0) < 0.5 ? 0.78 : 1.0);
}

void main() {
  vec3 place = lowest + position * extent;
  if (mode == 0) shade = tint.rgb;
  else if (mode == 1) shade = ramp(clamp((place.z - heights.x) / max(heights.y - heights.x, 1e-6), 0.0, 1.0));
  else if (mode == 2) shade = direction * 0.5 + 0.5;
  else if (mode == 3) shade = ofNumber(floor(tint.a * 255.0 + 0.5));
  else shade = mix(paper, ink, 0.62);
  if (lit > 0) {
    bool inside = false;
    for (int index = 0; index < ${MOST_LIT}; index++) {
      if (index >= lit) break;
      inside = inside || (all(greaterThanEqual(place, litLow[index])) && all(lessThanEqual(place, litHigh[index])));
    }
    if (!inside) shade = mix(shade, paper, dim);
  }
  vec4 seen = viewMatrix * vec4(place, 1.0);
  gl_Position = projectionMatrix * seen;
  gl_PointSize = clamp(size * reference / max(-seen.z, 1e-4), 1.0, 24.0);
}`;

const FRAGMENT = `
varying vec3 shade;
void main() { gl_FragColor = vec4(shade, 1.0); }`;

export class Cloud {
  constructor(header) {
    this.header = header;
    this.count = 0; // points that have arrived
    this.blocks = [];
    this.group = new Group();
    const vectors = () => Array.from({ length: MOST_LIT }, () => new Vector3());
    this.material = new ShaderMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        lowest: { value: new Vector3(...header.lowest) },
        extent: { value: new Vector3(...header.step).multiplyScalar(65535) },
        paper: { value: new Vector3() },
        ink: { value: new Vector3() },
        heights: { value: [0, 1] },
        size: { value: 2 },
        reference: { value: 1 },
        dim: { value: 0.8 },
        mode: { value: 4 },
        lit: { value: 0 },
        litLow: { value: vectors() },
        litHigh: { value: vectors() },
      },
    });
  }

  add(block) {
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(block.positions, 3, true));
    geometry.setAttribute('tint', new BufferAttribute(block.colours, 4, true));
    const points = new Points(geometry, this.material);
    points.frustumCulled = false; // its place is known to the shader only
    points.matrixAutoUpdate = false;
    this.group.add(points);
    this.blocks.push({ ...block, points });
    this.count += block.count;
    if (!this.range) this.range = middleOf(block, this.header);
    this.material.uniforms.heights.value = [this.range.low.z, this.range.high.z];
  }

  /** Four signed bytes a point, in the order of the points. */
  setNormals(bytes) {
    for (const { first, count, points } of this.blocks) {
      const part = new Int8Array(bytes, 4 * first, 4 * count);
      points.geometry.setAttribute('direction', new BufferAttribute(part, 4, true));
    }
    this.hasNormals = true;
  }

  setMode(name) {
    this.material.uniforms.mode.value = MODES.indexOf(name);
  }

  /** Boxes ({ low, high } as vectors) whose points keep their colour while all others fade; none: no point fades. */
  setLit(boxes) {
    const { lit, litLow, litHigh } = this.material.uniforms;
    lit.value = Math.min(boxes.length, MOST_LIT);
    boxes.slice(0, MOST_LIT).forEach(({ low, high }, index) => {
      litLow.value[index].copy(low);
      litHigh.value[index].copy(high);
    });
  }

  setSurroundings(paper, ink) {
    this.material.uniforms.paper.value.set(...paper);
    this.material.uniforms.ink.value.set(...ink);
  }

  /** Draws the first `most` points only; fewer points are drawn larger, so that surfaces stay surfaces. */
  limit(most, pixels, reference) {
    let left = most;
    for (const { count, points } of this.blocks) {
      points.visible = left > 0;
      points.geometry.setDrawRange(0, Math.min(count, Math.max(left, 0)));
      left -= count;
    }
    const share = Math.min(most, this.count) / this.header.count;
    this.material.uniforms.size.value = pixels * Math.min(2, share ** -0.25);
    this.material.uniforms.reference.value = reference;
  }

  /** The place of a point, in metres. */
  place(block, index, target = new Vector3()) {
    const { lowest, step } = this.header;
    const at = 3 * index;
    return target.set(
      lowest[0] + step[0] * block.positions[at],
      lowest[1] + step[1] * block.positions[at + 1],
      lowest[2] + step[2] * block.positions[at + 2],
    );
  }

  dispose() {
    for (const { points } of this.blocks) points.geometry.dispose();
    this.material.dispose();
  }
}

/** The box of all but the outermost half percent of a block on each side, so that a stray point moves no camera. */
function middleOf(block, header) {
  const bounds = [0, 1, 2].map((axis) => {
    const counts = new Uint32Array(4096);
    for (let at = axis; at < block.positions.length; at += 3) counts[block.positions[at] >> 4]++;
    const spare = block.count * 0.005;
    let low = 0;
    let high = 4095;
    for (let sum = counts[0]; sum <= spare && low < 4095; sum += counts[++low]);
    for (let sum = counts[4095]; sum <= spare && high > low; sum += counts[--high]);
    return [header.lowest[axis] + header.step[axis] * low * 16, header.lowest[axis] + header.step[axis] * (high * 16 + 15)];
  });
  return { low: new Vector3(...bounds.map(([low]) => low)), high: new Vector3(...bounds.map(([, high]) => high)) };
}
