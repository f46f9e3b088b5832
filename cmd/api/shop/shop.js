// The shop: products, the cart, and the way to Stripe's page.
//
// The cart lives in the API. What is clicked shows at once and is sent in order; when the last answer is in, the page
// shows what the API says. The address and the attempt to pay are remembered in the tab, so that turning back on Stripe's
// page loses nothing.
import { call, settings, Refused } from './api.js';
import { attemptLife, byId, disable, make, money, newKey, recall, remember } from './page.js';

const form = byId('checkout');
const shop = { storeId: '', products: new Map(), cart: { items: [] } };

const lineOf = (productId) => shop.cart.items.find((line) => line.productId === productId);
const quantityOf = (productId) => lineOf(productId)?.quantity ?? 0;
const priceOf = (amount) => money(amount, shop.cart.currency);
const countOf = () => shop.cart.items.reduce((sum, line) => sum + line.quantity, 0);

// say tells screen readers what has changed.
const say = (text) => { byId('said').textContent = text; };

function complain(problem) {
  byId('problem').replaceChildren(...(problem ? [make('p', { className: 'alert', textContent: problem })] : []));
}

// Products

async function loadProducts() {
  const { products } = await call('GET', `/stores/${encodeURIComponent(shop.storeId)}/products`);
  shop.products = new Map(products.filter((product) => product.active).map((product) => [product.id, product]));
}

const tiles = new Map(); // by product

function newTile(product) {
  const add = make('button', { type: 'button' });
  add.addEventListener('click', () => changeBy(product.id, 1));
  const tile = { stock: make('p', { className: 'soft small' }), price: make('p', { className: 'price' }), name: make('h2'), add };
  const emblem = make('span', { className: 'tile', 'aria-hidden': 'true', 'data-hue': tiles.size % 5, textContent: product.name.slice(0, 1) });
  tile.item = make('li', {},
    make('div', { className: 'head' }, emblem, make('div', {}, tile.name, tile.stock)),
    make('div', { className: 'foot' }, tile.price, add));
  return tile;
}

function showProducts() {
  for (const product of shop.products.values()) {
    const tile = tiles.get(product.id) ?? newTile(product);
    tiles.set(product.id, tile);
    const inCart = quantityOf(product.id);
    tile.name.textContent = product.name;
    tile.price.textContent = money(product.unitAmount, product.currency);
    tile.stock.textContent = stockOf(product) + (inCart ? ` · ${inCart} in your cart` : '');
    disable(tile.add, !canAdd(product.id));
    tile.add.textContent = product.stock === 0 ? 'Sold out' : 'Add';
    tile.add.setAttribute('aria-label', product.stock === 0 ? `${product.name}: sold out` : `Add ${product.name}`);
  }
  for (const [id, tile] of tiles) if (!shop.products.has(id)) { tile.item.remove(); tiles.delete(id); }
  byId('products').append(...[...tiles.values()].filter((tile) => !tile.item.isConnected).map((tile) => tile.item));
  byId('products').hidden = tiles.size === 0;
  byId('loading').hidden = tiles.size > 0;
  byId('loading').textContent = 'Nothing is for sale today.';
}

function stockOf({ stock }) {
  if (stock === null) return 'In stock';
  return stock === 0 ? 'None left' : stock <= 5 ? `Only ${stock} left` : `${stock} in stock`;
}

function canAdd(productId) {
  const product = shop.products.get(productId);
  return Boolean(product) && (product.stock === null || quantityOf(productId) < product.stock);
}

// Cart

const rows = new Map(); // by product

function newRow(productId) {
  const button = (text, act) => {
    const made = make('button', { type: 'button', className: 'small', textContent: text });
    made.addEventListener('click', act);
    return made;
  };
  const row = {
    name: make('strong'), each: make('span', { className: 'soft small' }), sum: make('span', { className: 'price' }),
    quantity: make('span', { className: 'quantity' }),
    less: button('−', () => changeBy(productId, -1)), more: button('+', () => changeBy(productId, 1)),
    remove: button('Remove', () => changeBy(productId, -quantityOf(productId))),
  };
  row.remove.className = 'quiet small';
  row.item = make('li', {},
    make('div', { className: 'what' }, row.name, row.each), row.sum,
    make('div', { className: 'stepper' }, row.less, row.quantity, row.more), row.remove);
  return row;
}

