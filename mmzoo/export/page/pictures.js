// What a picture file claims is checked before the browser decodes it: a file of some kB can ask for gigabytes.
const MOST_PIXELS = 50e6, LONGEST = 65535;  // as mmzoo.modalities.pictures.limits

const TEXT = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length));

// Width and height by the first frame of a JPEG; fill bytes and markers without a segment stand before others.
function jpegSides(bytes, view) {
  for (let at = 2; at + 9 < bytes.length;) {
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff || marker === 0 || marker === 0xff) at += 1;
    else if (marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) at += 2;
    else if (marker === 0xda || marker === 0xd9) return null;
    else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return [view.getUint16(at + 7), view.getUint16(at + 5)];
    else at += 2 + Math.max(2, view.getUint16(at + 2));
  }
  return null;
}

// Those of the screen of a GIF, or of its first frame where that reaches further.
function gifSides(bytes, view) {
  let at = 13 + (bytes[10] & 0x80 ? 3 << (bytes[10] & 7) + 1 : 0);
  while (bytes[at] === 0x21) {
    for (at += 2; bytes[at]; at += bytes[at] + 1);
    at += 1;
  }
  if (bytes[at] !== 0x2c || at + 10 > bytes.length) return null;
  const word = k => view.getUint16(k, true);
  return [Math.max(word(6), word(at + 1) + word(at + 5)), Math.max(word(8), word(at + 3) + word(at + 7))];
}

function webpSides(bytes, view) {
  const triple = at => bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16;
  const kind = TEXT(bytes, 12, 4);
  if (kind === 'VP8X') return [triple(24) + 1, triple(27) + 1];
  if (kind === 'VP8 ') return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
  const bits = view.getUint32(21, true);
  return kind === 'VP8L' ? [(bits & 0x3fff) + 1, (bits >>> 14 & 0x3fff) + 1] : null;
}

// [width, height] that a picture file claims; null where it is of another kind or cut short.
export function sides(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 30) return null;
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegSides(bytes, view);
  if (TEXT(bytes, 1, 3) === 'PNG') return TEXT(bytes, 12, 4) === 'IHDR' ? [view.getUint32(16), view.getUint32(20)] : null;
  if (TEXT(bytes, 0, 4) === 'GIF8') return gifSides(bytes, view);
  if (TEXT(bytes, 0, 2) === 'BM')
    return view.getUint32(14, true) === 12 ? [view.getUint16(18, true), view.getUint16(20, true)]
      : [view.getInt32(18, true), Math.abs(view.getInt32(22, true))];
  return TEXT(bytes, 8, 4) === 'WEBP' ? webpSides(bytes, view) : null;
}

// Throws a sentence unless a picture file is one whose size is known and within the limits.
export function check(bytes) {
  const found = sides(bytes);
  if (!found || found[0] < 1 || found[1] < 1) throw new Error('it is no whole JPEG, PNG, GIF, BMP or WebP');
  if (found[0] * found[1] > MOST_PIXELS || Math.max(...found) > LONGEST)
    throw new Error(`it is ${found.join(' x ')} pixels, over the limit of ${MOST_PIXELS / 1e6} megapixels or ${LONGEST} a side; scale it down`);
}
