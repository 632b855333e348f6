// Draws when something changed and never otherwise; fewer points while the view moves than the machine can draw in time.
// Does not know what a cloud is about. A frame is over when the graphics card says so, and only then comes the next.

import { Scene, WebGLRenderer } from 'three';

const STILL_MS = 160; // without a change for so long, all points are drawn
const FRAME_MS = 60; // what a frame may take while the view moves
const FEWEST = 50_000;

export class Painter {
  /** `beforeFrame(most points)` prepares a frame, which may hold fewer; `afterFrame(info)` is told what was drawn and how long it took. */
  constructor(canvas, { beforeFrame, afterFrame }) {
    this.renderer = new WebGLRenderer({ canvas, alpha: true, antialias: false, powerPreference: 'high-performance' });
    this.renderer.setClearColor(0x000000, 0);
    this.gl = this.renderer.getContext();
    this.software = isSoftware(this.gl);
    this.budget = this.software ? 100_000 : 4_000_000;
    this.scene = new Scene();
    this.beforeFrame = beforeFrame;
    this.afterFrame = afterFrame;
    this.frames = 0;
    this.width = this.height = 0;
  }

  resize(width, height) {
    [this.width, this.height] = [width, height];
    if (!width || !height) return;
    this.renderer.setPixelRatio(this.software ? 1 : Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.changed();
  }

  /** Something is different: draw all of it. */
  changed() {
    this.wanted = true;
    this._schedule();
  }

  /** The view moves: draw what can be drawn in time, and all of it once the view rests. */
  moved() {
    this.moving = true;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      this.moving = false;
      if (this.cut) this.changed();
    }, STILL_MS);
    this.changed();
  }

  /** What has just moved the view was no person: no need to hurry. */
  rested() {
    clearTimeout(this.rest);
    this.moving = false;
  }

  /** Draw at once, for whoever reads the canvas in this task. */
  now(camera) {
    this.beforeFrame(Infinity);
    this.renderer.render(this.scene, camera);
  }

  dispose() {
    this.disposed = true;
    clearTimeout(this.rest);
    cancelAnimationFrame(this.scheduled);
    this.renderer.dispose();
  }

  _schedule() {
    if (this.scheduled || this.busy || this.disposed || !this.width || !this.height) return;
    this.scheduled = requestAnimationFrame(() => this._draw());
  }

  _draw() {
    this.scheduled = 0;
    this.wanted = false;
    if (this.gl.isContextLost()) return;
    const began = performance.now();
    const most = this.moving ? this.budget : Infinity;
    const { camera, points, cut } = this.beforeFrame(most);
    this.cut = cut;
    this.renderer.render(this.scene, camera);
    this.frames += 1;
    const fence = this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.gl.flush();
    this.busy = true;
    const wait = () => {
      if (this.disposed) return;
      const state = this.gl.isContextLost() ? this.gl.WAIT_FAILED : this.gl.clientWaitSync(fence, 0, 0);
      if (state === this.gl.TIMEOUT_EXPIRED) return setTimeout(wait, 3);
      this.gl.deleteSync(fence);
      this.busy = false;
      const took = performance.now() - began;
      if (this.moving) this._learn(took);
      this.afterFrame({ points, took });
      if (this.cut && !this.moving) this.wanted = true;
      if (this.wanted) this._schedule();
    };
    setTimeout(wait, 0);
  }

  _learn(took) {
    if (took > 1.25 * FRAME_MS) this.budget = Math.max(FEWEST, this.budget * 0.7);
    else if (took < 0.75 * FRAME_MS) this.budget *= 1.25;
    this.budget = Math.round(Math.min(this.budget, 20_000_000));
  }
}

function isSoftware(gl) {
  const names = gl.getExtension('WEBGL_debug_renderer_info');
  return /swiftshader|llvmpipe|software|basic render/i.test(names ? gl.getParameter(names.UNMASKED_RENDERER_WEBGL) : '');
}
