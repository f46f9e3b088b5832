// The plan: what there is to subscribe to, the way to Stripe's page for it, and how the subscription is, live.
//
// The state is the API's word, which is Stripe's. Who comes back from Stripe's page is thanked at once and told that it is
// being set up, until the state says that it is: what Stripe's page promises is not known here before Stripe has told.
import { call, follow, settings } from './api.js';
import { attemptLife, byId, disable, make, money, newKey, recall, remember, setText } from './page.js';

const date = (at) => new Date(at).toLocaleDateString(undefined, { dateStyle: 'long' });

// until names a day where there is one.
const until = (words, at, otherwise) => (at ? `${words} ${date(at)}.` : otherwise);

const endOf = (state) => state.cancelAt ?? (state.cancelAtPeriodEnd ? state.currentPeriodEnd : undefined);

// Each status of a subscription in words. look is the colour, anew says whether it can be subscribed to once more.
const statuses = {
  none: () => ({ look: 'none', anew: true }),
  trialing: (state) => (endOf(state)
    ? { look: 'odd', title: 'Your trial ends', text: `It ends on ${date(endOf(state))}, and nothing is charged.` }
    : { look: 'good', title: 'Your trial is on', text: until('Nothing is charged until', state.trialEnd, 'Nothing is charged yet.') }),
  active: (state) => {
    if (endOf(state)) return { look: 'odd', title: 'Subscribed, and it ends', text: `It ends on ${date(endOf(state))}. Nothing more is charged.` };
    if (state.pauseCollection) return paused(state.pauseCollection);
    return { look: 'good', title: 'Subscribed', text: until('It renews on', state.currentPeriodEnd, 'It renews by itself.') };
  },
  past_due: (state) => ({ look: 'bad', title: 'The payment did not go through', text: `${accessOf(state)} ${retryOf(state)}` }),
  unpaid: (state) => ({ look: 'bad', title: 'It is not paid', text: `${accessOf(state)} It goes on when the latest invoice is paid.` }),
  paused: () => ({ look: 'odd', title: 'Paused', text: 'The trial is over, and there is no card to charge. Add one to go on.' }),
  incomplete: () => ({ look: 'odd', anew: true, title: 'The first payment is missing', text: 'It begins when the first invoice is paid.' }),
  incomplete_expired: () => ({ look: 'bad', anew: true, title: 'It did not begin', text: 'The first payment never came. Nothing is owed.' }),
  canceled: (state) => ({ look: 'odd', anew: true, title: 'It has ended', text: until('It ended on', state.endedAt ?? state.canceledAt, 'You can subscribe again.') }),
};
const otherwise = () => ({ look: 'odd', title: 'You have a subscription', text: 'This page will tell you more soon.' });
const settingUp = { look: 'waiting', title: 'Thank you', text: 'Your subscription is being set up. This takes a moment, and the page turns by itself.' };

const paused = ({ resumesAt }) => ({ look: 'odd', title: 'Paused', text: until('Nothing is charged until', resumesAt, 'Nothing is charged until somebody resumes it.') });

const accessOf = ({ access, accessUntil }) => (access ? until('You keep what you subscribed to until', accessUntil, 'You keep what you subscribed to.')
  : 'What you subscribed to is off until it is paid.');

const retryOf = ({ latestInvoice }) => until('We try again on', latestInvoice?.nextPaymentAttempt, 'Another card helps: choose Manage.');

const invoiceWords = { draft: 'being written', open: 'to be paid', paid: 'paid', uncollectible: 'given up', void: 'void' };

function wordsFor(state) {
  const words = (statuses[state.status] ?? otherwise)(state);
  if (words.anew && state.status !== 'incomplete' && expected()) return settingUp;
  return words;
}

let plan; // what there is to subscribe to
let shown; // the state as it was last shown
let going = ''; // the button that leads away just now

// The visit to Stripe's page

const setUpLife = 10 * 60 * 1000; // ms; whoever is not subscribed by then may try again

// expected says whether Stripe's page was completed, and nothing has been heard of it yet.
function expected() {
  const at = recall('subscribed');
  return Boolean(at) && Date.now() - at < setUpLife;
}

// takeReturn reads whether Stripe's page leads back here, and cleans that out of the address bar: a reload is no purchase.
function takeReturn() {
  const query = new URLSearchParams(location.search);
  if (!query.has('subscribed')) return;
  history.replaceState(null, '', location.pathname);
  remember('subscribed', Date.now());
  remember('subscribing'); // the next one is another
}

// attempt is the wish to subscribe: the one before when it is still the same, so that a double click, a retry and turning
// back on Stripe's page lead to one page of Stripe's.
function attempt() {
  const last = recall('subscribing');
  if (last?.priceId === plan.priceId && Date.now() - last.at < attemptLife) return last;
  return { priceId: plan.priceId, key: newKey(), at: Date.now() };
}

