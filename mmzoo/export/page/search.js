// An index of one file, as `mmzoo export --index` writes it: the vectors of records, and what is shown of them.

const TYPES = {F32: Float32Array, I64: BigInt64Array, I32: Int32Array, I8: Int8Array, U8: Uint8Array, F16: Uint16Array};
const words = bytes => new TextDecoder().decode(bytes);

// Numbers of 16 bits as float32.
export function halves(bits) {
  const whole = new Uint32Array(bits.length);
  for (let k = 0; k < bits.length; k++) {
    const sign = (bits[k] & 0x8000) << 16, exponent = bits[k] >> 10 & 31, rest = bits[k] & 1023;
    if (exponent) whole[k] = sign | (exponent === 31 ? 255 : exponent + 112) << 23 | rest << 13;
    else if (rest) {  // too small for an exponent of its own
      const shift = Math.clz32(rest) - 21;
      whole[k] = sign | 113 - shift << 23 | (rest << shift & 1023) << 13;
    } else whole[k] = sign;
  }
  return new Float32Array(whole.buffer);
}

export class Index {
  constructor(buffer) {
    const view = new DataView(buffer), length = Number(view.getBigUint64(0, true)), start = 8 + length;
    const header = JSON.parse(words(new Uint8Array(buffer, 8, length)));
    const tensor = name => {
      const {dtype, data_offsets: [from, to]} = header[name], kind = TYPES[dtype];
      return new kind(buffer, start + from, (to - from) / kind.BYTES_PER_ELEMENT);
    };
    this.about = JSON.parse(words(tensor('about')));
    this.names = Object.keys(this.about.inputs);
    const vectors = tensor('vectors');
    this.vectors = vectors instanceof Uint16Array ? halves(vectors) : vectors;
    this.scales = header.scales ? tensor('scales') : null;
    this.record = tensor('records');
    this.input = tensor('inputs');
    this.parts = Object.fromEntries(['ids', 'shown', 'files'].map(name => [name, {ends: tensor(`${name}_ends`), bytes: tensor(name)}]));
  }

  get length() { return this.parts.ids.ends.length; }

  part(name, place) {
    const {ends, bytes} = this.parts[name];
    return bytes.subarray(place ? Number(ends[place - 1]) : 0, Number(ends[place]));
  }

  // The k records nearest to a vector, each by the nearest of its own vectors, the nearest first.
  nearest(query, k) {
    const {dim} = this.about, best = new Float32Array(this.length).fill(-Infinity), by = new Uint8Array(this.length);
    const norm = Math.hypot(...query) || 1;
    for (let row = 0, at = 0; row < this.record.length; row++) {
      let sum = 0;
      for (let n = 0; n < dim; n++, at++) sum += this.vectors[at] * query[n];
      const score = sum * (this.scales ? this.scales[row] : 1) / norm, record = this.record[row];
      if (score > best[record]) {
        best[record] = score;
        by[record] = this.input[row];
      }
    }
    const order = Array.from(best.keys()).filter(record => best[record] > -Infinity).sort((a, b) => best[b] - best[a] || a - b);
    return order.slice(0, k).map(record => ({
      id: words(this.part('ids', record)),
      score: best[record],
      input: this.names[by[record]],
      shown: JSON.parse(words(this.part('shown', record))),
      files: Object.fromEntries(this.names.map((name, place) => [name, this.part('files', record * this.names.length + place)])),
    }));
  }
}

// The sum of vectors of length 1 by their weights; null where one of them says nothing, or nothing is left.
export function combined(vectors, weights) {
  const total = new Float32Array(vectors[0].length);
  for (const [place, vector] of vectors.entries()) {
    const norm = Math.hypot(...vector);
    if (!norm) return null;
    vector.forEach((x, n) => { total[n] += weights[place] * x / norm; });
  }
  return Math.hypot(...total) > 1e-6 ? total : null;
}

// A found record as a card: its pictures, players and texts.
export function cardOf(found, place) {
  const made = (name, more, ...inside) => {
    const element = Object.assign(document.createElement(name), more);
    element.append(...inside);
    return element;
  };
  const card = made('li', {className: 'hit'});
  card.dataset.id = found.id;
  for (const [name, bytes] of Object.entries(found.files)) {
    if (!bytes.length) continue;
    const sound = bytes[0] === 0x52;  // RIFF
    const src = URL.createObjectURL(new Blob([bytes], {type: sound ? 'audio/wav' : 'image/jpeg'}));
    const what = `${name} of ${found.id}`;
    if (sound) card.append(made('audio', {src, controls: true, preload: 'none', ariaLabel: what}));
    else card.prepend(made('img', {src, alt: what}));
  }
  for (const each of Object.values(found.shown)) card.append(made('p', {className: each.text === undefined ? 'soft path' : '', textContent: each.text ?? each.path}));
  const fill = made('i', {});
  fill.style.width = `${100 * Math.max(0, found.score)}%`;
  card.append(made('span', {className: 'track'}, fill));
  card.append(made('p', {className: 'soft', textContent: `${place}. ${found.id}, ${found.score.toFixed(3)} by its ${found.input}`}));
  return card;
}