function showCart() {
  for (const line of shop.cart.items) {
    const row = rows.get(line.productId) ?? newRow(line.productId);
    rows.set(line.productId, row);
    row.name.textContent = line.name;
    row.each.textContent = `${priceOf(line.unitAmount)} each`;
    row.sum.textContent = priceOf(line.quantity * line.unitAmount);
    row.quantity.textContent = line.quantity;
    disable(row.more, !canAdd(line.productId));
    row.less.setAttribute('aria-label', `One ${line.name} less`);
    row.more.setAttribute('aria-label', `One ${line.name} more`);
    row.remove.setAttribute('aria-label', `Remove ${line.name}`);
    if (!row.item.isConnected) byId('lines').append(row.item);
  }
  for (const [id, row] of rows) if (!lineOf(id)) drop(id, row);
  const empty = shop.cart.items.length === 0;
  byId('empty').hidden = !empty;
  byId('lines').hidden = form.hidden = byId('bar').hidden = empty;
  if (!empty) showSums();
}

// drop takes a row away. A focus that was in it goes to the cart's title, not to nowhere.
function drop(productId, row) {
  const focused = row.item.contains(document.activeElement);
  row.item.remove();
  rows.delete(productId);
  if (focused) byId('cart-title').focus();
}

function showSums() {
  const subtotal = priceOf(shop.cart.subtotal);
  const delivered = form.elements.deliveryType.value === 'delivery';
  byId('subtotal').textContent = subtotal;
  byId('fee').hidden = byId('address').hidden = !delivered;
  byId('address').disabled = !delivered;
  byId('pay').textContent = delivered ? `Pay ${subtotal} plus delivery` : `Pay ${subtotal}`;
  const count = countOf();
  byId('bar').textContent = `Cart: ${count} ${count === 1 ? 'item' : 'items'}, ${subtotal}`;
}

let sending = Promise.resolve();
let waiting = 0;

// changeBy changes how many of a product are in the cart, here at once, and at the API when it is its turn.
function changeBy(productId, difference) {
  if (difference > 0 && !canAdd(productId)) return;
  const quantity = quantityOf(productId) + difference;
  const name = lineOf(productId)?.name ?? shop.products.get(productId).name;
  setHere(productId, quantity);
  say(quantity > 0 ? `${quantity} × ${name} in the cart, together ${priceOf(shop.cart.subtotal)}` : `${name} removed, ${priceOf(shop.cart.subtotal)} left in the cart`);
  complain('');
  waiting++;
  sending = sending.then(() => send(productId, quantity)).finally(() => { waiting--; });
}

function setHere(productId, quantity) {
  const { name, unitAmount, currency } = { ...shop.products.get(productId), ...lineOf(productId) };
  const items = shop.cart.items.filter((line) => line.productId !== productId || quantity > 0)
    .map((line) => (line.productId === productId ? { ...line, quantity } : line));
  if (!lineOf(productId) && quantity > 0) items.push({ productId, name, quantity, unitAmount });
  shop.cart = { currency, ...shop.cart, items, subtotal: items.reduce((sum, line) => sum + line.quantity * line.unitAmount, 0) };
  show();
}

async function send(productId, quantity) {
  const path = `/cart/items/${encodeURIComponent(productId)}`;
  try {
    const cart = quantity > 0
      ? await call('PUT', path, { body: { storeId: shop.storeId, quantity } })
      : await call('DELETE', `${path}?storeId=${encodeURIComponent(shop.storeId)}`);
    if (waiting === 1) shop.cart = cart; // nothing newer has been clicked
  } catch (problem) {
    complain(problem.message);
    await load().catch(() => {}); // what could not be reached has been told already
  }
  show();
}

function show() {
  showProducts();
  showCart();
}

// Address

const draft = () => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));

function restore() {
  for (const [name, value] of Object.entries(recall('draft') ?? {})) {
    if (form.elements[name]) form.elements[name].value = value;
  }
}

