// Names of boxes, as buttons above them. Words are set as text, never as markup.
// Does not know lines nor points. A name that would cover a more important one is not shown.

import { Vector3 } from 'three';

const IMPORTANCE = { lit: 3, answer: 2, a: 2, b: 2, truth: 1, proposal: 0 };

export class Labels {
  /** `onClick(box)`, `onHover(box or null)`. */
  constructor(place, onClick, onHover) {
    this.place = place;
    this.onClick = onClick;
    this.onHover = onHover;
    this.shown = [];
  }

  set(boxes, isLit) {
    this.place.replaceChildren();
    this.shown = boxes.map((box) => {
      const element = document.createElement('button');
      element.type = 'button';
      const kind = isLit(box) ? 'lit' : box.kind;
      element.className = `lamm-label ${kind}`;
      element.textContent = words(box);
      element.title = box.confidence == null ? '' : `confidence ${Number(box.confidence).toFixed(2)}`;
      element.addEventListener('click', () => this.onClick(box));
      element.addEventListener('pointerenter', () => this.onHover(box));
      element.addEventListener('pointerleave', () => this.onHover(null));
      element.addEventListener('focus', () => this.onHover(box));
      element.addEventListener('blur', () => this.onHover(null));
      this.place.append(element);
      return { box, element, kind, width: 0, height: 0 };
    });
    this.shown.sort((one, other) => IMPORTANCE[other.kind] - IMPORTANCE[one.kind]);
  }

  /** Light one more or less without making the buttons anew, so that the pointer stays on what it is on. */
  light(isLit) {
    for (const label of this.shown) {
      label.kind = isLit(label.box) ? 'lit' : label.box.kind;
      label.element.className = `lamm-label ${label.kind}`;
      label.width = 0; // other letters
    }
    this.shown.sort((one, other) => IMPORTANCE[other.kind] - IMPORTANCE[one.kind]);
  }

  update(camera, width, height) {
    const taken = [];
    for (const label of this.shown) {
      const { box, element } = label;
      const top = topOf(box, camera);
      if (!label.width) [label.width, label.height] = [element.offsetWidth, element.offsetHeight];
      const left = Math.round(((top.x + 1) / 2) * width - label.width / 2);
      const above = Math.round(((1 - top.y) / 2) * height - label.height - 4);
      const rectangle = { left, top: above, right: left + label.width, bottom: above + label.height };
      const seen = top.z < 1 && left > -label.width && left < width && above > -label.height && above < height;
      const free = !taken.some((other) => overlap(rectangle, other));
      element.style.visibility = seen && free ? 'visible' : 'hidden';
      label.rectangle = seen && free ? rectangle : null;
      if (!label.rectangle) continue;
      element.style.transform = `translate(${left}px, ${above}px)`;
      taken.push(rectangle);
    }
  }
}

export function words(box) {
  const number = Number.isInteger(box.number) ? `[obj${box.number}]` : '';
  return [number, box.label, box.kind === 'truth' ? '(truth)' : ''].filter(Boolean).join(' ');
}

/** The middle of the box across, its highest corner upwards, as the screen has them in [-1, 1]. */
function topOf({ centre, low, high }, camera) {
  const top = centre.clone().project(camera);
  const corner = new Vector3();
  for (let index = 0; index < 8; index++) {
    corner.set(index & 1 ? high.x : low.x, index & 2 ? high.y : low.y, index & 4 ? high.z : low.z).project(camera);
    top.y = Math.max(top.y, corner.y);
  }
  return top;
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
