/* Money as the server writes it: the page's language, whole amounts without decimals, digits grouped. */

const locale = document.documentElement.lang || "en";

/* As in fundraising/money.py; browsers disagree with payment providers about some (forints, for one). */
const EXPONENTS = { JPY: 0, KRW: 0, BHD: 3, JOD: 3, KWD: 3, TND: 3 };
const exponentOf = (currency) => EXPONENTS[currency] ?? 2;

/* Of three decimals the last must be 0, for payment providers. */
export const stepOf = (currency) => (exponentOf(currency) === 3 ? 10 : 1);

/* Exact for every integer: the string goes to Intl as a decimal, never through a float division. */
const decimalText = (minor, exponent) => {
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent);
  const rest = exponent ? `.${digits.slice(-exponent)}` : "";
  return `${minor < 0 ? "-" : ""}${whole}${rest}`;
};

export const formatNumber = (value) => new Intl.NumberFormat(locale, { useGrouping: "always" }).format(value);

/* "80%", and "<1%" for what is more than nothing; the words around the number stay the server's. */
export const formatPercent = (percent, raised, template) => {
  const text = percent < 1 && raised > 0 ? `<${formatNumber(1)}` : formatNumber(percent);
  return template.replace(/<?[\d.,\u00a0\u202f'’]*\d/u, text);
};

export const formatMoney = ({ minor, currency }, exponent = exponentOf(currency)) => {
  const whole = minor % 10 ** exponent === 0;
  const decimals = whole ? 0 : exponent;
  const text = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    useGrouping: "always",
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(decimalText(minor, exponent));
  /* From right to left "UK£" would come apart: a mark keeps the sign behind its letters, as the server does. */
  return text.startsWith("\u200f") ? text.replace(/([A-Z])([^\p{L}\p{N}\s.,])/gu, "$1$2\u200e") : text;
};

/* What a donor typed, as minor units; null when it is not clearly an amount. The server decides for good. */
export const parseAmount = (text, currency) => {
  const exponent = exponentOf(currency);
  const match = /^(\d+)(?:[.,](\d+))?$/.exec(text.trim());
  if (!match || (match[2] ?? "").length > exponent) return null;
  const minor = Number(match[1] + (match[2] ?? "").padEnd(exponent, "0"));
  return Number.isSafeInteger(minor) && minor > 0 && minor % stepOf(currency) === 0 ? minor : null;
};
