// The success page: one payment, live, and the customer's orders.
//
// Which payment it is comes in the address, goes out of it at once, and stays with the tab. The API pushes each change; when
// the stream breaks, the page asks once, waits, and opens it anew.
import { call, follow } from './api.js';
import { addressLines, byId, make, money, recall, remember, setText } from './page.js';

// Each status of a payment in words. look is the colour, more says whether something is still expected, next what the
// customer can do.
const statuses = {
  pending: { look: 'waiting', more: true, title: 'Processing your payment', text: 'This takes a moment. The page turns by itself.' },
  processing: { look: 'waiting', more: true, title: 'Your bank is at work', text: 'It may take some days until the money is here. You need not wait: we write to you.' },
  paid: { look: 'good', title: 'Order confirmed', text: 'Thank you! A receipt is on its way to your inbox.' },
  needs_attention: { look: 'odd', more: true, title: 'We are looking at it', text: 'You need not do anything. Your payment is safe with us, and we write to you.' },
  disputed: { look: 'odd', more: true, title: 'The payment is disputed', text: 'Your bank has asked about it. Your order waits until that is settled.' },
  charged_back: { look: 'bad', title: 'The payment was charged back', text: 'Your bank has returned the money to you, and the order is closed.' },
  refunded: { look: 'odd', title: 'Refunded', text: 'All of the money goes back to you. Banks take some days for that.' },
  partially_refunded: { look: 'good', title: 'Refunded in part', text: 'Some of the money goes back to you. Banks take some days for that.' },
  canceled: { look: 'bad', title: 'Canceled', text: 'Nothing was paid. Your cart is as it was.', next: 'Back to the shop' },
  failed: { look: 'bad', more: true, title: 'The payment did not go through', text: 'Nothing was paid, and your cart is as it was.', next: 'Try again' },
  unmatched: { look: 'odd', more: true, title: 'We are looking at it', text: 'Your payment is here, and we find out what it is for. You need not do anything.' },
  subscription: { look: 'good', title: 'Thank you', text: 'Your subscription is paid.' },
};
const otherwise = { look: 'odd', more: true, title: 'We have your payment', text: 'This page will tell you more soon.' };

// Where an order's own status says more than the payment's.
const orderWords = {
  on_hold: { look: 'odd', more: true, title: 'Order received', text: 'We take a second look before it leaves. You need not do anything.' },
  canceled: { look: 'odd', title: 'Order canceled', text: 'The money goes back to you.' },
};
const unwritten = { look: 'waiting', more: true, title: 'Payment received', text: 'Your order is being written down.' };

const orderLabels = { confirmed: 'Confirmed', on_hold: 'On hold', canceled: 'Canceled', refunded: 'Refunded', charged_back: 'Charged back' };

function wordsFor({ status, order }) {
  if (status === 'paid' && !order) return unwritten;
  return (status === 'paid' && orderWords[order.status]) || (statuses[status] ?? otherwise);
}

const arrived = Date.now();

// takePayment reads whose page this is, and cleans it out of the address bar, where it would end up in histories and
// screenshots.
function takePayment() {
  const paymentId = new URLSearchParams(location.search).get('paymentId');
  if (location.search) history.replaceState(null, '', location.pathname);
  if (paymentId) {
    remember('payment', paymentId);
    remember('attempt'); // the next one is another
  }
  return paymentId ?? recall('payment');
}

let shown; // the payment as it was last shown

function show(payment) {
  const before = shown;
  shown = payment;
  const words = wordsFor(payment);
  const card = byId('payment');
  Object.assign(card.dataset, { look: words.look, status: payment.status });
  setText('title', words.title);
  setText('explanation', words.text);
  document.title = words.title;
  byId('order').replaceChildren(...(payment.order ? receipt(payment.order) : amountOf(payment)));
  byId('next').hidden = !words.next;
  byId('next').firstChild.textContent = words.next ?? '';
  if (words === statuses.paid) measure(card, payment.paymentId);
  if (before?.status !== payment.status || before?.order?.status !== payment.order?.status) loadOrders();
}

// measure notes how long it took until the customer saw their order confirmed, in ms, from Pay in the shop (the visit to
// Stripe's page included) and from coming here. It is kept, because a reload measures nothing.
function measure(card, paymentId) {
  const now = Date.now();
  const left = recall('left');
  const took = recall('took') ?? {};
  took[paymentId] ??= { fromPay: left?.paymentId === paymentId ? now - left.at : undefined, fromArrival: now - arrived };
  remember('took', took);
  Object.assign(card.dataset, { msFromPay: took[paymentId].fromPay ?? '', msFromArrival: took[paymentId].fromArrival });
}

