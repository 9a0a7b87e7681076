// Tokens back to texts, as mmzoo/tokenizers/spelling.py has it.
const printed = byte => byte > 32 && byte < 127 || byte > 160 && byte !== 173;

// The byte that each letter of GPT-2's alphabet stands for.
function bytesOf() {
  const found = new Map();
  let others = 0;
  for (let byte = 0; byte < 256; byte++)
    found.set(String.fromCodePoint(printed(byte) ? byte : 256 + others++), byte);
  return found;
}

const LETTERS = bytesOf();
const SPELLED = {
  bpe: pieces => new TextDecoder().decode(Uint8Array.from(
    Array.from(pieces.join('').replaceAll(' ', '')).filter(letter => LETTERS.has(letter)), letter => LETTERS.get(letter))),
  sentencepiece: pieces => pieces.map(piece => piece.slice(0, Math.max(piece.lastIndexOf(' '), 0))).join('').replaceAll('\u2581', ' '),
  wordpiece: pieces => pieces.map(piece => piece.startsWith('##') && piece !== '##' ? piece.slice(2) : ` ${piece}`).join(''),
};
SPELLED.words = SPELLED.wordpiece;

// What a model has written: its ids up to the first 0, and in the last place the logarithm of their probability.
export function written(about, numbers) {
  const ids = numbers.slice(0, -1), end = ids.indexOf(0);
  const pieces = (end < 0 ? ids : ids.slice(0, end)).map(id => about.vocabulary[id - 1] ?? '');
  return {text: SPELLED[about.tokenizer](pieces).trim(), logProb: numbers[numbers.length - 1]};
}
