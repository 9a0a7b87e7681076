// The page: a card for each input, the model's answer, and what each input adds to it.
import {loadLiteRt, loadAndCompile, Tensor} from '@litertjs/core';
import {Index, cardOf as cardOfFound, combined} from './search.js';
import {picture, row, series, sound, words} from './tensors.js';
import {written} from './texts.js';

const FOUND = 10;  // records
const MOST_SHARES = 5;  // modalities of which all subsets are asked, for their shares
const place = id => document.getElementById(id);
const state = {model: null, about: null, index: null, encoders: {}, weights: {}, given: {}, turn: 0};

const KINDS = {
  image: {read: picture, accept: 'image/*', camera: true, what: 'picture'},
  audio: {read: sound, accept: 'audio/*', what: 'sound'},
  sensor: {read: series, accept: '.csv,.tsv,.txt', what: 'CSV of numbers'},
};
const supported = input => input.kind === 'audio' ? !input.frames : input.kind === 'sensor' ? !input.rate
  : ['image', 'text', 'tabular'].includes(input.kind);

async function ask(names) {
  const {model, about} = state, tensors = {};
  for (const input of about.inputs) {
    const count = input.shape.reduce((a, b) => a * b, 1);
    const kind = input.dtype === 'float32' ? Float32Array : input.dtype === 'int32' ? Int32Array : Uint8Array;
    const data = input.name === 'present' ? Uint8Array.from(input.order, name => Number(names.includes(name)))
      : names.includes(input.name) ? state.given[input.name] : new kind(count);
    tensors[input.name] = new Tensor(data, input.shape);
  }
  const wanted = Object.fromEntries(model.getInputDetails().map(each => [each.name, tensors[each.name.replace(/^serving_default_|:\d+$/g, '')]]));
  const began = performance.now();
  const found = await model.run(wanted);
  const answers = {};
  for (const [name, tensor] of Object.entries(found)) {
    answers[name] = Array.from(await tensor.data());
    tensor.delete();
  }
  Object.values(tensors).forEach(tensor => tensor.delete());
  return {answers, milliseconds: performance.now() - began};
}

// The vector of an input that is given, by its encoder.
async function vectorOf(name) {
  const {encoder, input} = state.encoders[name], tensor = new Tensor(state.given[name], input.shape);
  const found = await encoder.run({[encoder.getInputDetails()[0].name]: tensor}), [vector] = Object.values(found);
  const numbers = Float32Array.from(await vector.data());
  vector.delete();
  tensor.delete();
  return numbers;
}

// How much an input counts beside others: as the slider says, or as it helped when the model was trained.
const counts = name => state.weights[name] ?? state.index.about.weights[name] ?? 1;

// The records of the index nearest to what is given.
async function search(turn, names) {
  const began = performance.now(), vectors = [];
  for (const name of names) vectors.push(await vectorOf(name));
  if (turn !== state.turn) return;
  const query = combined(vectors, names.map(counts));
  place('note').textContent = query ? '' : 'This says nothing to the model, such as a silent sound or a text without words.';
  const found = query ? state.index.nearest(query, FOUND) : [];
  place('answer').querySelectorAll('[src^="blob:"]').forEach(each => URL.revokeObjectURL(each.src));
  const list = Object.assign(document.createElement('ol'), {className: 'hits'});
  list.append(...found.map((each, k) => cardOfFound(each, k + 1)));
  place('answer').replaceChildren(list);
  if (query) place('note').textContent = `The nearest of ${state.index.length.toLocaleString('en')} records, ${(performance.now() - began).toFixed(0)} ms on this machine.`;
  document.body.dataset.state = 'done';
}

// Exact Shapley values of the modalities that are given, in the chosen answer; nothing given counts as the even share.
async function shares(names, task, chosen) {
  const score = new Map();
  for (let set = 1; set < 1 << names.length; set++)
    score.set(set, (await ask(names.filter((_, k) => set >> k & 1))).answers[task.name][chosen]);
  score.set(0, task.labels.length ? 1 / task.labels.length : 0);
  const factorial = n => n < 2 ? 1 : n * factorial(n - 1);
  return names.map((_, k) => {
    let total = 0;
    for (const [set, value] of score) {
      if (set >> k & 1) continue;
      const size = set.toString(2).replaceAll('0', '').length;
      total += factorial(size) * factorial(names.length - size - 1) / factorial(names.length) * (score.get(set | 1 << k) - value);
    }
    return total;
  });
}

function bar(name, value, most, text) {
  const line = document.createElement('div');
  line.className = 'bar' + (value < 0 ? ' minus' : '');
  const label = Object.assign(document.createElement('span'), {className: 'label', dir: 'auto', textContent: name});
  const track = Object.assign(document.createElement('span'), {className: 'track'});
  const fill = document.createElement('i');
  fill.style.width = `${100 * Math.abs(value) / (most || 1)}%`;
  track.append(fill);
  line.append(label, track, Object.assign(document.createElement('span'), {className: 'number', textContent: text}));
  return line;
}

