// What the user gives becomes the tensors that model.json describes, as mmzoo.lite makes them.
import {check} from './pictures.js';
import {encoder} from './tokenizers.js';

// Pixels of a picture of any size as uint8 (size, size, 3): a triangle filter as wide as a new pixel is in old ones.
export function squeezed(rgba, width, height, size) {
  const weights = length => {
    const scale = length / size, reach = Math.max(scale, 1);
    return Array.from({length: size}, (_, k) => {
      const centre = (k + 0.5) * scale;
      const first = Math.max(0, Math.floor(centre - reach - 0.5)), last = Math.min(length - 1, Math.ceil(centre + reach));
      const parts = [];
      let total = 0;
      for (let at = first; at <= last; at++) {
        const w = Math.max(0, 1 - Math.abs(at + 0.5 - centre) / reach);
        parts.push(w);
        total += w;
      }
      return {first, parts: parts.map(w => w / total)};
    });
  };
  const rows = weights(height), columns = weights(width);
  const out = new Uint8Array(size * size * 3), line = new Float32Array(width * 3);
  rows.forEach(({first, parts}, y) => {
    line.fill(0);
    parts.forEach((w, k) => {
      for (let x = 0, from = (first + k) * width * 4, to = 0; x < width; x++, from += 4, to += 3)
        for (let c = 0; c < 3; c++) line[to + c] += w * rgba[from + c];
    });
    columns.forEach(({first, parts}, x) => {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        parts.forEach((w, k) => { sum += w * line[(first + k) * 3 + c]; });
        out[(y * size + x) * 3 + c] = Math.max(0, Math.min(255, Math.round(sum)));
      }
    });
  });
  return out;
}

export async function picture(input, blob) {
  check(new Uint8Array(await blob.arrayBuffer()));
  // Turned as its camera says, its numbers as they are in the file, whatever profile of colours is beside them.
  const bitmap = await createImageBitmap(blob, {colorSpaceConversion: 'none'});
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  pen.fillStyle = 'white';
  pen.fillRect(0, 0, bitmap.width, bitmap.height);
  pen.drawImage(bitmap, 0, 0);
  return squeezed(pen.getImageData(0, 0, bitmap.width, bitmap.height).data, bitmap.width, bitmap.height, input.shape[1]);
}

export async function sound(input, blob) {
  const decoder = new OfflineAudioContext(1, 1, input.sample_rate);  // what it decodes, it brings to its own rate
  const heard = await decoder.decodeAudioData(await blob.arrayBuffer());
  const wave = new Float32Array(input.shape[1]);
  for (let channel = 0; channel < heard.numberOfChannels; channel++)
    heard.getChannelData(channel).subarray(0, wave.length).forEach((x, k) => { wave[k] += x / heard.numberOfChannels; });
  return wave;
}

const encoders = {};
const UNSEEN = /[\0\u1680\u200B\u200E\u200F\u2028\u2029\u2581\uFEFF\uFFFD]/g;  // as mmzoo.modalities.text.normalizing

// The first UTF-8 bytes of a text, or the ids of its first tokens; then zeros.
export function words(input, text) {
  const composed = text.toWellFormed().split('\uFF5E').map(part => part.normalize('NFKC')).join('\uFF5E');
  const normal = (input.lowercase ? composed.toLowerCase() : composed).replace(UNSEEN, ' ');
  const bytes = input.dtype === 'uint8';
  const made = bytes || (encoders[input.name] ??= encoder(input.tokenizer.name, input.vocabulary));
  const found = bytes ? new TextEncoder().encode(normal) : made(normal);
  const out = new (bytes ? Uint8Array : Int32Array)(input.shape[1]);
  out.set(found.slice(0, out.length));
  return out;
}

export async function series(input, blob) {
  const rows = (await blob.text()).split(/\r?\n/).filter(line => line.trim()).map(line => line.split(/[,;\t]/).map(field => field.trim() ? Number(field) : NaN));
  const numbers = rows.filter((row, k) => k > 0 || row.some(Number.isFinite));
  if (!numbers.length || numbers.some(row => row.length !== input.channels)) throw new Error(`a file of ${input.channels} numbers a line is wanted`);
  const out = new Float32Array(input.steps * input.channels).fill(NaN);
  numbers.slice(0, input.steps).forEach((row, k) => out.set(row, k * input.channels));
  return out;
}

export function row(input, cells) {
  const numbers = input.numbers.map(name => cells[name] === '' || cells[name] === undefined ? NaN : Number(cells[name]));
  const places = input.categories.map((name, k) => cells[name] ? 2 + input.vocabularies[k].indexOf(cells[name]) : 0);
  const days = input.dates.map(name => cells[name] ? daysOf(cells[name]) : NaN);
  const flags = input.multi_categories.flatMap((name, k) => {
    const words = input.vocabularies[input.categories.length + k], given = cells[name];
    return given?.length ? [0, ...words.map(word => given.includes(word) ? 1 : 0)] : Array(words.length + 1).fill(NaN);
  });
  return Float32Array.from([...numbers, ...places, ...days, ...flags]);
}

// Days since the year 2000 of "2024-05-31" or "2024-05-31T14:30", as mmzoo.modalities.tabular.days counts them.
function daysOf(text) {
  const minutes = Math.floor(Date.parse(text.length > 10 ? `${text}Z` : text) / 60000);
  const days = Math.floor(minutes / 1440);
  return days - 10957 + (Math.abs(days - 10957) > 100000 ? 0 : Math.min(minutes / 1440 - days, 0.99));
}
