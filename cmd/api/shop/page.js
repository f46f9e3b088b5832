// What the pages are built with.

// byId finds an element that the page's HTML has.
export const byId = (id) => document.getElementById(id);

// make is a new element. Properties are set as such ("className", "textContent"); those with a dash become attributes.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-')) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

// setText leaves what is the same alone, so that screen readers do not hear it twice.
export function setText(id, text) {
  if (byId(id).textContent !== text) byId(id).textContent = text;
}

// disable keeps a button's focus, which the disabled attribute would take away.
export function disable(button, off) {
  button.setAttribute('aria-disabled', off);
}

// Stripe's special currencies, as in models/money.go. Browsers go by ISO 4217, which differs for some of them.
const zeroDecimal = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
const threeDecimal = new Set('bhd jod kwd omr tnd'.split(' '));
const paddedZeroDecimal = new Set('isk ugx'.split(' ')); // counted in hundredths, written without decimals

// money writes minor units of a currency as the reader's language does. The division cannot lose a digit that is
// shown: amounts have twelve at most.
export function money(amount, currency, locale) {
  const exponent = zeroDecimal.has(currency) ? 0 : threeDecimal.has(currency) ? 3 : 2;
  const decimals = paddedZeroDecimal.has(currency) ? 0 : exponent;
  return new Intl.NumberFormat(locale, {
    style: 'currency', currency: currency.toUpperCase(), minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  }).format(amount / 10 ** exponent);
}

// newKey is 128 random bits. crypto.randomUUID is not there on a page by plain http from another machine.
export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// attemptLife is how long an attempt to pay is the same one, in ms: Stripe's page lives for half an hour or more.
export const attemptLife = 20 * 60 * 1000;

// remember and recall keep things for this tab only, through reloads and the way to Stripe and back: two purchases
// in two tabs never mix. undefined forgets.
export function remember(name, value) {
  if (value === undefined) sessionStorage.removeItem(`shop.${name}`);
  else sessionStorage.setItem(`shop.${name}`, JSON.stringify(value));
}

export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`shop.${name}`)) ?? undefined;
  } catch {
    return undefined;
  }
}

// addressLines writes an address a line each.
export function addressLines(address) {
  const text = (key) => (typeof address?.[key] === 'string' ? address[key].trim() : '');
  const place = `${text('postalCode')} ${text('city')}`.trim();
  return [text('line1'), text('line2'), place, text('state'), text('country')].filter(Boolean);
}