async function update() {
  const turn = ++state.turn, names = state.about.inputs.map(input => input.name).filter(name => state.given[name]);
  document.body.dataset.state = 'busy';
  if (!names.length) {
    place('answer').replaceChildren();
    place('note').textContent = 'Give one input or more.';
    document.body.dataset.state = 'empty';
    return;
  }
  if (state.index) return search(turn, names);
  const {answers, milliseconds} = await ask(names);
  if (turn !== state.turn) return;
  const parts = [];
  for (const task of state.about.outputs) {
    const box = Object.assign(document.createElement('section'), {className: 'task'});
    box.append(Object.assign(document.createElement('h3'), {textContent: task.name}));
    const numbers = answers[task.name];
    if (task.labels.length) {
      const order = numbers.map((_, k) => k).sort((a, b) => numbers[b] - numbers[a]).slice(0, 10);
      box.dataset.top = task.labels[order[0]];
      order.forEach(k => box.append(bar(task.labels[k], numbers[k], 1, `${(100 * numbers[k]).toFixed(1)} %`)));
    } else if (task.text) {
      const {text, logProb} = written(task.text, numbers);
      box.dataset.text = text;
      box.append(Object.assign(document.createElement('p'), {dir: 'auto', textContent: text || '(nothing)'}));
      box.append(Object.assign(document.createElement('p'), {className: 'soft', textContent: `log-probability ${logProb.toFixed(2)}`}));
    } else box.append(Object.assign(document.createElement('p'), {textContent: task.vectors ? `A vector of ${numbers.length} numbers. Export the model with an index to search here.` : numbers.map(x => x.toPrecision(4)).join('  ')}));
    parts.push(box);
  }
  const rest = state.about.inputs.length - 1 - names.length;
  place('answer').replaceChildren(...parts);
  place('note').textContent = `${milliseconds.toFixed(0)} ms on this machine${rest ? `, ${rest} of the inputs missing` : ''}.`;
  const task = state.about.outputs.find(each => each.labels.length);
  if (task && names.length > 1 && names.length <= MOST_SHARES) {
    const numbers = answers[task.name], chosen = numbers.indexOf(Math.max(...numbers));
    const found = await shares(names, task, chosen);
    if (turn !== state.turn) return;
    const box = Object.assign(document.createElement('section'), {className: 'task shares'});
    box.append(Object.assign(document.createElement('h3'), {textContent: `what each input adds to "${task.labels[chosen]}"`}));
    const most = Math.max(...found.map(Math.abs));
    names.forEach((name, k) => box.append(bar(name, found[k], most, `${found[k] < 0 ? '−' : '+'}${(100 * Math.abs(found[k])).toFixed(1)}`)));
    place('answer').append(box);
  }
  document.body.dataset.state = 'done';
}

async function give(input, value, card) {
  const error = card.querySelector('.error');
  error.textContent = '';
  try {
    state.given[input.name] = await value();
  } catch (problem) {
    delete state.given[input.name];
    card.querySelector('.preview')?.remove();
    error.textContent = `This cannot be read: ${problem.message || problem}`;
  }
  card.classList.toggle('given', Boolean(state.given[input.name]));
  await update();
}

function recorder(input, card, use) {
  const button = Object.assign(document.createElement('button'), {type: 'button', textContent: 'Record'});
  let running = null;
  button.addEventListener('click', async () => {
    if (running) return running.stop();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({audio: true});
      const chunks = [];
      running = new MediaRecorder(stream);
      running.ondataavailable = event => chunks.push(event.data);
      running.onstop = () => {
        stream.getTracks().forEach(track => track.stop());
        button.textContent = 'Record';
        running = null;
        use(new Blob(chunks));
      };
      running.start();
      button.textContent = 'Stop';
      setTimeout(() => running && running.stop(), 1000 * input.seconds + 300);
    } catch (problem) {
      card.querySelector('.error').textContent = `No microphone: ${problem.message}`;
    }
  });
  return button;
}

function fileCard(input, card) {
  const {read, accept, camera, what} = KINDS[input.kind];
  const show = blob => {
    if (input.kind === 'sensor') return;
    const shown = Object.assign(document.createElement(input.kind === 'image' ? 'img' : 'audio'), {className: 'preview', src: URL.createObjectURL(blob)});
    if (input.kind === 'image') shown.alt = `the ${input.name} you gave`;
    else shown.controls = true;
    card.querySelector('.error').before(shown);
  };
  const use = blob => {
    card.querySelector('.preview')?.remove();
    return give(input, async () => {
      const tensor = await read(input, blob);
      show(blob);  // what cannot be read is not given to the browser to show either
      return tensor;
    }, card);
  };
  const file = Object.assign(document.createElement('input'), {type: 'file', accept, id: `file-${input.name}`});
  file.addEventListener('change', () => file.files.length && use(file.files[0]));
  const buttons = Object.assign(document.createElement('div'), {className: 'buttons'});
  const label = Object.assign(document.createElement('label'), {className: 'file', htmlFor: file.id, textContent: `Choose or drop a ${what}`});
  buttons.append(file, label);
  if (camera) {
    const taken = Object.assign(document.createElement('input'), {type: 'file', accept, id: `camera-${input.name}`});
    taken.setAttribute('capture', 'environment');
    taken.addEventListener('change', () => taken.files.length && use(taken.files[0]));
    buttons.append(taken, Object.assign(document.createElement('label'), {className: 'file phone', htmlFor: taken.id, textContent: 'Take one'}));
  }
  if (input.kind === 'audio') buttons.append(recorder(input, card, use));
  card.append(buttons);
  card.addEventListener('dragover', event => { event.preventDefault(); card.classList.add('over'); });
  card.addEventListener('dragleave', () => card.classList.remove('over'));
  card.addEventListener('drop', event => {
    event.preventDefault();
    card.classList.remove('over');
    if (event.dataTransfer.files.length) use(event.dataTransfer.files[0]);
  });
}

