// What both pages are built with.

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
