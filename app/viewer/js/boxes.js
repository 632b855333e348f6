// Boxes as lines: drawn twice, in full where they are seen and at 35 % through what hides them.
// Does not know labels nor points. The kinds differ in width and dashes too, so that no meaning hangs on colour alone.

import { Group, Vector3 } from 'three';
import { LineMaterial } from 'three/addons/lines/LineMaterial.js';
import { LineSegments2 } from 'three/addons/lines/LineSegments2.js';
import { LineSegmentsGeometry } from 'three/addons/lines/LineSegmentsGeometry.js';

const HIDDEN_OPACITY = 0.35;
export const STYLES = {
  proposal: { colour: '#8b929d', width: 1.5, dashed: false },
  truth: { colour: '#009E73', width: 2, dashed: true },
  answer: { colour: '#E69F00', width: 2.5, dashed: false },
  a: { colour: '#0072B2', width: 2.5, dashed: false },
  b: { colour: '#D55E00', width: 3.5, dashed: false },
  lit: { colour: '#E69F00', width: 4, dashed: false },
};
// pairs of corners; bit 0 of a corner is x, bit 1 y, bit 2 z
const EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 0, 2, 1, 3, 4, 6, 5, 7, 0, 4, 1, 5, 2, 6, 3, 7];

/** A box of the value with its corners as vectors; null unless its numbers are numbers. */
export function readBox(raw) {
  const numbers = [...(raw?.centre ?? []), ...(raw?.size ?? [])].map(Number);
  if (numbers.length !== 6 || !numbers.every(Number.isFinite)) return null;
  const centre = new Vector3(...numbers.slice(0, 3));
  const half = new Vector3(...numbers.slice(3)).multiplyScalar(0.5);
  return {
    number: raw.number,
    label: String(raw.label ?? ''),
    kind: raw.kind in STYLES ? raw.kind : 'proposal',
    confidence: raw.confidence,
    centre,
    low: centre.clone().sub(half),
    high: centre.clone().add(half),
  };
}

export class BoxLines {
  constructor() {
    this.group = new Group();
  }

  /** `isLit` says which boxes are the ones spoken of. */
  set(boxes, isLit, diagonal) {
    this.dispose();
    for (const [name, style] of Object.entries(STYLES)) {
      const mine = boxes.filter((box) => (isLit(box) ? 'lit' : box.kind) === name);
      if (mine.length) this.group.add(...lines(mine.flatMap(edges), style, diagonal));
    }
  }

  dispose() {
    for (const drawn of this.group.children) {
      drawn.geometry.dispose();
      drawn.material.dispose();
    }
    this.group.clear();
  }
}

/** The same segments twice: through everything, faint, and where they are in front. */
export function lines(numbers, style, diagonal) {
  return [false, true].map((depthTest) => {
    const geometry = new LineSegmentsGeometry().setPositions(numbers);
    const material = new LineMaterial({
      color: style.colour,
      linewidth: style.width,
      dashed: style.dashed,
      dashSize: diagonal / 60,
      gapSize: diagonal / 120,
      transparent: true,
      opacity: depthTest ? 1 : HIDDEN_OPACITY,
      depthTest,
      depthWrite: false,
      // An edge lies in the surface whose points it frames: it is let win by about half a percent of the distance.
      polygonOffset: true,
      polygonOffsetFactor: 0,
      polygonOffsetUnits: -100,
    });
    const drawn = new LineSegments2(geometry, material);
    if (style.dashed) drawn.computeLineDistances();
    drawn.frustumCulled = false;
    drawn.renderOrder = depthTest ? 2 : 1;
    return drawn;
  });
}

function edges({ low, high }) {
  return EDGES.flatMap((corner) => [
    corner & 1 ? high.x : low.x,
    corner & 2 ? high.y : low.y,
    corner & 4 ? high.z : low.z,
  ]);
}
