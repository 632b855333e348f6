// What lies under a place on the screen: the nearest point, the nearest box.
// Does not know what is done with it. Every point is tried; a million take some 20 ms.

import { Box3, Matrix4, Ray, Vector3 } from 'three';

const REACH = 7; // pixels
// What is under the pointer wins over what is beside it, unless that is this share nearer to the eye.
const ASIDE = 0.06;

/** The foremost point within reach of (x, y) in pixels, as { place, number } or null. */
export function pickPoint(cloud, camera, width, height, x, y, most = Infinity) {
  const { lowest, step } = cloud.header;
  const whole = new Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse);
  whole.multiply(new Matrix4().makeScale(...step).setPosition(...lowest));
  const e = whole.elements;
  const wantedX = (2 * x) / width - 1;
  const wantedY = 1 - (2 * y) / height;
  const reachX = (2 * REACH) / width;
  const reachY = (2 * REACH) / height;
  let best = null;
  let bestCost = Infinity;
  let left = most;
  for (const block of cloud.blocks) {
    const { positions } = block;
    const end = 3 * Math.min(block.count, left);
    for (let at = 0; at < end; at += 3) {
      const a = positions[at];
      const b = positions[at + 1];
      const c = positions[at + 2];
      const w = e[3] * a + e[7] * b + e[11] * c + e[15];
      if (w <= 0 || w >= bestCost) continue;
      const dx = (e[0] * a + e[4] * b + e[8] * c + e[12]) / w - wantedX;
      if (dx > reachX || dx < -reachX) continue;
      const dy = (e[1] * a + e[5] * b + e[9] * c + e[13]) / w - wantedY;
      if (dy > reachY || dy < -reachY) continue;
      const cost = w * (1 + ASIDE * ((dx / reachX) ** 2 + (dy / reachY) ** 2));
      if (cost >= bestCost) continue;
      bestCost = cost;
      best = { block, index: at / 3 };
    }
    left -= block.count;
    if (left <= 0) break;
  }
  if (!best) return null;
  const number = best.block.colours[4 * best.index + 3];
  return { place: cloud.place(best.block, best.index), number: cloud.header.exact && number ? number : null };
}

/** The number of the smallest box that holds the place, or null. */
export function boxAround(boxes, place) {
  const around = boxes.filter(({ low, high }) => new Box3(low, high).containsPoint(place));
  around.sort((one, other) => volume(one) - volume(other));
  return around.length ? around[0].number : null;
}

/** The number of the smallest box that the line of sight meets, or null. */
export function boxUnder(boxes, camera, width, height, x, y) {
  const eye = camera.position;
  const towards = new Vector3((2 * x) / width - 1, 1 - (2 * y) / height, 0.5).unproject(camera).sub(eye).normalize();
  const ray = new Ray(eye, towards);
  const met = boxes.filter(({ low, high }) => ray.intersectsBox(new Box3(low, high)));
  met.sort((one, other) => volume(one) - volume(other));
  return met.length ? met[0].number : null;
}

function volume({ low, high }) {
  return (high.x - low.x) * (high.y - low.y) * (high.z - low.z);
}
