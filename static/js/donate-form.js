/* Comfort for the donation form: amounts follow currency and frequency, the button names the sum, one click sends once. */

import { formatMoney, parseAmount, stepOf } from "./money.js";

const form = document.querySelector("[data-donate-form]");

const field = (name) => form.elements.namedItem(name);
const find = (selector) => form.querySelector(selector);
const all = (selector) => [...form.querySelectorAll(selector)];
const currency = () => field("currency").value;
const frequency = () => field("frequency").value;
const money = (minor) => formatMoney({ minor, currency: currency() });

/* What the page offers in the chosen currency: data-* of its <option>. */
const offer = () => (field("currency").selectedOptions?.[0] ?? field("currency")).dataset;

/* Suggested amounts come in one group, or in two: for every month, and for all else. */
const group = () => {
  const monthly = find("[data-amounts=month]");
  return frequency() === "month" && monthly && !monthly.hidden ? monthly : find("[data-amounts=once]");
};
const amounts = () => [...group().querySelectorAll("input")];
const chosen = () => find("input[name=amount_choice]:checked");

const minor = () => {
  const choice = chosen();
  if (!choice) return null;
  if (choice.value === "other") return parseAmount(field("amount").value, currency());
  return amounts().includes(choice) ? Number(choice.dataset.minor) : null;
};

const suggestion = (minor, ending) => {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const text = document.createElement("span");
  label.className = "choice";
  Object.assign(input, { type: "radio", name: "amount_choice", value: `${currency()}:${minor}${ending}` });
  input.dataset.minor = minor;
  text.textContent = money(Number(minor));
  label.append(input, text);
  return label;
};

/* The donor's place in a row of suggestions stays, in another currency and for another frequency. */
const keepingPlace = (change) => {
  const choice = chosen();
  const row = choice?.closest("[data-amounts]");
  const place = row ? [...row.querySelectorAll("input")].indexOf(choice) : -1;
  change();
  if (place >= 0 && amounts().length) (amounts()[place] ?? amounts()[0]).checked = true;
};

const showSuggestions = () => {
  for (const row of all("[data-amounts]")) {
    const minors = (offer()[row.dataset.amounts] ?? "").split(" ").filter(Boolean);
    const ending = row.dataset.amounts === "month" ? ":month" : "";
    row.hidden = minors.length === 0;
    row.querySelector(".choices").replaceChildren(...minors.map((value) => suggestion(value, ending)));
  }
};

const followCurrency = () => {
  keepingPlace(showSuggestions);
  const limits = find("[data-limits]");
  const { minimum, maximum } = offer();
  limits.textContent = limits.dataset.limits
    .replace("{minimum}", money(Number(minimum)))
    .replace("{maximum}", money(Number(maximum)));
  const note = find("[data-fee-note]");
  if (note) note.dataset.said = note.dataset.plain;
};

/* The free amount opens for writing when it is chosen, and is forgotten when a suggestion is. */
const followChoice = (choice) => {
  if (choice.value === "other") field("amount").focus();
  else field("amount").value = "";
};

const showSymbol = () => {
  const node = find("[data-currency-symbol]");
  node.textContent = offer().symbol ?? currency();
  node.hidden = node.textContent === "";
};

/* The ways to pay whose fee can be covered now; a bank transfer cannot be collected regularly. */
const fees = () =>
  (offer().fees ?? "")
    .split(" ")
    .filter(Boolean)
    .map((text) => text.split(":"))
    .map(([method, basisPoints, fixed]) => ({ method, basisPoints: Number(basisPoints), fixed: Number(fixed) }))
    .filter(({ method }) => frequency() === "once" || method !== "customer_balance");

/* The fee that makes the net equal the donation: (net + fixed) / (1 - rate), rounded up to what can be charged. */
const cover = (net, { basisPoints, fixed }) => {
  const keep = (10_000 - basisPoints) * stepOf(currency());
  const ceiling = (net + fixed) * 10_000 + keep - 1;
  return ((ceiling - (ceiling % keep)) / keep) * stepOf(currency()) - net;
};

const showMethods = (offered, net) => {
  if (find("[data-methods]")) find("[data-methods]").hidden = offered.length < 2;
  for (const label of all("[data-method]")) {
    const fee = offered.find(({ method }) => method === label.dataset.method);
    const input = label.querySelector("input");
    label.hidden = input.disabled = !fee;
    if (!fee) input.checked = false;
    const note = label.querySelector("[data-method-note]");
    if (fee) note.textContent = net === null ? "" : `+ ${money(cover(net, fee))}`;
  }
  const inputs = all("[data-method] input:enabled");
  if (inputs.length && !inputs.some((input) => input.checked)) inputs[0].checked = true;
};

/* Shows what covering the fee adds, exactly; returns it, 0 unless the donor wants to. */
const showFee = (net) => {
  const box = find("[data-cover]");
  if (!box) return 0;
  const offered = fees();
  box.hidden = offered.length === 0;
  showMethods(offered, net);
  const note = find("[data-fee-note]");
  note.dataset.said ??= note.textContent;
  const method = field("method")?.value;
  const fee = offered.length === 1 ? offered[0] : offered.find((one) => one.method === method);
  if (!fee || net === null) {
    note.textContent = offered.length === 1 ? note.dataset.said : note.dataset.plain;
    return 0;
  }
  const extra = cover(net, fee);
  note.textContent =
    offered.length > 1
      ? note.dataset.plain
      : form.dataset.feeText.replace("{fee}", money(extra)).replace("{amount}", money(net));
  return field("cover_fee").checked ? extra : 0;
};

const showButton = (sum) => {
  const label = find("[data-button-label]");
  label.dataset.said ??= label.textContent;
  label.textContent = sum === null ? label.dataset.said : form.dataset[frequency()].replace("{amount}", money(sum));
};

/* A browser may also restore another currency than the one the page was sent with. */
const isStale = () => {
  const first = find("[data-amounts] input");
  return first !== null && !first.value.startsWith(`${currency()}:`);
};

const refresh = () => {
  if (isStale()) followCurrency();
  showSymbol();
  const net = minor();
  const extra = showFee(net);
  showButton(net === null ? null : net + extra);
};

const sendOnce = (event) => {
  const button = find("button[type=submit]");
  if (button.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    return;
  }
  button.setAttribute("aria-disabled", "true");
};

if (form) {
  // With script the donor can pay on our own page, where the entity offers that.
  form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "surface", value: "elements" }));
  for (const node of all("[data-without-script]")) node.hidden = true;
  form.addEventListener("change", (event) => {
    if (event.target.name === "frequency") keepingPlace(() => {});
    if (event.target.name === "amount_choice") followChoice(event.target);
    refresh();
  });
  form.addEventListener("input", refresh);
  form.addEventListener("submit", sendOnce);
  // Back from the payment page, the browser may show this page as it was left: let it be sent again.
  window.addEventListener("pageshow", () => {
    find("button[type=submit]").removeAttribute("aria-disabled");
    refresh();
    // Not before: going to the fragment of the address takes the focus away from whatever has it.
    find("[data-error-summary]")?.focus();
  });
  refresh();
}
