/* Comfort for the donation form: amounts follow the currency, the button names the sum, one click sends once. */

import { formatMoney, parseAmount } from "./money.js";

const form = document.querySelector("[data-donate-form]");

const all = (selector) => [...form.querySelectorAll(selector)];
const currencyField = () => form.elements.namedItem("currency");
const currency = () => currencyField()?.value ?? "";
const amounts = () => all(`[data-amounts="${currency()}"] input`);
const chosen = () => form.querySelector("input[name=amount_choice]:checked");

const minor = () => {
  const choice = chosen();
  if (!choice) return null;
  if (choice.value === "other") return parseAmount(form.elements.namedItem("amount").value, currency());
  return amounts().includes(choice) ? Number(choice.dataset.minor) : null;
};

/* The fee that makes the net equal the donation: (net + fixed) / (1 - rate), rounded up to the minor unit. */
const fee = (net, { basisPoints, fixed }) => {
  const keep = 10_000 - Number(basisPoints);
  const ceiling = (net + Number(fixed)) * 10_000 + keep - 1;
  return (ceiling - (ceiling % keep)) / keep - net;
};

/* Another currency was chosen: keep the donor's place in the row of suggestions. */
const followCurrency = () => {
  const choice = chosen();
  if (!choice || choice.value === "other" || amounts().includes(choice)) return;
  const place = [...choice.closest("[data-amounts]").querySelectorAll("input")].indexOf(choice);
  (amounts()[place] ?? amounts()[0]).checked = true;
};

/* The free amount opens for writing when it is chosen, and is forgotten when a suggestion is. */
const followChoice = (choice) => {
  const amount = form.elements.namedItem("amount");
  if (choice.value === "other") amount.focus();
  else amount.value = "";
};

const showSymbol = () => {
  const node = form.querySelector("[data-currency-symbol]");
  const option = form.querySelector(`[data-symbol][value="${currency()}"]`);
  node.textContent = option?.dataset.symbol ?? currency();
  node.hidden = node.textContent === "";
};

const showFee = (net) => {
  const note = form.querySelector(`[data-fee="${currency()}"] [data-fee-note]`);
  if (!note) return 0;
  note.dataset.plain ??= note.textContent;
  if (net === null) {
    note.textContent = note.dataset.plain;
    return 0;
  }
  const extra = fee(net, note.dataset);
  const money = (value) => formatMoney({ minor: value, currency: currency() });
  note.textContent = form.dataset.feeText.replace("{fee}", money(extra)).replace("{amount}", money(net));
  return extra;
};

const showButton = (net, extra) => {
  const label = form.querySelector("[data-button-label]");
  label.dataset.plain ??= label.textContent;
  const sum = net === null ? null : net + (form.elements.namedItem("cover_fee").checked ? extra : 0);
  label.textContent =
    sum === null
      ? label.dataset.plain
      : form.dataset.buttonText.replace("{amount}", formatMoney({ minor: sum, currency: currency() }));
};

const refresh = () => {
  showSymbol();
  const net = minor();
  showButton(net, showFee(net));
};

const sendOnce = (event) => {
  const button = form.querySelector("button[type=submit]");
  if (button.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    return;
  }
  button.setAttribute("aria-disabled", "true");
};

if (form) {
  form.addEventListener("change", (event) => {
    if (event.target.name === "currency") followCurrency();
    if (event.target.name === "amount_choice") followChoice(event.target);
    refresh();
  });
  form.addEventListener("input", refresh);
  form.addEventListener("submit", sendOnce);
  // Back from the payment page, the browser may show this page as it was left: let it be sent again.
  window.addEventListener("pageshow", () => {
    form.querySelector("button[type=submit]").removeAttribute("aria-disabled");
    refresh();
    // Not before: going to the fragment of the address takes the focus away from whatever has it.
    form.querySelector("[data-error-summary]")?.focus();
  });
  refresh();
}