async function subscribe() {
  const wish = attempt();
  remember('subscribing', wish);
  const { url } = await call('POST', '/checkout/session', {
    body: { mode: 'subscription', priceId: wish.priceId }, headers: { 'Idempotency-Key': wish.key },
  });
  return url;
}

// manage leads to Stripe's billing portal. Each visit is another one: its page works for a few minutes only.
async function manage() {
  const { url } = await call('POST', '/billing/portal', { body: {}, headers: { 'Idempotency-Key': newKey() } });
  return url;
}

// leave goes to the page of Stripe's that a button stands for.
async function leave(id, ask) {
  if (going) return;
  setGoing(id);
  complain('');
  try {
    location.assign(await ask());
  } catch (problem) {
    setGoing('');
    if (!problem.passing) remember('subscribing'); // refused for good: the next click is a new wish
    complain(problem.message);
    if (problem.status === 409) show(await call('GET', '/subscription').catch(() => shown)); // it is not what it was
  }
}

const labels = { subscribe: 'Subscribe', manage: 'Manage' };

function setGoing(id) {
  going = id;
  for (const [name, label] of Object.entries(labels)) {
    byId(name).textContent = name === id ? 'Going to Stripe …' : label;
    disable(byId(name), Boolean(id));
  }
}

function complain(problem) {
  byId('plan-problem').replaceChildren(...(problem ? [make('p', { className: 'alert', textContent: problem })] : []));
}

// Showing

function show(state) {
  if (!state) return;
  shown = state;
  const words = wordsFor(state);
  if (!words.anew && words !== settingUp) forgetVisit();
  Object.assign(byId('plan').dataset, { look: words.look, status: state.status });
  showWords(words);
  showFacts(state);
  showButtons(words, state);
}

// forgetVisit is for when it has been set up: should it end one day, subscribing again is another wish.
function forgetVisit() {
  remember('subscribed');
  remember('subscribing');
}

let said; // what the page says, so that screen readers do not hear it twice

function showWords({ title, text }) {
  const saying = [title, text].join(' ');
  if (saying === said) return;
  said = saying;
  byId('plan-state').replaceChildren(...(title ? [headline(title, text)] : []));
}

const headline = (title, text) => make('div', { className: 'headline' },
  make('span', { className: 'emblem', 'aria-hidden': 'true' }),
  make('div', {}, make('h3', { id: 'plan-status', textContent: title }), make('p', { className: 'soft', textContent: text })));

function showFacts(state) {
  const facts = [];
  const fact = (what, ...values) => facts.push(make('div', {}, make('dt', { textContent: what }), make('dd', {}, ...values)));
  const { items = [], paymentMethod: card, latestInvoice: invoice, pendingUpdateExpiresAt: pending } = state;
  if (items.length) fact('What it is for', ...items.map((item) => make('span', { textContent: `${item.quantity} × ${item.productName || item.priceId}` })));
  if (card?.last4) fact('Paid by', `${capital(card.brand)} ending in ${card.last4}`);
  if (invoice) fact('Latest invoice', ...invoiceLines(invoice));
  if (pending) fact('Waiting', `a change, to be paid until ${date(pending)}`);
  byId('plan-facts').replaceChildren(...facts);
  byId('plan-facts').hidden = facts.length === 0;
}

const capital = (word) => word.slice(0, 1).toUpperCase() + word.slice(1).replaceAll('_', ' ');

function invoiceLines({ number, status, total, currency, hostedInvoiceUrl: href }) {
  const text = `${money(total, currency)}, ${invoiceWords[status] ?? status}`;
  if (!/^https?:/.test(href ?? '')) return [make('span', { textContent: text })];
  return [make('span', { textContent: text }), make('a', { href, textContent: number ? `Invoice ${number}` : 'See the invoice' })];
}

// showButtons leaves the ways that lead on. A focus that was on a way that is gone goes to the title, not to nowhere.
function showButtons({ anew }, { status }) {
  const focused = document.activeElement;
  byId('subscribe').hidden = byId('plan-hint').hidden = !anew;
  byId('manage').hidden = status === 'none';
  if (focused?.hidden && byId('plan').contains(focused)) byId('plan-title').focus();
}

// Following

function take(state) {
  setText('plan-connection', '');
  show(state);
  return true; // whatever it is, it may change
}

function broken(problem) {
  setText('plan-connection', shown ? 'The connection is gone; this may be out of date. Trying again …' : problem.message);
  return problem.status !== 401;
}

async function begin() {
  takeReturn();
  ({ plan } = await settings().catch(() => ({}))); // the cart tells that the shop cannot be reached
  if (!plan) return;
  byId('plan-title').textContent = plan.label;
  byId('plan').hidden = false;
  follow('/subscription', take, broken);
}

byId('subscribe').addEventListener('click', () => leave('subscribe', subscribe));
byId('manage').addEventListener('click', () => leave('manage', manage));
window.addEventListener('pageshow', (event) => { if (event.persisted) setGoing(''); }); // back from Stripe
begin();