// wrong puts what cannot be beside its field and goes there. It says whether there is such a field.
function wrong(path, message) {
  const name = path === 'deliveryAddress' ? 'line1' : path?.split('.').pop();
  const input = name && form.querySelector(`#address [name="${CSS.escape(name)}"]`);
  if (!input) return false;
  const label = path === 'deliveryAddress' ? 'The address' : input.labels[0].firstChild.textContent.trim();
  const text = byId(`${name}-wrong`);
  text.textContent = `${label} ${message.slice(0, 1).toLowerCase()}${message.slice(1)}`; // "Is missing", "Must be …"
  text.hidden = false;
  input.setAttribute('aria-invalid', 'true');
  input.focus();
  return true;
}

function right(input) {
  input.removeAttribute('aria-invalid');
  const text = byId(`${input.name}-wrong`);
  if (text) text.hidden = true;
}

// Paying

// wanted is what to check out. Where Stripe's page leads back to is left to the API: to these very pages, at PUBLIC_URL.
function wanted() {
  const { deliveryType, ...address } = draft();
  return {
    storeId: shop.storeId,
    deliveryType,
    ...(deliveryType === 'delivery' && { deliveryAddress: Object.fromEntries(Object.entries(address).filter(([, value]) => value)) }),
  };
}

// attemptFor is the attempt to pay what is wanted: the one before when it is still the same, so that a double click, a retry
// and turning back on Stripe's page make one payment and keep stock once.
function attemptFor(body) {
  const what = JSON.stringify([body, shop.cart.items]);
  const last = recall('attempt');
  if (last?.what === what && Date.now() - last.at < attemptLife) return last;
  return { what, key: newKey(), at: Date.now() };
}

// forgetSettled forgets an attempt that cannot be paid any more.
async function forgetSettled() {
  const { paymentId } = recall('attempt') ?? {};
  if (!paymentId) return;
  const payment = await call('GET', `/payments/${encodeURIComponent(paymentId)}`).catch(() => undefined);
  if (payment?.status !== 'pending') remember('attempt');
}

let paying = false;

async function pay() {
  if (paying) return;
  const clicked = Date.now();
  setPaying(true);
  complain('');
  try {
    await sending;
    const body = wanted();
    if (body.deliveryType === 'delivery' && !body.deliveryAddress.line1) throw new Refused(422, 'Is missing', 'line1');
    const attempt = attemptFor(body);
    remember('attempt', attempt);
    const { paymentId, url } = await call('POST', '/checkout/session', { body, headers: { 'Idempotency-Key': attempt.key } });
    remember('attempt', { ...attempt, paymentId });
    remember('left', { paymentId, at: clicked });
    location.assign(url);
  } catch (problem) {
    setPaying(false);
    await explain(problem);
  }
}

function setPaying(on) {
  paying = on;
  disable(byId('pay'), on);
  form.setAttribute('aria-busy', on);
  if (on) byId('pay').textContent = 'Going to Stripe …';
  else showSums();
}

// explain tells why it was not to be. What is refused for good gets a new attempt; what passes keeps its own.
async function explain(problem) {
  if (!problem.passing) remember('attempt');
  if (!wrong(problem.field, problem.message)) complain(problem.message);
  if (problem.status === 409) await load().catch(() => {}); // prices, stock or cart are not what they were
}

// Beginning

async function load() {
  const [cart] = await Promise.all([call('GET', `/cart?storeId=${encodeURIComponent(shop.storeId)}`), loadProducts(), forgetSettled()]);
  shop.cart = cart;
  show();
}

async function begin() {
  try {
    shop.storeId = (await settings()).storeId;
    await load();
  } catch (problem) {
    byId('loading').textContent = problem.message;
    byId('loading').hidden = false;
  }
}

form.addEventListener('submit', (event) => { event.preventDefault(); pay(); });
form.addEventListener('input', (event) => { right(event.target); remember('draft', draft()); showSums(); });
byId('bar').addEventListener('click', () => byId('cart-title').focus());
new IntersectionObserver(([cart]) => byId('bar').classList.toggle('away', cart.isIntersecting), { rootMargin: '0px 0px -25%' }).observe(byId('cart'));
window.addEventListener('pageshow', (event) => { if (event.persisted) { setPaying(false); begin(); } }); // back from Stripe
restore();
begin();
