"use strict";
// Refresh the page from itself, and let people choose what they see. Whatever comes from the
// server is parsed as a document whose scripts never run; texts are set as text.
(() => {
  const EVERY = 5000; // milliseconds between two refreshes, more where one takes long
  const TOO_OLD = 3; // so many of these pauses without one, and the page says that it is old
  const byId = (id) => document.getElementById(id);
  const lower = (element) => element.textContent.toLowerCase();

  let sorting = { column: -1, direction: 1 };
  let fresh = { at: Date.now(), clock: byId("as-of").textContent, title: document.title };
  let pause = EVERY;
  let timer = 0;

  const accounts = () => [...document.querySelectorAll("tbody.account")];

  function choose() {
    const wanted = byId("filter").value.trim().toLowerCase();
    const onlyLook = byId("look").checked;
    let shown = 0;
    for (const account of accounts()) {
      const isSeen = matches(account, wanted) && (!onlyLook || "look" in account.dataset);
      account.hidden = !isSeen;
      shown += isSeen;
    }
    const totals = [...document.querySelectorAll("#totals tbody tr")];
    const hits = totals.filter((row) => lower(row.cells[0]).includes(wanted));
    for (const row of totals) row.hidden = hits.length > 0 && !hits.includes(row);
    const all = accounts().length;
    byId("matches").textContent = wanted || onlyLook ? `${shown} of ${all} accounts` : "";
  }

  /** Say whether an account matches; where only assets of it do, leave only those in sight. */
  function matches(account, wanted) {
    const [head, more] = account.rows;
    const notes = [...more.querySelectorAll(".note")];
    const isWhole = [head, ...notes].some((element) => lower(element).includes(wanted));
    const rows = [...account.querySelectorAll(".balances tbody tr")];
    const zeros = account.querySelector(".zeros");
    const isZero = !isWhole && zeros !== null && lower(zeros.lastElementChild).includes(wanted);
    let hits = 0;
    for (const row of rows) {
      row.hidden = !isWhole && !lower(row.cells[0]).includes(wanted);
      hits += !row.hidden;
    }
    const details = more.querySelector("details");
    setOpen(details, !isWhole && (hits > 0 || isZero));
    if (zeros) setOpen(zeros, isZero);
    return isWhole || hits > 0 || isZero;
  }

  /** Open what has a match, and close it again only if it was closed before. */
  function setOpen(details, isWanted) {
    if (isWanted && !details.open) {
      details.open = true;
      details.dataset.found = "";
    } else if (!isWanted && "found" in details.dataset) {
      details.open = false;
      delete details.dataset.found;
    }
  }

  function sort() {
    const heads = [...document.querySelectorAll(".accounts > thead th")];
    heads.forEach((head, column) => {
      if (column !== sorting.column) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", sorting.direction > 0 ? "ascending" : "descending");
    });
    if (sorting.column < 0) return;
    const value = (account) => {
      const cell = account.rows[0].cells[sorting.column];
      return cell.dataset.by === undefined ? cell.textContent : Number(cell.dataset.by);
    };
    const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
    const sorted = accounts().sort((a, b) => sorting.direction * compare(value(a), value(b)));
    document.querySelector("table.accounts").append(...sorted);
  }

  function addButtons() {
    document.querySelectorAll(".accounts > thead th").forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.id = `sort-${column}`;
      button.textContent = head.textContent;
      button.addEventListener("click", () => {
        sorting = { column, direction: sorting.column === column ? -sorting.direction : 1 };
        sort();
      });
      head.replaceChildren(button);
    });
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden) return;
    // A page that was hidden, or whose machine slept, must not look fresh until it is.
    if (isOld()) sayOld(`Not refreshed since ${fresh.clock}.`);
    const started = performance.now();
    try {
      take(await load());
    } catch (error) {
      sayOld(`No contact with the exporter since ${fresh.clock}: ${error.message}`);
    }
    pause = Math.max(EVERY, 20 * (performance.now() - started));
    timer = setTimeout(refresh, pause);
  }

  const isOld = () => Date.now() - fresh.at > TOO_OLD * pause;

  async function load() {
    const options = { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(10000) };
    const answer = await fetch(location.pathname, options).catch(() => {
      throw new Error("it can’t be reached.");
    });
    if (!answer.ok) throw new Error(`it answers ${answer.status}.`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("accounts")) throw new Error("something else answers in its place.");
    return page;
  }

  function take(page) {
    if (isSelecting()) {
      if (isOld()) sayOld(`Not refreshed since ${fresh.clock}, because text is selected.`);
      return;
    }
    const focused = document.activeElement?.id || document.activeElement?.parentElement?.id;
    for (const id of ["answer", "totals", "accounts"]) {
      const [before, after] = [byId(id), page.getElementById(id)];
      keepOpen(before, after);
      before.replaceWith(document.adoptNode(after));
    }
    document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
    fresh = { at: Date.now(), clock: byId("as-of").textContent, title: page.title };
    addButtons();
    sort();
    choose();
    focusAgain(focused);
    sayFresh();
  }

  const isSelecting = () => {
    const selection = getSelection();
    return !selection.isCollapsed && document.querySelector("main").contains(selection.anchorNode);
  };

  function keepOpen(before, after) {
    const known = new Map();
    for (const details of before.querySelectorAll("details[id]")) known.set(details.id, details);
    for (const details of after.querySelectorAll("details[id]")) {
      const old = known.get(details.id);
      if (!old) continue;
      details.open = old.open;
      if ("found" in old.dataset) details.dataset.found = "";
    }
  }

  function focusAgain(id) {
    const element = id && byId(id);
    if (!element || element.contains(document.activeElement)) return;
    (element.querySelector("summary") ?? element).focus({ preventScroll: true });
  }

  function sayOld(text) {
    const contact = byId("contact");
    if (contact.textContent !== text) contact.textContent = text;
    contact.hidden = false;
    document.body.classList.add("stale");
    document.title = `old · ${fresh.title}`;
  }

  function sayFresh() {
    byId("contact").hidden = true;
    document.body.classList.remove("stale");
    document.title = fresh.title;
  }

  byId("choice").hidden = false;
  byId("choice").addEventListener("submit", (event) => event.preventDefault());
  byId("choice").addEventListener("input", choose);
  document.addEventListener("visibilitychange", refresh);
  addEventListener("pageshow", (event) => event.persisted && refresh());
  addButtons();
  choose();
  timer = setTimeout(refresh, EVERY);
})();