const amountOf = ({ amount, currency }) => (currency ? [make('p', { className: 'amount', textContent: money(amount, currency) })] : []);

// receipt is an order as a receipt has it.
function receipt(order) {
  const price = (amount) => money(amount, order.currency);
  const row = (what, amount, className = '') => make('div', { className }, make('dt', {}, what), make('dd', { textContent: price(amount) }));
  const sums = order.items.map((line) => row(`${line.quantity} × ${line.name}`, line.quantity * line.unitAmount));
  if (order.deliveryFee) sums.push(row('Delivery', order.deliveryFee, 'soft'));
  if (order.tax) sums.push(row('Tax', order.tax, 'soft'));
  if (order.adjustment) sums.push(row('Adjustment', order.adjustment, 'soft'));
  sums.push(row('Total', order.total, 'total'));
  return [make('dl', { className: 'sums', id: 'receipt' }, ...sums), facts(order)];
}

function facts(order) {
  const address = addressLines(order.deliveryAddress).map((line) => make('span', { textContent: line }));
  const fact = (what, ...values) => make('div', {}, make('dt', { textContent: what }), make('dd', {}, ...values));
  return make('dl', { className: 'facts' },
    fact('Order', make('code', { id: 'order-id', textContent: order.id })),
    order.deliveryType === 'pickup' ? fact('Pickup', 'at the store') : fact('Goes to', ...address));
}

// Following the payment

// take shows a payment, and says whether another word is expected.
function take(payment) {
  setText('connection', '');
  show(payment);
  return Boolean(wordsFor(payment).more);
}

// broken tells why nothing is heard. It says whether there is any use in asking again.
function broken(problem) {
  if (problem.status === 404) return unknown();
  setText('connection', shown ? 'The connection is gone; this may be out of date. Trying again …' : problem.message);
  return problem.status !== 401;
}

function unknown() {
  remember('payment');
  byId('payment').dataset.look = 'bad';
  setText('title', 'There is no such payment');
  setText('explanation', 'The link may be cut short, or it belongs to somebody else.');
  return false;
}

// The customer's orders

let listing = 0;

// loadOrders lists the newest orders, or those after the ones that are there. An answer that comes after a newer question is
// dropped.
async function loadOrders(after) {
  const asked = ++listing;
  try {
    const { orders, next } = await call('GET', `/orders?limit=10${after ? `&after=${encodeURIComponent(after)}` : ''}`);
    if (asked !== listing) return;
    const items = orders.map(listed);
    if (after) byId('orders').append(...items);
    else byId('orders').replaceChildren(...items);
    byId('more').hidden = !next;
    byId('more').dataset.after = next ?? '';
    if (after) items[0]?.focus();
    byId('orders').hidden = byId('orders').children.length === 0;
    byId('no-orders').hidden = !byId('orders').hidden;
    setText('no-orders', 'None yet.');
  } catch (problem) {
    setText('no-orders', problem.message);
    byId('no-orders').hidden = false;
  }
}

function listed(order) {
  const ours = shown?.order?.id === order.id;
  const when = new Date(order.createdAt);
  const item = make('li', { tabIndex: -1 },
    make('div', { className: 'what' },
      make('strong', { textContent: order.items.map((line) => `${line.quantity} × ${line.name}`).join(', ') }),
      make('span', { className: 'soft small when' },
        make('time', { dateTime: order.createdAt, textContent: when.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) }),
        make('code', { textContent: order.id }))),
    make('span', { className: 'price', textContent: money(order.total, order.currency) }),
    make('span', { className: 'badge', 'data-order': order.status, textContent: ours ? `This order: ${(orderLabels[order.status] ?? order.status).toLowerCase()}` : orderLabels[order.status] ?? order.status }));
  if (ours) item.setAttribute('aria-current', 'true');
  return item;
}

function begin() {
  const paymentId = takePayment();
  byId('more').addEventListener('click', () => loadOrders(byId('more').dataset.after));
  loadOrders();
  byId('payment').hidden = !paymentId;
  if (paymentId) follow(`/payments/${encodeURIComponent(paymentId)}`, take, broken);
  else document.title = 'Your orders';
}

begin();
