// Trained tokenizers, from the vocabulary that model.json holds: the same ids as mmzoo.tokenizers.trained gives.
const UNKNOWN = '[UNK]', MOST_CHARACTERS = 100;  // of a word that WordPiece cuts
const HAN = /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
const places = entries => new Map(entries.map((entry, k) => [entry, k]));

// Words as BERT parts them: at spaces, and around punctuation and every Han character.
function split(text) {
  const clean = text.replace(/[\t\n\r]/g, ' ').replace(/[\0\uFFFD\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '').replace(/\p{White_Space}/gu, ' ').replace(HAN, ' $& ');
  return clean.split(' ').flatMap(word => word.match(/[!-\/:-@\[-`{-~\p{P}]|[^!-\/:-@\[-`{-~\p{P}]+/gu) ?? []);
}

function words(vocabulary) {
  const known = places(vocabulary), unknown = known.get(UNKNOWN);
  return text => split(text).map(word => known.get(word) ?? unknown);
}

function wordpiece(vocabulary) {
  const known = places(vocabulary), unknown = known.get(UNKNOWN);
  const pieces = word => {
    const letters = Array.from(word), found = [];
    if (letters.length > MOST_CHARACTERS) return [unknown];
    for (let from = 0, to; from < letters.length; from = to) {
      const piece = end => known.get((from ? '##' : '') + letters.slice(from, end).join(''));
      for (to = letters.length; to > from && piece(to) === undefined;) to--;
      if (to === from) return [unknown];
      found.push(piece(to));
    }
    return found;
  };
  return text => split(text).flatMap(pieces);
}

// A printable character for every byte, as GPT-2 writes them.
function byteCharacters() {
  const plain = byte => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let others = 256;
  return Array.from({length: 256}, (_, byte) => String.fromCodePoint(plain(byte) ? byte : others++));
}

function bpe(vocabulary) {
  const characters = byteCharacters(), known = places(vocabulary.map(entry => entry.replace(' ', '')));
  const rank = places(vocabulary.filter(entry => entry.includes(' ')));
  const merged = part => {
    const pieces = Array.from(new TextEncoder().encode(part), byte => characters[byte]);
    for (;;) {
      let best = -1, least = Infinity;
      for (let k = 0; k + 1 < pieces.length; k++) {
        const found = rank.get(`${pieces[k]} ${pieces[k + 1]}`);
        if (found < least) [best, least] = [k, found];
      }
      if (best < 0) return pieces.map(piece => known.get(piece));
      pieces.splice(best, 2, pieces[best] + pieces[best + 1]);
    }
  };
  const parts = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
  return text => text ? ((text.startsWith(' ') ? '' : ' ') + text).match(parts).flatMap(merged) : [];
}

// The likeliest pieces under a unigram model (Viterbi); characters that are in no piece are the unknown, several as one.
function sentencepiece(vocabulary) {
  const pairs = vocabulary.map(entry => [entry.slice(0, entry.lastIndexOf(' ')), Number(entry.slice(entry.lastIndexOf(' ') + 1))]);
  const known = places(pairs.map(([piece]) => piece)), longest = Math.max(...pairs.map(([piece]) => Array.from(piece).length));
  const unlikely = pairs.reduce((least, [, score]) => Math.min(least, score), Infinity) - 10;
  const pieces = part => {
    const letters = Array.from(part), best = [{score: 0}];
    const offer = (to, from, id, score) => {
      if (!best[to] || score > best[to].score) best[to] = {score, from, id};
    };
    for (let from = 0; from < letters.length; from++) {
      let single = false;
      for (let to = from + 1, piece = ''; to <= letters.length && to - from <= longest; to++) {
        piece += letters[to - 1];
        const id = known.get(piece);
        if (id === undefined) continue;
        offer(to, from, id, best[from].score + pairs[id][1]);
        single ||= to === from + 1;
      }
      if (!single) offer(from + 1, from, 0, best[from].score + unlikely);
    }
    const ids = [];
    for (let at = letters.length; at > 0; at = best[at].from)
      if (best[at].id || ids[0] !== 0) ids.unshift(best[at].id);
    return ids;
  };
  return text => {
    const marked = text.replaceAll(' ', '\u2581');
    return ((marked && !marked.startsWith('\u2581') ? '\u2581' : '') + marked).match(/\u2581?[^\u2581]+|\u2581/g)?.flatMap(pieces) ?? [];
  };
}

const KINDS = {words, wordpiece, bpe, sentencepiece};

// A function from a text, normalised (NFKC) and in lower case, to the ids of its tokens: entry k is k + 1.
export function encoder(name, vocabulary) {
  const ids = KINDS[name](vocabulary);
  return text => ids(text).map(k => k + 1);
}
