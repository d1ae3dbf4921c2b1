// Keys of the desk: "/" goes to the search, "g" and then a letter to a page. Who does not want them switches them off;
// nothing happens while typing.

const STORED = "desk-keys";
const PATIENCE = 1500;
const box = document.querySelector("[data-keys]");
const on = document.querySelector("[data-keys-on]");
let started = 0;

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable]") !== null;
}

function letter(event) {
  return event.ctrlKey || event.metaKey || event.altKey ? "" : event.key;
}

function press(event) {
  if (!on.checked || typing(event.target)) return;
  const key = letter(event);
  const search = document.querySelector("[data-search]");
  if (key === "/" && search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (key === "g") {
    started = event.timeStamp;
  } else if (started && event.timeStamp - started < PATIENCE) {
    started = 0;
    document.querySelector(`a[data-key="${CSS.escape(key)}"]`)?.click();
  }
}

if (box && on) {
  box.hidden = false;
  on.checked = localStorage.getItem(STORED) !== "off";
  on.addEventListener("change", () => localStorage.setItem(STORED, on.checked ? "on" : "off"));
  document.addEventListener("keydown", press);
}

// Escape closes an open menu, and the cursor is on its name again.
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".desk-menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Where the list of pages is longer than the screen, the current one is in sight. Only the list moves, not the page.
const side = document.querySelector(".desk-nav--side");
const here = side?.querySelector("[aria-current]");
if (here && here.offsetTop + here.offsetHeight > side.clientHeight) {
  side.scrollTop = here.offsetTop - side.clientHeight / 2;
}