function textCard(input, card) {
  const field = Object.assign(document.createElement('textarea'), {rows: 2, dir: 'auto', id: `text-${input.name}`, placeholder: 'Type here'});
  field.setAttribute('aria-label', input.name);
  let waiting = 0;
  field.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => give(input, () => field.value.trim() ? words(input, field.value) : null, card), 250);
  });
  card.append(field);
}

function rowCard(input, card) {
  const cells = {}, use = () => give(input, () => Object.values(cells).some(Boolean) ? row(input, cells) : null, card);
  const add = (name, field) => {
    const label = Object.assign(document.createElement('label'), {className: 'cell', textContent: name});
    field.addEventListener('change', () => {
      cells[name] = field.multiple && field.value ? [...field.selectedOptions].map(option => option.value) : field.value;
      use();
    });
    label.append(field);
    card.append(label);
  };
  input.numbers.forEach(name => add(name, Object.assign(document.createElement('input'), {type: 'number', step: 'any'})));
  input.categories.forEach((name, k) => {
    const field = document.createElement('select');
    field.append(new Option('', ''), ...input.vocabularies[k].map(word => new Option(word, word)));
    add(name, field);
  });
  input.dates.forEach((name, k) => {
    const hours = input.quantiles[input.numbers.length + 6 * k + 4].some(hour => hour !== 0);
    add(name, Object.assign(document.createElement('input'), {type: hours ? 'datetime-local' : 'date'}));
  });
  input.multi_categories.forEach((name, k) => {
    const field = Object.assign(document.createElement('select'), {multiple: true});
    field.append(...input.vocabularies[input.categories.length + k].map(word => new Option(word, word)));
    add(name, field);
  });
}

function cardOf(input) {
  const card = Object.assign(document.createElement('section'), {className: 'card'});
  card.append(Object.assign(document.createElement('h2'), {textContent: input.name}));
  if (!supported(input)) {
    card.append(Object.assign(document.createElement('p'), {className: 'soft', textContent: 'This page cannot read this kind of input; it stays missing.'}));
    return card;
  }
  if (input.kind === 'text') textCard(input, card);
  else if (input.kind === 'tabular') rowCard(input, card);
  else fileCard(input, card);
  const error = Object.assign(document.createElement('p'), {className: 'error'});
  error.setAttribute('role', 'alert');
  card.append(error);
  if (state.index) {
    const label = Object.assign(document.createElement('label'), {className: 'weight', textContent: 'counts '});
    const slider = Object.assign(document.createElement('input'), {type: 'range', min: -1, max: 2, step: 0.025, value: counts(input.name), id: `weight-${input.name}`, ariaLabel: `how much ${input.name} counts, 1 for once`});
    slider.addEventListener('change', () => { state.weights[input.name] = Number(slider.value); update(); });
    label.append(slider);
    card.append(label);
  }
  const clear = Object.assign(document.createElement('button'), {type: 'button', className: 'clear', textContent: 'Remove'});
  clear.addEventListener('click', () => {
    card.querySelectorAll('input:not([type=range]), textarea, select').forEach(field => { field.value = ''; });
    card.querySelector('.preview')?.remove();
    give(input, () => null, card);
  });
  card.append(clear);
  return card;
}

async function start() {
  try {
    state.about = await (await fetch('./model.json')).json();
    const inputs = state.about.inputs.filter(input => input.name !== 'present' && (!state.about.search || state.about.search.includes(input.name)));
    if (state.about.search) {
      document.title = place('title').textContent = 'Search';
      place('result').querySelector('h2').textContent = 'Found';
      state.index = new Index(await (await fetch('./index.safetensors')).arrayBuffer());
    }
    place('inputs').replaceChildren(...inputs.map(cardOf));
    // The runtime says all it does as errors; only those are.
    const said = text => (/^(INFO|WARNING|VERBOSE)/.test(text) ? console.debug(text) : console.error(text));
    self.Module = {print: console.debug, printErr: said};
    await loadLiteRt('./litert/');
    const opened = path => loadAndCompile(path, {accelerator: 'wasm'});
    if (state.index) for (const input of inputs) state.encoders[input.name] = {input, encoder: await opened(`./encoders/${input.name}.tflite`)};
    else state.model = await opened('./model.tflite');
    await update();
  } catch (problem) {
    place('note').textContent = `The model could not be started: ${problem.message || problem}`;
    document.body.dataset.state = 'failed';
  }
}

start();
