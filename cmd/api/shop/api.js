// The API as the demo customer calls it.

// Refused is an answer other than success, in words for people. status 0: there was no answer.
export class Refused extends Error {
  constructor(status, message, field) {
    super(message);
    this.status = status;
    this.field = field; // the value that cannot be, if the API named one
  }

  // passing says whether the same call may go through later.
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const words = {
  0: 'The shop cannot be reached. Check your connection and try again.',
  401: 'You are not signed in any more. Load the page again.',
  429: 'That was a bit much at once. Wait a moment and try again.',
};
const ourFault = 'Something went wrong on our side. Nothing is lost: try again in a moment.';

async function request(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Refused(0, words[0]);
  }
}

async function read(response) {
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Refused(response.status, words[response.status] ?? (response.status >= 500 ? ourFault : body.error ?? ourFault), body.field);
}

let known;

// settings are who buys, where and what: the token, storeId and publishableKey, and the plan to subscribe to, if there is one.
export async function settings() {
  known ??= await read(await request('/shop/config.json'));
  return known;
}

async function open(method, path, { body, headers } = {}) {
  const { token } = await settings();
  return request(path, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  });
}

// call makes a call and answers its body, or throws Refused.
export async function call(method, path, options) {
  return read(await open(method, path, options));
}

const silence = 45_000; // ms; the API says something every 15 seconds, or the connection is dead

// events reads a stream of server-sent events, each a JSON object, and hands every one on until the stream ends.
export async function events(path, each) {
  const response = await open('GET', path, { headers: { Accept: 'text/event-stream' } });
  if (!response.ok) await read(response);
  if (!response.headers.get('Content-Type')?.startsWith('text/event-stream')) throw new Refused(0, words[0]);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const impatience = setTimeout(() => reader.cancel(), silence);
    const { done, value } = await reader.read().catch(() => { throw new Refused(0, words[0]); }).finally(() => clearTimeout(impatience));
    if (done) return;
    const blocks = (text + value).split(/\r?\n\r?\n/);
    text = blocks.pop(); // not whole yet
    blocks.map(dataOf).filter(Boolean).forEach((data) => each(JSON.parse(data)));
  }
}

// dataOf is the data of one event; a comment, which only keeps the connection open, has none.
function dataOf(block) {
  return block.split(/\r?\n/).filter((line) => line.startsWith('data:')).map((line) => line.slice(5).replace(/^ /, '')).join('\n');
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const longestWait = 30_000; // ms

// follow keeps up to date with what is at a path, an object whose changes are at path/events: when the stream breaks, it asks
// once, waits, and opens it anew. It hands each object on, and each problem, until one of the two says that there is no use
// in going on.
export async function follow(path, each, broken) {
  let last;
  let more = true;
  const take = (object) => { last = JSON.stringify(object); more = each(object); };
  for (let wait = 500; ; wait = Math.min(wait * 2, longestWait)) {
    const before = last;
    try {
      await events(`${path}/events`, take);
    } catch {
      try {
        take(await call('GET', path));
      } catch (problem) {
        if (!broken(problem)) return;
      }
    }
    if (!more) return;
    if (last !== before) wait = 500;
    await sleep(wait * (0.75 + Math.random() / 2)); // not all at the same moment after an outage
  }
}
