// Reads the bytes of a cloud as they arrive; app/viewer/encode.py writes them and says what they are.
// Does not know how they are drawn.

const HEADER_BYTES = 40;

export class FetchError extends Error {}

/** Fetches a cloud; calls `onHeader` once and `onBlock` for each block as soon as it is whole. */
export async function fetchCloud(address, key, { signal, onHeader, onBlock }) {
  const response = await fetch(address, { headers: { 'X-Lamm-Key': key }, signal });
  if (response.status === 404) throw new FetchError('This cloud is no longer kept. Open the file again.');
  if (!response.ok) throw new FetchError(`The server answered ${response.status}. Try again.`);
  const reader = response.body.getReader();
  const early = [];
  let earlyBytes = 0;
  let buffer = null; // the whole answer, once its size is known
  let filled = 0;
  let header = null;
  let next = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      if (buffer) {
        buffer.set(value, filled);
        filled += value.length;
      } else {
        early.push(value);
        earlyBytes += value.length;
        header = earlyBytes >= HEADER_BYTES ? readHeader(joined(early, earlyBytes)) : null;
        if (header) {
          buffer = new Uint8Array(header.bytes);
          for (const part of early) {
            buffer.set(part, filled);
            filled += part.length;
          }
          onHeader(header);
        }
      }
      while (header && next < header.blocks.length && header.blocks[next].end <= filled) {
        onBlock(viewOf(buffer, header.blocks[next]), ++next === header.blocks.length);
      }
    }
    if (done) break;
  }
  if (!header || next < header.blocks.length) throw new FetchError('The cloud arrived cut short. Try again.');
}

function joined(parts, bytes) {
  const all = new Uint8Array(bytes);
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}

/** The header, or null where more bytes are needed. */
function readHeader(bytes) {
  const view = new DataView(bytes.buffer);
  if (view.getUint32(0, false) !== 0x4c504331) throw new FetchError('These bytes are no cloud. Reload the page.');
  const blockCount = view.getUint32(12, true);
  if (bytes.length < HEADER_BYTES + 4 * blockCount) return null;
  const flags = view.getUint32(8, true);
  const floats = Array.from({ length: 6 }, (_, index) => view.getFloat32(16 + 4 * index, true));
  const blocks = [];
  let place = HEADER_BYTES + 4 * blockCount;
  let first = 0;
  for (let index = 0; index < blockCount; index++) {
    const count = view.getUint32(HEADER_BYTES + 4 * index, true);
    const colours = place + Math.ceil((6 * count) / 4) * 4;
    blocks.push({ first, count, positions: place, colours, end: colours + 4 * count });
    place = colours + 4 * count;
    first += count;
  }
  return {
    count: view.getUint32(4, true),
    coloured: (flags & 1) !== 0,
    numbered: (flags & 2) !== 0,
    exact: (flags & 4) !== 0,
    lowest: floats.slice(0, 3),
    step: floats.slice(3),
    blocks,
    bytes: place,
  };
}

function viewOf(buffer, block) {
  return {
    first: block.first,
    count: block.count,
    positions: new Uint16Array(buffer.buffer, block.positions, 3 * block.count),
    colours: new Uint8Array(buffer.buffer, block.colours, 4 * block.count),
  };
}
